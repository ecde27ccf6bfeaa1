import { defineCommand } from '../../../framework/command.ts';

export const targetListCommand = defineCommand({
  path: ['target', 'list'],
  aliases: ['ls', 'get'],
  summary: 'List targets with the number of accounts and apps in each',
  returns: 'list',
  examples: [{ does: 'List where apps can run', command: 'kon target list' }],
  run: async (context) => {
    const { listTargets } = await import('./handler.ts');
    return listTargets(context);
  },
});
