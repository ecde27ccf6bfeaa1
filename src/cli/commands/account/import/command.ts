import { defineCommand } from '../../../framework/command.ts';
import {
  accountOption,
  dryRunOption,
  givenName,
  targetsOption,
  waitOptions,
  yesOption,
} from '../../../framework/options.ts';

export const accountImportCommand = defineCommand({
  description:
    'Reads the role from IAM with your own credentials, and creates an account that adopts the role. The account gets its name and targets from the ServiceAccounts in the role’s trust policy, and lists the policies that are attached to the role. Before saving, lists who would lose access. Refuses if running pods would lose access: to hand the ServiceAccounts of these pods over, pass --take-service-accounts. First remove the role from the tool that created it, without deleting the role, so that only one tool manages the role.',
  positionals: {
    name: {
      summary: 'name of the account (default: the name of the ServiceAccount)',
      names: 'account',
    },
  },
  options: {
    ...accountOption,
    role: { value: 'NAME', summary: 'name of the role in IAM' },
    ...targetsOption('a target whose apps may use the account (default: the namespaces in the trust policy)'),
    'take-service-accounts': {
      summary: 'also hand over existing ServiceAccounts to the account, by labelling them',
    },
    ...dryRunOption,
    ...yesOption,
    ...waitOptions,
  },
  returns: 'written',
  mutates: true,
  examples: {
    'Show the result without saving it': 'kon account import --role payments-irsa --dry-run',
    'Include ServiceAccounts that eksctl created':
      'kon account import --role eksctl-main-payments --take-service-accounts',
  },
  run: async (context, { args, options }) => {
    const { usageError } = await import('../../../framework/errors.ts');
    const { importFlow } = await import('./handler.ts');
    if (options.role === undefined)
      throw usageError('no role given', 'Pass the name of the role: kon account import --role NAME');
    return importFlow(context, {
      ...options,
      role: options.role,
      name: givenName('account', args.name, options.account),
      targets: options.target,
    });
  },
});
