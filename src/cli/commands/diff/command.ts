import { defineCommand } from '../../framework/command.ts';
import { manifestsOptions } from '../../framework/options.ts';

export const diffCommand = defineCommand({
  description:
    'Sends each manifest to the API server as a dry run, which applies defaults and admission policies but saves nothing. Exits with 0 if nothing would change, 1 if something would change, and above 1 if the changes cannot be determined. For changes in IAM: kon account diff.',
  options: {
    ...manifestsOptions,
    'force-conflicts': {
      summary: 'compare as if kon apply --force-conflicts took over the fields that another tool has set',
    },
  },
  isQuestion: true,
  returns: 'document',
  examples: {
    'Before an apply': 'kon diff -f cluster.yaml',
    'Compare several files with the cluster, with output for a program':
      'kon diff -f cluster.yaml -f apps.yaml -o json',
  },
  run: async (context, { options }) => (await import('./handler.ts')).diffFlow(context, options),
});
