import { defineCommand } from '../../../framework/command.ts';
import {
  accountOption,
  dryRunOption,
  givenName,
  waitOptions,
  yesOption,
} from '../../../framework/options.ts';

export const accountImportCommand = defineCommand({
  description:
    'Reads the role from IAM with your own credentials and creates the account that adopts it: with the name and targets of the ServiceAccounts in its trust policy, and with its attached policies. Lists beforehand who would lose access, running pods first, and refuses if running pods would: hand their ServiceAccounts over with --take-service-accounts. Take the role out of the tool that created it first, without deleting it, so that only one manages it.',
  positionals: [
    { name: 'name', summary: 'name of the account (default: that of the ServiceAccount)', names: 'account' },
  ],
  options: [
    accountOption,
    { name: 'role', value: 'NAME', summary: 'name of the role in IAM' },
    {
      name: 'target',
      short: 't',
      value: 'NAME',
      repeatable: true,
      summary: 'a target whose apps may use the account (default: those in the trust policy)',
      names: 'target',
      complete: 'targets',
    },
    {
      name: 'take-service-accounts',
      summary: 'also hand over existing ServiceAccounts, by labelling them',
    },
    dryRunOption,
    yesOption,
    ...waitOptions,
  ],
  returns: 'written',
  mutates: true,
  examples: [
    {
      does: 'Show the result without saving it',
      command: 'kon account import --role payments-irsa --dry-run',
    },
    {
      does: 'Include the ServiceAccounts of eksctl',
      command: 'kon account import --role eksctl-main-payments --take-service-accounts',
    },
  ],
  run: async (context, { args, options }) => {
    const { usageError } = await import('../../../framework/errors.ts');
    const { importFlow } = await import('./handler.ts');
    if (options.role === undefined)
      throw usageError('no role given', 'Pass it: kon account import --role NAME');
    return importFlow(context, {
      ...options,
      role: options.role,
      name: givenName('account', args.name, options.account),
      targets: options.target,
      wait: options,
    });
  },
});
