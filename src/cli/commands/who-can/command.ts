import { defineCommand } from '../../framework/command.ts';

export const whoCanCommand = defineCommand({
  description:
    'Evaluates the policies, the own statements and the permissions boundary of every account. It reads AWS managed policies from the catalogue in kon, and others, also inline policies that others put on a role, from IAM with your AWS credentials. DECISION is allowed, depends (on values of a real request), or unknown (a policy could not be read). It does not evaluate resource policies, service and resource control policies, session policies, and policies of VPC endpoints. Exits with 0 if an account may, with 1 if none may, and above 1 if it cannot be determined.',
  positionals: [
    { name: 'action', required: true, summary: 'as service:Action, without wildcards' },
    {
      name: 'resource',
      required: true,
      summary: 'an ARN; * for actions without resources, and for all resources',
    },
  ],
  options: [
    {
      name: 'without',
      value: 'POLICY',
      summary: 'also show who loses the permission without this policy: its ARN or its name',
      complete: 'policies',
    },
  ],
  isQuestion: true,
  returns: 'list',
  examples: [
    { does: 'Who can read an object', command: 'kon who-can s3:GetObject arn:aws:s3:::bucket/key' },
    {
      does: 'Who loses it without a policy',
      command: 'kon who-can s3:GetObject arn:aws:s3:::bucket/key --without aws/AmazonS3ReadOnlyAccess',
    },
    { does: 'With the deciding statements', command: "kon who-can sqs:SendMessage '*' -o yaml" },
  ],
  run: async (context, { args, options }) => {
    const { requireQuestion } = await import('../../permissions/question.ts');
    requireQuestion(args.action, args.resource);
    const { whoCanFlow } = await import('./handler.ts');
    return whoCanFlow(context, { ...args, without: options.without });
  },
});
