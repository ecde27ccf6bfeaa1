import { defineCommand } from '../../framework/command.ts';

export const versionCommand = defineCommand({
  description:
    'Compares the schema version of the CRDs with the schema version of kon. Exits with 0 even if the cluster cannot be reached; the output then shows the reason.',
  options: { client: { summary: 'print only the version of kon, without a request to the cluster' } },
  returns: 'document',
  examples: {
    'Compare the version of kon with the versions in the cluster': 'kon version',
    'Print the versions for a bug report': 'kon version -o yaml',
  },
  run: async (context, { options }) => (await import('./handler.ts')).versionFlow(context, options),
});
