import { defineCommand } from '../../framework/command.ts';

export const versionCommand = defineCommand({
  description:
    'Compares the schema version of the CRDs with that of kon. Exits with 0 even if the cluster cannot be asked; the output then says why.',
  options: [{ name: 'client', summary: 'only the version of kon, without asking the cluster' }],
  returns: 'document',
  examples: [
    { does: 'Compare kon with the cluster', command: 'kon version' },
    { does: 'For a bug report', command: 'kon version -o yaml' },
  ],
  run: async (context, { options }) => {
    const { versionFlow } = await import('./handler.ts');
    return versionFlow(context, options);
  },
});
