import { defineCommand } from '../../framework/command.ts';
import { appOption, namesArgument, requiredNames, writeOptions, yesOption } from '../../framework/options.ts';

export const appDeleteCommand = defineCommand({
  positionals: { ...namesArgument('app', 'name of the app; several apps are deleted together') },
  options: { ...appOption, ...yesOption, ...writeOptions },
  mutates: true,
  examples: {
    'Delete an app after confirmation': 'kon app delete myapp',
    'In a script': 'kon app delete myapp --yes',
  },
  run: async (context, { args, options }) => {
    const { deleteFlow } = await import('../../objects/delete.ts');
    const { appKind } = await import('../../cluster/kinds.ts');
    const { appDeletionNotes } = await import('../../objects/deletion-notes.ts');
    return deleteFlow(context, {
      ...options,
      kind: appKind,
      names: requiredNames('app', args.name, options.app),
      notes: appDeletionNotes,
    });
  },
});
