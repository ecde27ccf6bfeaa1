import { defineCommand, type Command } from '../../../framework/command.ts';
import { appOption, requiredName, watchOption } from '../../../framework/options.ts';

/** Defines `status` and its alias `show`, the name used for accounts. */
const define = (verb: 'status' | 'show'): Command =>
  defineCommand({
    path: ['app', verb],
    summary:
      verb === 'status'
        ? 'Show an app: targets, pods, identity and problems'
        : 'Show an app; alias of status',
    positionals: [{ name: 'name', summary: 'name of the app', complete: 'apps' }],
    options: [appOption, watchOption],
    returns: 'object',
    examples: [
      { does: 'Show it', command: `kon app ${verb} myapp` },
      { does: 'Follow it', command: `kon app ${verb} myapp --watch` },
      { does: 'Per target, for a script', command: `kon app ${verb} myapp -o json | jq '.status.targets'` },
    ],
    run: async (context, { args, options }) => {
      const { appKind } = await import('../../../cluster/kinds.ts');
      const { appView } = await import('./details.ts');
      const name = requiredName('app', args.name, options.app);
      if (options.watch) {
        const { watchFlow } = await import('../../../objects/watch.ts');
        return watchFlow(context, appKind, name, appView);
      }
      const { showFlow } = await import('../../../objects/show.ts');
      return showFlow(context, appKind, name, appView);
    },
  });

export const appStatusCommand = define('status');
export const appShowCommand = define('show');
