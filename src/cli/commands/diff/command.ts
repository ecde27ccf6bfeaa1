import { defineCommand } from '../../framework/command.ts';
import { filenameOption } from '../../framework/options.ts';

export const diffCommand = defineCommand({
  description:
    'Sends each manifest to the API server as a dry run, including defaults and admission policies, and saves nothing. Exits with 0 if nothing would change, 1 if something would change, and above 1 if the changes cannot be determined. For changes in IAM: kon account diff.',
  options: {
    filename: {
      ...filenameOption.filename,
      repeatable: true,
      summary:
        'read manifests from a file, from the .yaml, .yml and .json files of a folder, or from stdin with -; repeat for more',
    },
    recursive: { short: 'R', summary: 'with a folder: also read its subfolders' },
    'force-conflicts': { summary: 'take over the ownership of fields that another tool has set' },
  },
  isQuestion: true,
  returns: 'document',
  examples: {
    'Before an apply': 'kon diff -f cluster.yaml',
    'Compare several files, with output for a program': 'kon diff -f cluster.yaml -f apps.yaml -o json',
  },
  run: async (context, { options }) => {
    const { diffFlow } = await import('./handler.ts');
    return diffFlow(context, {
      filenames: options.filename,
      recursive: options.recursive,
      force: options.forceConflicts,
    });
  },
});
