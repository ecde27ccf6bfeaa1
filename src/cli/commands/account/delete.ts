import { defineCommand } from '../../framework/command.ts';
import {
  accountOption,
  dryRunOption,
  requiredName,
  waitOptions,
  yesOption,
} from '../../framework/options.ts';

export const accountDeleteCommand = defineCommand({
  path: ['account', 'delete'],
  summary: 'Delete an account and its IAM role',
  description:
    'Waits until the role, its attachments and its links are gone. While running pods use the account it stays, and the wait says which they are.',
  positionals: [{ name: 'name', summary: 'the name of the account', complete: 'accounts' }],
  options: [accountOption, yesOption, dryRunOption, ...waitOptions],
  mutates: true,
  examples: [
    { does: 'Delete it, after a question', command: 'kon account delete myaccount' },
    { does: 'In a script', command: 'kon account delete myaccount --yes --timeout 5m' },
  ],
  run: async (context, { args, options }) => {
    const { deleteFlow } = await import('../../objects/delete.ts');
    const { accountKind } = await import('../../cluster/kinds.ts');
    return deleteFlow(context, {
      kind: accountKind,
      name: requiredName('account', args.name, options.account),
      yes: options.yes,
      consequence: (account) => {
        const role = `The role ${account.status?.roleArn ?? 'in IAM'}`;
        if (account.spec.deletionPolicy === 'Retain')
          return `${role} stays with its policies, and still lets in whom it lets in now. Sessions go on, and new ones are given. kon account orphans lists it.`;
        if (account.spec.aws.adopt === true)
          return `${role} was adopted, so it stays with its policies, and still lets in whom it lets in now. Sessions go on, and new ones are given.`;
        return `${role} is deleted with it, which ends its sessions at once.`;
      },
      write: options,
    });
  },
});
