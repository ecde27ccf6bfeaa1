import { defineCommand } from '../../framework/command.ts';
import { forceOption, manifestsOptions, writeOptions, yesOption } from '../../framework/options.ts';

export const applyCommand = defineCommand({
  description:
    'Applies any number of accounts, apps and ClusterConfigs from YAML documents or a JSON List. Validates all of them, also on the API server, before it writes the first. Fields that kon set earlier and that a file no longer contains are removed; fields that another tool set are kept (server-side apply).',
  options: {
    ...manifestsOptions,
    ...yesOption,
    ...forceOption,
    ...writeOptions,
  },
  returns: 'written',
  mutates: true,
  examples: {
    'From a file': 'kon apply -f cluster.yaml',
    'From a folder': 'kon apply -f manifests',
    'From another program': 'generate-accounts | kon apply -f -',
    'Check the files without sending them': 'kon apply -f manifests --dry-run=client',
    'Without waiting': 'kon apply -f cluster.yaml -f apps.yaml --no-wait',
  },
  run: async (context, { options }) => (await import('./handler.ts')).applyFlow(context, options),
});
