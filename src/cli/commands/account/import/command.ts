import { defineCommand } from '../../../framework/command.ts';
import {
  accountOption,
  dryRunOption,
  givenName,
  waitOptions,
  yesOption,
} from '../../../framework/options.ts';

export const accountImportCommand = defineCommand({
  path: ['account', 'import'],
  summary: 'Make an account of a role that exists, of eksctl or Terraform',
  description:
    'Reads the role from IAM, with your own credentials, and writes the account that takes it over: its name and targets are those of the ServiceAccounts in its trust policy, its policies those that are attached. Names beforehand everybody who is no longer let in, running pods first, and refuses while running pods would be shut out: hand their ServiceAccounts over with --take-service-accounts. Forget the role in the tool that made it afterwards, so that only one keeps it.',
  positionals: [{ name: 'name', summary: 'the name of the account; that of the ServiceAccount when absent' }],
  options: [
    accountOption,
    { name: 'role', value: 'NAME', summary: 'the name of the role in IAM' },
    {
      name: 'target',
      short: 't',
      value: 'NAME',
      repeatable: true,
      summary: 'a target whose apps may use the account; those of the trust policy when absent',
      complete: 'targets',
    },
    {
      name: 'take-service-accounts',
      summary: 'also hand over the ServiceAccounts that exist, by the label of the account',
    },
    dryRunOption,
    yesOption,
    ...waitOptions,
  ],
  returns: 'written',
  mutates: true,
  examples: [
    { does: 'See what it would be', command: 'kon account import --role payments-irsa --dry-run' },
    {
      does: 'With the ServiceAccounts of eksctl',
      command: 'kon account import --role eksctl-main-payments --take-service-accounts',
    },
  ],
  run: async (context, { args, options }) => {
    const { usageError } = await import('../../../framework/errors.ts');
    const { importFlow } = await import('./handler.ts');
    if (options.role === undefined)
      throw usageError('which role? None was given', 'Give it: kon account import --role NAME');
    return importFlow(context, {
      ...options,
      role: options.role,
      name: givenName('account', args.name, options.account),
      targets: options.target,
      wait: options,
    });
  },
});
