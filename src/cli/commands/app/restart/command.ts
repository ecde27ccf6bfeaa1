import { defineCommand } from '../../../framework/command.ts';
import { appOption, dryRunOption, requiredNames, waitOptions } from '../../../framework/options.ts';
import { targetsOption } from '../targets-option.ts';

export const appRestartCommand = defineCommand({
  description:
    'Restarts the Deployments by a rolling update, one target after the other: a pod ends when its successor is ready, and the next target follows when the previous target is healthy. The app’s spec does not change. Refuses if new pods would lack the identity of the app’s account, which a dry-run pod shows. Needs the right to patch Deployments in the targets.',
  positionals: [
    {
      name: 'name',
      variadic: true,
      summary: 'name of the app; repeat for more',
      names: 'app',
      complete: 'apps',
    },
  ],
  options: [appOption, targetsOption, dryRunOption, ...waitOptions],
  returns: 'rollouts',
  mutates: true,
  examples: [
    { does: 'Restart it everywhere', command: 'kon app restart myapp' },
    {
      does: 'Restart an app in one target, without waiting',
      command: 'kon app restart myapp --target staging --no-wait',
    },
  ],
  run: async (context, { args, options }) => {
    const { restartFlow } = await import('./handler.ts');
    for (const name of requiredNames('app', args.name, options.app))
      await restartFlow(context, {
        name,
        targets: options.target,
        write: options,
      });
  },
});
