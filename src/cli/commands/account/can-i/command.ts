import { defineCommand } from '../../../framework/command.ts';

export const accountCanICommand = defineCommand({
  description:
    'Asks IAM’s policy simulator, which evaluates the role’s policies and its permissions boundary. Evaluates none of these: resource policies, resource control policies, VPC endpoint policies, session policies, and those service control policies that have conditions. Each of these policies can still deny an action that the simulator allows. Exits with 0 for yes, with 1 for no, and above 1 if the answer cannot be determined.',
  positionals: {
    name: { required: true, summary: 'name of the account', names: 'account', complete: 'accounts' },
    action: { required: true, summary: 'IAM action as service:Action, without wildcards' },
    resource: { summary: 'ARN of the resource (default: any resource)' },
  },
  options: {
    force: { summary: 'also ask IAM about an action that this version of kon does not know' },
  },
  isQuestion: true,
  returns: 'document',
  examples: {
    'Ask about one object': 'kon account can-i myaccount s3:GetObject arn:aws:s3:::bucket/key',
    'Ask in a script': 'kon account can-i myaccount sqs:SendMessage -o json',
  },
  run: async (context, { args, options }) => {
    const { canIFlow } = await import('./handler.ts');
    const { requireQuestion } = await import('../../../permissions/question.ts');
    const resource = args.resource ?? '*';
    requireQuestion(args.action, resource);
    if (!options.force) {
      const { requireKnownAction } = await import('../../../objects/known-action.ts');
      requireKnownAction(args.action);
    }
    return canIFlow(context, { account: args.name, action: args.action, resource });
  },
});
