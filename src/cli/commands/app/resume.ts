import { defineCommand } from '../../command.ts';
import { writeFormats } from '../../write/formats.ts';
import { appOption, dryRunOption, requiredName, waitOptions } from '../options.ts';
import { targetsOption } from './targets-option.ts';

export const appResumeCommand = defineCommand({
  path: ['app', 'resume'],
  summary: 'Start an app again that was halted, and wait until it runs',
  description:
    'Brings back as many replicas as there were; where an autoscaler decides, it goes on from there.',
  positionals: [{ name: 'name', summary: 'the name of the app', complete: 'apps' }],
  options: [appOption, targetsOption, dryRunOption, ...waitOptions],
  formats: writeFormats,
  examples: [
    { does: 'Start it wherever it was halted', command: 'kon app resume myapp' },
    { does: 'Start it in one target', command: 'kon app resume myapp --target staging' },
  ],
  run: async (context, { args, options }) => {
    const { modeFlow } = await import('./mode-flow.ts');
    return modeFlow(context, {
      name: requiredName('app', args.name, options.app),
      targets: options.target,
      mode: 'latest',
      write: options,
    });
  },
});
