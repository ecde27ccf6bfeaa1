import { defineCommand } from '../../../framework/command.ts';

export const targetListCommand = defineCommand({
  path: ['target', 'list'],
  summary: 'List the targets, and how many accounts and apps each has',
  returns: 'list',
  examples: [{ does: 'See where apps can run', command: 'kon target list' }],
  run: async (context) => {
    const { listTargets } = await import('./handler.ts');
    return listTargets(context);
  },
});
