import { defineCommand } from '../../../framework/command.ts';

export const policiesUsersCommand = defineCommand({
  description:
    'Lists the accounts whose role has the policy attached or has it as permissions boundary, which may come from the ClusterConfig. It needs no AWS credentials. Roles that no account manages are not listed. Exits with 0 if an account has the policy, and with 1 if none has it.',
  positionals: [
    {
      name: 'policy',
      required: true,
      summary: 'its ARN, a name such as aws/ReadOnlyAccess, or the last part of the ARN',
      complete: 'policies',
    },
  ],
  isQuestion: true,
  returns: 'list',
  examples: [
    { does: 'Accounts with an AWS managed policy', command: 'kon policies users AmazonS3ReadOnlyAccess' },
    {
      does: 'Names of accounts with a policy, for a script',
      command: 'kon policies users account/team/payments -o name',
    },
  ],
  run: async (context, { args }) => {
    const { policyUsersFlow } = await import('./handler.ts');
    return policyUsersFlow(context, args.policy);
  },
});
