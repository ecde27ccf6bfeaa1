import { defineCommand, type LoadedDefinition } from '../../../framework/command.ts';
import {
  appOption,
  namesArgument,
  onlyName,
  requiredNames,
  watchOption,
} from '../../../framework/options.ts';

/** Defines `status`, and its alias `show`, which has the same name as the command for accounts. */
const define = (verb: 'status' | 'show'): LoadedDefinition =>
  defineCommand({
    positionals: { ...namesArgument('app', 'name of the app; several apps are shown one after the other') },
    options: {
      ...appOption,
      ...watchOption,
      details: { summary: 'also show all conditions, Events, and the image and role of each target' },
    },
    returns: 'object',
    examples: {
      'Show an app': `kon app ${verb} myapp`,
      'Show everything': `kon app ${verb} myapp --details`,
      'Follow the changes of an app': `kon app ${verb} myapp --watch`,
      'Print the state in each target, for a script': `kon app ${verb} myapp -o json | jq '.status.targets'`,
    },
    run: async (context, { args, options }) => {
      const { appKind } = await import('../../../cluster/kinds.ts');
      const { appView } = await import('./details.ts');
      const names = requiredNames('app', args.name, options.app);
      if (options.watch) {
        const { watchFlow } = await import('../../../objects/watch.ts');
        return watchFlow(context, appKind, onlyName(names), appView(options.details));
      }
      const { showFlow } = await import('../../../objects/show.ts');
      return showFlow(context, appKind, names, appView(options.details));
    },
  });

export const appStatusCommand = define('status');
export const appShowCommand = define('show');
