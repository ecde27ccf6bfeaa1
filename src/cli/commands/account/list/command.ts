import { defineCommand } from '../../../framework/command.ts';
import { parsePeriod } from '../../../framework/duration.ts';
import { usageError } from '../../../framework/errors.ts';
import { namesArgument, selectionOptions, watchListOptions } from '../../../framework/options.ts';
import { policyOption } from '../options.ts';

export const accountListCommand = defineCommand({
  positionals: [namesArgument('account', 'only the account of this name; repeat for more')],
  options: [
    policyOption(
      'policy',
      'only accounts with this policy: its ARN, its name, or a pattern with *; repeat for more',
    ),
    {
      name: 'unused',
      value: 'DURATION',
      summary: 'only accounts that IAM reports as not used for this long, such as 90d',
      parse: parsePeriod,
    },
    ...selectionOptions,
    ...watchListOptions,
  ],
  returns: 'list',
  examples: [
    { does: 'See them all', command: 'kon account list' },
    { does: 'Follow changes', command: 'kon account list --watch' },
    { does: 'With full ARNs', command: 'kon account list -o wide' },
    { does: 'Names of accounts that are not ready', command: 'kon account list --not-ready -o name' },
    { does: 'Accounts with a policy', command: 'kon account list --policy AdministratorAccess' },
    { does: 'Accounts that were not used for 90 days', command: 'kon account list --unused 90d' },
    {
      does: 'Chosen fields',
      command: "kon account list -o custom-columns='NAME:.metadata.name,ROLE:.status.roleArn'",
    },
  ],
  run: async (context, { args, options }) => {
    const { listFlow } = await import('../../../objects/list.ts');
    const { accountKind } = await import('../../../cluster/kinds.ts');
    const { accountColumns } = await import('./columns.ts');
    const columns = accountColumns(context.now());
    const input = { ...options, names: args.name };
    if (options.unused === undefined) return listFlow(context, accountKind, columns, input);
    if (options.watch || options.outputWatchEvents)
      throw usageError('--unused cannot be combined with --watch', 'Pass either.');
    const { unusedFilter } = await import('./unused.ts');
    return listFlow(context, accountKind, columns, input, await unusedFilter(context, options.unused));
  },
});
