import { defineCommand } from '../../../framework/command.ts';
import { notReadyOption, sortOption } from '../../../framework/options.ts';

export const targetListCommand = defineCommand({
  positionals: [
    {
      name: 'name',
      variadic: true,
      summary: 'only the target of this name; repeat for more',
      names: 'target',
      complete: 'targets',
    },
  ],
  options: [{ ...notReadyOption, summary: 'only targets without an active namespace' }, sortOption],
  returns: 'list',
  examples: [{ does: 'List the targets that apps can run in', command: 'kon target list' }],
  run: async (context, { args, options }) => {
    const { listTargets } = await import('./handler.ts');
    return listTargets(context, { ...options, names: args.name });
  },
});
