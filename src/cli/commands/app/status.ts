import { defineCommand } from '../../command.ts';
import { outputFormats } from '../../output/format.ts';
import { appOption, requiredName } from '../options.ts';

export const appStatusCommand = defineCommand({
  path: ['app', 'status'],
  summary: 'Show an app: its targets, their pods and identity, and what is in the way',
  positionals: [{ name: 'name', summary: 'the name of the app', complete: 'apps' }],
  options: [appOption],
  formats: outputFormats,
  examples: [
    { does: 'See how it is', command: 'kon app status myapp' },
    { does: 'Per target, for a script', command: "kon app status myapp -o json | jq '.status.targets'" },
  ],
  run: async (context, { args, options }) => {
    const { showFlow } = await import('../../output/show.ts');
    const { appKind } = await import('../../kinds.ts');
    const { renderApp } = await import('./details.ts');
    return showFlow(context, appKind, requiredName('app', args.name, options.app), renderApp);
  },
});
