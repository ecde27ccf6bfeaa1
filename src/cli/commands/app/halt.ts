import { defineCommand } from '../../framework/command.ts';
import { appOption, dryRunOption, requiredNames, waitOptions } from '../../framework/options.ts';
import { targetsOption } from './targets-option.ts';

export const appHaltCommand = defineCommand({
  description:
    'Scales the app to zero pods. Its Deployment, Service, revisions and identity are kept, so that `kon app resume` can start the app again.',
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
  returns: 'written',
  mutates: true,
  examples: [
    { does: 'Stop an app in all targets', command: 'kon app halt myapp' },
    { does: 'Stop an app in one target', command: 'kon app halt myapp --target staging' },
  ],
  run: async (context, { args, options }) => {
    const { modeFlow } = await import('./change-mode.ts');
    for (const name of requiredNames('app', args.name, options.app))
      await modeFlow(context, {
        name,
        targets: options.target,
        mode: 'halt',
        write: options,
      });
  },
});
