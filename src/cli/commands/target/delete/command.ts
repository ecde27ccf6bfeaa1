import { defineCommand } from '../../../framework/command.ts';
import { dryRunOption, requiredNames, waitOptions, yesOption } from '../../../framework/options.ts';

export const targetDeleteCommand = defineCommand({
  description:
    'Removes the target from the ClusterConfig, and unlinks accounts that apply to all targets. The namespace and its contents are kept. Refuses while an app or an account names the target, or while pods in the target hold the identity of an account, and lists these apps, accounts and pods.',
  positionals: {
    name: {
      variadic: true,
      summary: 'name of the target; repeat for more',
      names: 'target',
      complete: 'targets',
    },
  },
  options: { ...yesOption, ...dryRunOption, ...waitOptions },
  mutates: true,
  examples: {
    'Remove a target after confirmation': 'kon target delete staging',
    'Show the result without saving it': 'kon target delete staging --dry-run',
    'In a script': 'kon target delete staging --yes',
  },
  run: async (context, { args, options }) => {
    const { deleteTarget } = await import('./handler.ts');
    for (const name of requiredNames('target', args.name)) await deleteTarget(context, name, options);
  },
});
