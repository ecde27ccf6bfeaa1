import { defineCommand } from '../../../framework/command.ts';
import { appOption, namesArgument, requiredNames, writeOptions } from '../../../framework/options.ts';
import { appTargetsOption } from '../options.ts';

export const appRestartCommand = defineCommand({
  description:
    'Restarts the Deployments by a rolling update, one target after the other: a pod ends when its successor is ready, and the next target follows when the previous target is healthy. The app’s spec does not change. First checks with a dry-run pod that new pods get the identity of the app’s account, and refuses the restart otherwise. Needs the right to patch Deployments in the targets.',
  positionals: { ...namesArgument('app', 'name of the app; repeat for more') },
  options: { ...appOption, ...appTargetsOption, ...writeOptions },
  returns: 'rollouts',
  mutates: true,
  examples: {
    'Restart an app in all targets': 'kon app restart myapp',
    'Restart an app in one target, without waiting': 'kon app restart myapp --target staging --no-wait',
  },
  run: async (context, { args, options }) => {
    const { restartFlow } = await import('./handler.ts');
    for (const name of requiredNames('app', args.name, options.app))
      await restartFlow(context, { ...options, name });
  },
});
