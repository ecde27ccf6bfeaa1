import { defineCommand } from '../../../framework/command.ts';
import { dryRunOption, waitOptions, yesOption } from '../../../framework/options.ts';

export const targetDeleteCommand = defineCommand({
  path: ['target', 'delete'],
  summary: 'Take a target from the cluster, and wait until no account is linked there',
  description:
    'It is taken out of the ClusterConfig, and accounts that are for all targets are unlinked in it. The namespace stays, with what is in it. While an app or an account names the target, or pods in it hold the identity of an account, it is refused, and says which.',
  positionals: [{ name: 'name', summary: 'the name of the target', required: true, complete: 'targets' }],
  options: [yesOption, dryRunOption, ...waitOptions],
  mutates: true,
  examples: [
    { does: 'Take it away, after a question', command: 'kon target delete staging' },
    { does: 'See what would be', command: 'kon target delete staging --dry-run' },
    { does: 'In a script', command: 'kon target delete staging --yes' },
  ],
  run: async (context, { args, options }) => {
    const { deleteTarget } = await import('./handler.ts');
    return deleteTarget(context, args.name, options);
  },
});
