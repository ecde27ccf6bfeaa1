import { defineCommand } from '../../../framework/command.ts';
import { accountOption, requiredName } from '../../../framework/options.ts';

export const accountVerifyCommand = defineCommand({
  path: ['account', 'verify'],
  summary: 'Prove now, for each target, that pods can assume the role',
  description:
    'Asks the API server for a token of each ServiceAccount and STS for credentials of the role, bounded to nothing and thrown away: what an SDK in a pod does. It needs the right to create serviceaccounts/token, and no AWS credentials. It exits with 0 when all are proven, with 1 when one is not, and with more when that cannot be told.',
  positionals: [{ name: 'name', summary: 'the name of the account', complete: 'accounts' }],
  options: [accountOption],
  isQuestion: true,
  returns: 'records',
  examples: [
    { does: 'After a change of IAM by hand', command: 'kon account verify myaccount' },
    { does: 'In a script', command: 'kon account verify myaccount -o json' },
  ],
  run: async (context, { args, options }) => {
    const { verifyFlow } = await import('./handler.ts');
    return verifyFlow(context, requiredName('account', args.name, options.account));
  },
});
