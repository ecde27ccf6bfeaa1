import { defineCommand } from '../../framework/command.ts';
import { accountOption, givenName } from '../../framework/options.ts';

export const accountExportCommand = defineCommand({
  path: ['account', 'export'],
  summary: 'Print an account as a clean manifest, or all of them',
  description:
    'Prints what a person would write: without status and without what the API server and the operator keep in it. It can be given to kon apply -f -, here or on another cluster.',
  positionals: [{ name: 'name', summary: 'the name of the account; all when absent', complete: 'accounts' }],
  options: [accountOption],
  formats: ['yaml', 'json'],
  examples: [
    { does: 'Into version control', command: 'kon account export myaccount > myaccount.yaml' },
    { does: 'All of them', command: 'kon account export > accounts.yaml' },
  ],
  run: async (context, { args, options }) => {
    const { getObject, listObjects } = await import('../../cluster/objects.ts');
    const { exitCodes } = await import('../../framework/exit-codes.ts');
    const { accountKind } = await import('../../cluster/kinds.ts');
    const { presentable } = await import('../../manifest/present.ts');
    const { machineFormat, renderList, renderObject } = await import('../../framework/output/objects.ts');
    const name = givenName('account', args.name, options.account);
    const client = await context.connect();
    const format = machineFormat(context.format);
    context.stdout.write(
      name === undefined
        ? renderList((await listObjects(client, accountKind)).map(presentable), format)
        : renderObject(presentable(await getObject(client, accountKind, name)), format),
    );
    return exitCodes.ok;
  },
});
