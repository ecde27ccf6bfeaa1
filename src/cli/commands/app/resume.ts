import { defineCommand } from '../../framework/command.ts';
import { appOption, dryRunOption, requiredNames, waitOptions } from '../../framework/options.ts';
import { targetsOption } from './targets-option.ts';

export const appResumeCommand = defineCommand({
  description:
    'Starts a halted app with its previous number of replicas. An autoscaler, if any, continues from this number.',
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
    { does: 'Start an app in all targets', command: 'kon app resume myapp' },
    { does: 'Start an app in one target', command: 'kon app resume myapp --target staging' },
  ],
  run: async (context, { args, options }) => {
    const { modeFlow } = await import('./change-mode.ts');
    for (const name of requiredNames('app', args.name, options.app))
      await modeFlow(context, {
        name,
        targets: options.target,
        mode: 'latest',
        write: options,
      });
  },
});
