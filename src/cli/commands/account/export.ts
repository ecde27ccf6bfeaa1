import { defineCommand } from '../../framework/command.ts';
import { accountOption, givenName } from '../../framework/options.ts';

export const accountExportCommand = defineCommand({
  path: ['account', 'export'],
  summary: 'Print one account or all accounts as manifests',
  description:
    'Prints manifests without status and without fields of the API server and the operator. Policies of AWS and of the AWS account of the cluster are listed by name. You can pass the manifests to kon apply -f -, here or on another cluster.',
  positionals: [{ name: 'name', summary: 'name of the account (default: all)', complete: 'accounts' }],
  options: [accountOption],
  returns: 'manifest',
  examples: [
    { does: 'Into version control', command: 'kon account export myaccount > myaccount.yaml' },
    { does: 'All of them', command: 'kon account export > accounts.yaml' },
  ],
  run: async (context, { args, options }) => {
    const { getObject, listObjects } = await import('../../cluster/objects.ts');
    const { accountKind } = await import('../../cluster/kinds.ts');
    const { findClusterFacts } = await import('../../cluster/facts.ts');
    const { withPolicyNames } = await import('./from-options.ts');
    const { presentable } = await import('../../manifest/present.ts');
    const { writeObject, writeObjects } = await import('../../framework/output/answer.ts');
    const name = givenName('account', args.name, options.account);
    const client = await context.connect();
    const accounts =
      name === undefined
        ? await listObjects(client, accountKind)
        : [await getObject(client, accountKind, name)];
    const facts = (await findClusterFacts(client))?.facts;
    const exported = accounts.map((account) => ({
      ...presentable(account),
      spec: facts ? withPolicyNames(account.spec, facts) : account.spec,
    }));
    const [first] = exported;
    if (name === undefined || !first) await writeObjects(context, exported);
    else await writeObject(context, first);
  },
});
