import { defineCommand } from '../../../framework/command.ts';
import { accountOption, namesArgument, requiredNames } from '../../../framework/options.ts';

export const accountHistoryCommand = defineCommand({
  description:
    'Prints the oldest entry first. Kubernetes keeps Events for an hour by default. For each condition, Kubernetes keeps only the last transition; for each field manager, only the time of the last write.',
  positionals: { ...namesArgument('account', 'name of the account; several accounts are shown in one list') },
  options: { ...accountOption },
  returns: 'records',
  examples: {
    'Show the history of an account': 'kon account history myaccount',
    'Only warnings': "kon account history myaccount -o json | jq '.items[] | select(.warning)'",
  },
  run: async (context, { args, options }) => {
    const { historyFlow } = await import('./handler.ts');
    return historyFlow(context, requiredNames('account', args.name, options.account));
  },
});
