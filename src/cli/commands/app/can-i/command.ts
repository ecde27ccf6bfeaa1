import { defineCommand } from '../../../framework/command.ts';

export const appCanICommand = defineCommand({
  description:
    'Does the same as kon account can-i for the account of the app. Does not evaluate resource policies, resource control policies, VPC endpoint policies, session policies, and service control policies with conditions. Lists on stderr the pods that do not hold the identity of the account. Exits with 0 for yes, with 1 for no, and above 1 if the answer cannot be determined.',
  positionals: {
    name: { required: true, summary: 'name of the app', names: 'app', complete: 'apps' },
    action: { required: true, summary: 'IAM action as service:Action, without wildcards' },
    resource: { summary: 'ARN of the resource (default: any resource)' },
  },
  isQuestion: true,
  returns: 'document',
  examples: {
    'One object': 'kon app can-i myapp s3:GetObject arn:aws:s3:::bucket/key',
    'In a script': 'kon app can-i myapp sqs:SendMessage -o json',
  },
  run: async (context, { args }) => {
    const { requireQuestion } = await import('../../../permissions/question.ts');
    const resource = args.resource ?? '*';
    requireQuestion(args.action, resource);
    const { appCanIFlow } = await import('./handler.ts');
    return appCanIFlow(context, { app: args.name, action: args.action, resource });
  },
});
