import { appKind } from '../../cluster/kinds.ts';
import { defineCommand } from '../../framework/command.ts';
import { CliError } from '../../framework/errors.ts';

export const appCanICommand = defineCommand({
  description:
    'Does the same as kon account can-i for the account of the app. Evaluates none of these: resource policies, resource control policies, VPC endpoint policies, session policies, and those service control policies that have conditions. Lists on stderr the pods that do not hold the identity of the account. Exits with 0 for yes, with 1 for no, and above 1 if the answer cannot be determined.',
  positionals: {
    name: { required: true, summary: 'name of the app', names: 'app', complete: 'apps' },
    action: { required: true, summary: 'IAM action as service:Action, without wildcards' },
    resource: { summary: 'ARN of the resource (default: any resource)' },
  },
  isQuestion: true,
  returns: 'document',
  examples: {
    'Ask about one object': 'kon app can-i myapp s3:GetObject arn:aws:s3:::bucket/key',
    'Ask in a script': 'kon app can-i myapp sqs:SendMessage -o json',
  },
  run: async (context, { args }) => {
    const { requireQuestion } = await import('../../permissions/question.ts');
    const resource = args.resource ?? '*';
    requireQuestion(args.action, resource);
    const { getObject } = await import('../../cluster/objects.ts');
    const { podsOfApp } = await import('../../pods/list-pods.ts');
    const { canIFlow } = await import('../account/can-i/handler.ts');
    const client = await context.connect();
    const app = await getObject(client, appKind, args.name);
    const account = app.spec.serviceAccount;
    if (account === undefined)
      throw new CliError('NOT_FOUND', `app "${args.name}" has no account, so its pods have no AWS role`, {
        next: [`Give the app an account: kon app edit ${args.name} --account ACCOUNT`],
      });
    const answer = await canIFlow(context, { account, action: args.action, resource });
    const others = (await podsOfApp(client, app, [])).filter(({ identity }) => identity !== 'current');
    if (others.length > 0)
      context.stderr.write(
        `‼ these pods do not hold the identity of the account, so the answer does not apply to them: ${others
          .map(({ target, pod, identity }) => `${target}/${pod.metadata.name} (${identity})`)
          .join(', ')}\n`,
      );
    return answer;
  },
});
