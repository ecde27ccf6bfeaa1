import { defineCommand } from '../../../framework/command.ts';
import { parsePeriod } from '../../../framework/duration.ts';
import { accountOption, namesArgument, requiredNames, waitOptions } from '../../../framework/options.ts';

export const accountSuggestCommand = defineCommand({
  description:
    'Uses your AWS credentials to ask IAM for the last accessed information of the account’s roles, and compares this information with the policies and statements of the account. The suggestion omits only permissions that IAM reports as unused since the given time: it removes a policy, or replaces a policy by a smaller AWS managed policy or by statements with the same resources and conditions. The suggestion never allows more than the account does today. The command changes nothing, but prints the commands that apply the suggestion. IAM tracks only management actions, and only of some services; other actions of a used service stay.',
  positionals: { ...namesArgument('account', 'name of the account; repeat for more') },
  options: {
    ...accountOption,
    since: {
      value: 'DURATION',
      summary: 'time without use after which a permission counts as unused, at most 400d',
      default: '90d',
      parse: parsePeriod,
    },
    timeout: waitOptions.timeout,
  },
  returns: 'proposal',
  examples: {
    'List permissions that an account does not need': 'kon account suggest myaccount',
    'Consider the use in the last year': 'kon account suggest myaccount --since 365d',
    'Save the suggested manifest, to review and edit it':
      "kon account suggest myaccount -o jsonpath='{.proposed}' > myaccount.json",
  },
  run: async (context, { args, options }) => {
    const names = requiredNames('account', args.name, options.account);
    const { suggestFlow } = await import('./handler.ts');
    return suggestFlow(context, { names, periodMs: options.since, timeoutMs: options.timeout });
  },
});
