import { defineCommand, type Examples, type LoadedDefinition } from '../../framework/command.ts';
import { appOption, namesArgument, requiredNames, writeOptions } from '../../framework/options.ts';
import { appTargetsOption } from './options.ts';

/** Defines a command that sets the deploy mode of apps. */
const define = (
  mode: 'halt' | 'latest',
  texts: { readonly description: string; readonly examples: Examples },
): LoadedDefinition =>
  defineCommand({
    ...texts,
    positionals: { ...namesArgument('app', 'name of the app; repeat for more') },
    options: { ...appOption, ...appTargetsOption, ...writeOptions },
    returns: 'written',
    mutates: true,
    run: async (context, { args, options }) => {
      const { modeFlow } = await import('./change-mode.ts');
      for (const name of requiredNames('app', args.name, options.app))
        await modeFlow(context, { name, targets: options.target, mode, write: options });
    },
  });

export const appHaltCommand = define('halt', {
  description:
    'Scales the app to zero pods. Its Deployment, Service, revisions and identity are kept, so that `kon app resume` can start the app again.',
  examples: {
    'Stop an app in all targets': 'kon app halt myapp',
    'Stop an app in one target': 'kon app halt myapp --target staging',
  },
});

export const appResumeCommand = define('latest', {
  description:
    'Starts a halted app with its previous number of replicas. An autoscaler, if any, continues from this number.',
  examples: {
    'Start an app in all targets': 'kon app resume myapp',
    'Start an app in one target': 'kon app resume myapp --target staging',
  },
});
