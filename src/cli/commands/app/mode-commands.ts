import { appKind } from '../../cluster/kinds.ts';
import { defineCommand, type Examples, type LoadedDefinition } from '../../framework/command.ts';
import { appOption, namesArgument, requiredNames, writeOptions } from '../../framework/options.ts';
import { appTargetsOption } from './options.ts';

/** Defines a command that sets the deploy mode of the selected targets, and waits only for these targets. */
const define = (
  deployMode: 'halt' | 'latest',
  texts: { readonly description: string; readonly examples: Examples },
): LoadedDefinition =>
  defineCommand({
    ...texts,
    positionals: { ...namesArgument('app', 'name of the app; repeat for more') },
    options: { ...appOption, ...appTargetsOption, ...writeOptions },
    returns: 'written',
    mutates: true,
    run: async (context, { args, options }) => {
      const { chosenTargets } = await import('../../cluster/app-objects.ts');
      const { waitForTargets } = await import('../../framework/wait/targets.ts');
      const { editFlow } = await import('../../objects/edit.ts');
      const isHalt = deployMode === 'halt';
      for (const name of requiredNames('app', args.name, options.app))
        await editFlow(context, {
          kind: appKind,
          name,
          filename: undefined,
          change: (app) => {
            const chosen = new Set(chosenTargets(app, options.target));
            const targets = app.spec.targets.map((target) =>
              chosen.has(target.name) ? { ...target, deployMode } : target,
            );
            return { ...app.spec, targets };
          },
          withoutEditor: [],
          did: isHalt ? 'halted' : 'resumed',
          until: (app, client) => {
            const targets = chosenTargets(app, options.target);
            const state = isHalt ? 'is halted' : 'runs';
            return waitForTargets(context, client, app, targets, options.timeout, state);
          },
          write: options,
        });
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
