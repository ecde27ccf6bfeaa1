import { defineCommand } from '../../../framework/command.ts';
import { parsePeriod } from '../../../framework/duration.ts';
import { usageError } from '../../../framework/errors.ts';
import { namesArgument, selectionOptions, watchListOptions } from '../../../framework/options.ts';
import { policyOption } from '../options.ts';

export const accountListCommand = defineCommand({
  positionals: { ...namesArgument('account', 'only the account of this name; repeat for more') },
  options: {
    policy: policyOption(
      'only accounts with this policy: its ARN, its name, or a pattern with *; repeat for more',
    ),
    unused: {
      value: 'DURATION',
      summary: 'only accounts that IAM reports as not used for this long, such as 90d',
      parse: parsePeriod,
    },
    ...selectionOptions,
    ...watchListOptions,
  },
  returns: 'list',
  examples: {
    'List all accounts': 'kon account list',
    'Follow the changes of all accounts': 'kon account list --watch',
    'Show the full ARNs': 'kon account list -o wide',
    'Names of accounts that are not ready': 'kon account list --not-ready -o name',
    'Accounts with a policy': 'kon account list --policy AdministratorAccess',
    'Accounts that were not used for 90 days': 'kon account list --unused 90d',
    'Chosen fields': "kon account list -o custom-columns='NAME:.metadata.name,ROLE:.status.roleArn'",
  },
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
