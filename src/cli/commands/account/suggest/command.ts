import { defineCommand } from '../../../framework/command.ts';
import { parsePeriod } from '../../../framework/duration.ts';
import { accountOption, requiredNames, waitOptions } from '../../../framework/options.ts';

const [, timeoutOption] = waitOptions;

export const accountSuggestCommand = defineCommand({
  description:
    'Asks IAM for the last accessed information of the account’s roles with your AWS credentials, and compares it with the policies and statements of the account. It leaves out only what IAM reports as unused since the given time: a policy is removed, replaced by a smaller AWS managed policy, or replaced by statements with the resources and conditions of today. The suggestion never allows more than the account does today. It changes nothing: the output ends with the commands that would. IAM tracks only management actions, and only of some services; other actions of a used service stay.',
  positionals: [
    {
      name: 'name',
      variadic: true,
      summary: 'name of the account; repeat for more',
      names: 'account',
      complete: 'accounts',
    },
  ],
  options: [
    accountOption,
    {
      name: 'since',
      value: 'DURATION',
      summary: 'treat as unused what was not used for this long, at most 400d',
      default: '90d',
      parse: parsePeriod,
    },
    timeoutOption,
  ],
  returns: 'proposal',
  examples: [
    { does: 'What an account could do without', command: 'kon account suggest myaccount' },
    { does: 'By the use of the last year', command: 'kon account suggest myaccount --since 365d' },
    {
      does: 'Save the suggested manifest, to review and edit it',
      command: "kon account suggest myaccount -o jsonpath='{.proposed}' > myaccount.json",
    },
  ],
  run: async (context, { args, options }) => {
    const names = requiredNames('account', args.name, options.account);
    const { suggestFlow } = await import('./handler.ts');
    return suggestFlow(context, { names, periodMs: options.since, timeoutMs: options.timeout });
  },
});
