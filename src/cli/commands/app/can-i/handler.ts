/** `kon app can-i`: runs `kon account can-i` for an app's account, and lists the pods that do not hold the account's identity. */
import { appKind } from '../../../cluster/kinds.ts';
import { getObject } from '../../../cluster/objects.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import type { ExitCode } from '../../../framework/exit-codes.ts';
import { podsOfApp } from '../../../pods/list-pods.ts';
import { canIFlow } from '../../account/can-i/handler.ts';

/** @throws CliError of code NOT_FOUND for an app without an account */
export async function appCanIFlow(
  context: CliContext,
  {
    app: name,
    action,
    resource,
  }: { readonly app: string; readonly action: string; readonly resource: string },
): Promise<ExitCode> {
  const client = await context.connect();
  const app = await getObject(client, appKind, name);
  const account = app.spec.serviceAccount;
  if (account === undefined)
    throw new CliError('NOT_FOUND', `app "${name}" has no account, so its pods have no AWS role`, {
      next: [`Give the app an account: kon app edit ${name} --account ACCOUNT`],
    });
  const answer = await canIFlow(context, { account, action, resource });
  const others = (await podsOfApp(client, app, [])).filter(({ identity }) => identity !== 'current');
  if (others.length > 0)
    context.stderr.write(
      `‼ these pods do not hold the identity of the account, so the answer does not apply to them: ${others
        .map(({ target, pod, identity }) => `${target}/${pod.metadata.name} (${identity})`)
        .join(', ')}\n`,
    );
  return answer;
}
