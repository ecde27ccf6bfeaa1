import { defineCommand } from '../../framework/command.ts';

export const whoCanCommand = defineCommand({
  description:
    'Evaluates the policies, the statements and the permissions boundary of every account. Reads AWS managed policies from the catalogue in kon. Reads other policies, including inline policies that others put on a role, from IAM with your AWS credentials. DECISION is allowed, depends (on values of a real request), or unknown (a policy could not be read). Evaluates none of these: resource policies, service control policies, resource control policies, session policies, VPC endpoint policies. Exits with 0 if an account is allowed the action, with 1 if no account is, and above 1 if the answer cannot be determined.',
  positionals: {
    action: { required: true, summary: 'IAM action as service:Action, without wildcards' },
    resource: {
      required: true,
      summary: 'ARN of the resource, or * for all resources or for an action that has no resource',
    },
  },
  options: {
    without: {
      value: 'POLICY',
      summary:
        'ARN or name of a policy: also show which accounts would lose the permission if this policy were detached',
      complete: 'policies',
    },
  },
  isQuestion: true,
  returns: 'list',
  examples: {
    'List the accounts that can read an S3 object': 'kon who-can s3:GetObject arn:aws:s3:::bucket/key',
    'Show which accounts would lose the permission if a policy were detached':
      'kon who-can s3:GetObject arn:aws:s3:::bucket/key --without aws/AmazonS3ReadOnlyAccess',
    'Show the deciding statements': "kon who-can sqs:SendMessage '*' -o yaml",
  },
  run: async (context, { args, options }) => {
    const { requireQuestion } = await import('../../permissions/question.ts');
    requireQuestion(args.action, args.resource);
    const { whoCanFlow } = await import('./handler.ts');
    return whoCanFlow(context, { ...args, without: options.without });
  },
});
