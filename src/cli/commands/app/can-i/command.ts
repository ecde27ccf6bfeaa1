import { defineCommand } from '../../../framework/command.ts';

export const appCanICommand = defineCommand({
  description:
    'Asks the question of kon account can-i for the account of the app. It does not evaluate resource policies, resource control policies, policies of VPC endpoints and session policies, nor service control policies with conditions. Pods that do not hold the identity of the account are listed on stderr. Exits with 0 for yes, with 1 for no, and above 1 if it cannot be determined.',
  positionals: [
    { name: 'name', required: true, summary: 'name of the app', names: 'app', complete: 'apps' },
    { name: 'action', required: true, summary: 'as service:Action, without wildcards' },
    { name: 'resource', summary: 'an ARN (default: any resource)' },
  ],
  isQuestion: true,
  returns: 'document',
  examples: [
    { does: 'One object', command: 'kon app can-i myapp s3:GetObject arn:aws:s3:::bucket/key' },
    { does: 'In a script', command: 'kon app can-i myapp sqs:SendMessage -o json' },
  ],
  run: async (context, { args }) => {
    const { requireQuestion } = await import('../../../permissions/question.ts');
    const resource = args.resource ?? '*';
    requireQuestion(args.action, resource);
    const { appCanIFlow } = await import('./handler.ts');
    return appCanIFlow(context, { app: args.name, action: args.action, resource });
  },
});
