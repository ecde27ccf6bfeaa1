import { defineCommand } from '../../framework/command.ts';
import { dryRunOption, filenameOption, waitOptions } from '../../framework/options.ts';

export const applyCommand = defineCommand({
  path: ['apply'],
  summary: 'Create or change whatever a file holds, and wait until it is true',
  description:
    'Takes any number of accounts, apps and ClusterConfigs, as YAML documents or a JSON List. All are checked, by the API server too, before the first is written. What a file no longer names is removed if kon had set it, and stays if another tool has (server-side apply).',
  options: [
    { ...filenameOption, repeatable: true, summary: `${filenameOption.summary}; repeat for more` },
    {
      name: 'force-conflicts',
      summary: 'take over fields which another tool has set',
    },
    dryRunOption,
    ...waitOptions,
  ],
  returns: 'written',
  mutates: true,
  examples: [
    { does: 'From a file', command: 'kon apply -f cluster.yaml' },
    { does: 'From another program', command: 'generate-accounts | kon apply -f -' },
    { does: 'Without waiting', command: 'kon apply -f cluster.yaml -f apps.yaml --no-wait' },
  ],
  run: async (context, { options }) => {
    const { applyFlow } = await import('./handler.ts');
    return applyFlow(context, {
      filenames: options.filename,
      force: options.forceConflicts,
      write: options,
    });
  },
});
