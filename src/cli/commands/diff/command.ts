import { defineCommand } from '../../framework/command.ts';
import { filenameOption } from '../../framework/options.ts';

export const diffCommand = defineCommand({
  path: ['diff'],
  summary: 'Show what kon apply would change in the cluster',
  description:
    'Lets the API server work out each apply without keeping it: defaults, validation and admission policies count. It exits with 0 when nothing would change, with 1 when something would, and with more when that cannot be told. For what follows in IAM: kon account diff.',
  options: [
    { ...filenameOption, repeatable: true, summary: `${filenameOption.summary}; repeat for more` },
    { name: 'force-conflicts', summary: 'as if fields which another tool has set were taken over' },
  ],
  isQuestion: true,
  returns: 'document',
  examples: [
    { does: 'Before an apply', command: 'kon diff -f cluster.yaml' },
    { does: 'Of several files, for a program', command: 'kon diff -f cluster.yaml -f apps.yaml -o json' },
  ],
  run: async (context, { options }) => {
    const { diffFlow } = await import('./handler.ts');
    return diffFlow(context, { filenames: options.filename, force: options.forceConflicts });
  },
});
