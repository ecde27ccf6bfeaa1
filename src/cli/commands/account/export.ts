import { defineCommand } from '../../framework/command.ts';
import { accountOption, givenName } from '../../framework/options.ts';

export const accountExportCommand = defineCommand({
  path: ['account', 'export'],
  summary: 'Print one account or all accounts as manifests',
  description:
    'Prints manifests without status and without fields of the API server and the operator. You can pass them to kon apply -f -, here or on another cluster.',
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
    const { presentable } = await import('../../manifest/present.ts');
    const { writeObject, writeObjects } = await import('../../framework/output/answer.ts');
    const name = givenName('account', args.name, options.account);
    const client = await context.connect();
    if (name === undefined)
      await writeObjects(context, (await listObjects(client, accountKind)).map(presentable));
    else await writeObject(context, presentable(await getObject(client, accountKind, name)));
  },
});
