import { defineCommand } from '../../framework/command.ts';
import { appOption, dryRunOption, requiredNames, waitOptions } from '../../framework/options.ts';
import { targetsOption } from './targets-option.ts';

export const appResumeCommand = defineCommand({
  description: 'Restores the previous number of replicas; an autoscaler continues from there.',
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
    { does: 'Start it in all targets', command: 'kon app resume myapp' },
    { does: 'Start it in one target', command: 'kon app resume myapp --target staging' },
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
