import { defineCommand } from '../../../framework/command.ts';

export const policiesUsersCommand = defineCommand({
  description:
    'Lists the accounts whose role has the policy attached or has it as permissions boundary, which may come from the ClusterConfig. Needs no AWS credentials. Does not list roles that no account manages. Exits with 0 if an account has the policy, and with 1 if no account has it.',
  positionals: {
    policy: {
      required: true,
      summary: 'ARN of the policy, its name such as aws/ReadOnlyAccess, or the last part of the ARN',
      complete: 'policies',
    },
  },
  isQuestion: true,
  returns: 'list',
  examples: {
    'List the accounts that use a given AWS managed policy': 'kon policies users AmazonS3ReadOnlyAccess',
    'Print the names of accounts with a policy, for a script':
      'kon policies users account/team/payments -o name',
  },
  run: async (context, { args }) => (await import('./handler.ts')).policyUsersFlow(context, args.policy),
});
