import { defineCommand } from '../../framework/command.ts';
import { accountOption, namesArgument, namesOrAll } from '../../framework/options.ts';

export const accountExportCommand = defineCommand({
  description:
    'Prints manifests without the status and without the fields that the API server or the operator sets. AWS managed policies and policies in the AWS account of the cluster are listed by name. You can pass the manifests to kon apply -f -, on this or another cluster.',
  positionals: { ...namesArgument('account', 'name of the account (default: all)') },
  options: { ...accountOption },
  returns: 'manifest',
  examples: {
    'Save one account to a file': 'kon account export myaccount > myaccount.yaml',
    'Save all accounts to a file': 'kon account export > accounts.yaml',
  },
  run: async (context, { args, options }) => {
    const { exportFlow } = await import('../../objects/export.ts');
    const { accountKind } = await import('../../cluster/kinds.ts');
    const { findClusterFacts } = await import('../../cluster/cluster-config.ts');
    const { withPolicyNames } = await import('./from-options.ts');
    const names = namesOrAll('account', args.name, options.account);
    return exportFlow(context, accountKind, names, async (client) => {
      const facts = (await findClusterFacts(client))?.facts;
      return (spec) => (facts ? withPolicyNames(spec, facts) : spec);
    });
  },
});
