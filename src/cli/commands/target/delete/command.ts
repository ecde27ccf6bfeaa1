import { defineCommand } from '../../../framework/command.ts';
import { dryRunOption, requiredNames, waitOptions, yesOption } from '../../../framework/options.ts';

export const targetDeleteCommand = defineCommand({
  description:
    'Removes it from the ClusterConfig and unlinks accounts that apply to all targets. The namespace and its contents stay. Refused, with a list of the users, while an app or an account names the target or pods in it hold the identity of an account.',
  positionals: [
    {
      name: 'name',
      variadic: true,
      summary: 'name of the target; repeat for more',
      names: 'target',
      complete: 'targets',
    },
  ],
  options: [yesOption, dryRunOption, ...waitOptions],
  mutates: true,
  examples: [
    { does: 'Remove it after confirmation', command: 'kon target delete staging' },
    { does: 'Show the result without saving it', command: 'kon target delete staging --dry-run' },
    { does: 'In a script', command: 'kon target delete staging --yes' },
  ],
  run: async (context, { args, options }) => {
    const { deleteTarget } = await import('./handler.ts');
    for (const name of requiredNames('target', args.name)) await deleteTarget(context, name, options);
  },
});
