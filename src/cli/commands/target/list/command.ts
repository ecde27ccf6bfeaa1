import { defineCommand } from '../../../framework/command.ts';
import { notReadyOption, sortOption } from '../../../framework/options.ts';

export const targetListCommand = defineCommand({
  positionals: {
    name: {
      variadic: true,
      summary: 'only the target of this name; repeat for more',
      names: 'target',
      complete: 'targets',
    },
  },
  options: {
    'not-ready': { ...notReadyOption['not-ready'], summary: 'only targets without an active namespace' },
    ...sortOption,
  },
  returns: 'list',
  examples: { 'List the targets that apps can run in': 'kon target list' },
  run: async (context, { args, options }) =>
    (await import('./handler.ts')).listTargets(context, { ...options, names: args.name }),
});
