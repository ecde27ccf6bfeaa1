import { defineCommand } from '../../framework/command.ts';
import {
  accountOption,
  namesArgument,
  requiredNames,
  writeOptions,
  yesOption,
} from '../../framework/options.ts';

export const accountDeleteCommand = defineCommand({
  description:
    'Waits until the role, its attachments and its links are deleted. An account is not deleted while running pods use it, and the command names these pods.',
  positionals: { ...namesArgument('account', 'name of the account; several accounts are deleted together') },
  options: { ...accountOption, ...yesOption, ...writeOptions },
  mutates: true,
  examples: {
    'Delete an account after confirmation': 'kon account delete myaccount',
    'In a script': 'kon account delete myaccount --yes --timeout 5m',
  },
  run: async (context, { args, options }) => {
    const { deleteFlow } = await import('../../objects/delete.ts');
    const { accountKind } = await import('../../cluster/kinds.ts');
    const { accountDeletionNotes } = await import('../../objects/deletion-notes.ts');
    return deleteFlow(context, {
      ...options,
      kind: accountKind,
      names: requiredNames('account', args.name, options.account),
      notes: accountDeletionNotes,
    });
  },
});
