import { defineCommand } from '../../../framework/command.ts';
import { dryRunOption, waitOptions } from '../../../framework/options.ts';

export const targetCreateCommand = defineCommand({
  description:
    'A target is a namespace that apps run in. The command adds the target to the ClusterConfig, and the operator creates the namespace. Accounts that list no targets are also linked in the new target.',
  positionals: {
    name: {
      summary: 'name of the target, which is also the name of its namespace',
      required: true,
      names: 'target',
    },
  },
  options: { ...dryRunOption, ...waitOptions },
  mutates: true,
  examples: { 'Create one': 'kon target create staging' },
  run: async (context, { args, options }) =>
    (await import('./handler.ts')).createTarget(context, args.name, options),
});
