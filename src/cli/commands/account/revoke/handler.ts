/** `kon account revoke`: quarantines an account, replaces its pods, and releases it. */
import type { LinkedServiceAccount } from '../../../../api/linked-service-account.ts';
import { formatTime, type Wall } from '../../../../k8s/time.ts';
import { roleNameOf } from '../../../../identity/desired/arn.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { getObject } from '../../../cluster/objects.ts';
import { confirm, requireConfirmation } from '../../../framework/confirm.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { resultLine } from '../../../objects/finish.ts';
import { createQuarantine, quarantinesOf } from '../../../objects/quarantine.ts';
import { podsOfAccount } from '../../../pods/account-pods.ts';
import { awaitRelease, consequenceOf, endQuarantine } from '../release/handler.ts';

export async function revokeFlow(
  context: CliContext,
  {
    name,
    reason,
    yes,
    timeout,
  }: {
    readonly name: string;
    readonly reason: string | undefined;
    readonly yes: boolean;
    readonly timeout: number;
  },
): Promise<void> {
  const what = `ending the sessions of the account "${name}"`;
  requireConfirmation(context, { yes, what });
  const client = await context.connect();
  const account = await getObject(client, accountKind, name);
  requireReplaceable(account, context.now());
  if ((await quarantinesOf(client, name)).length > 0)
    throw new CliError('CONFLICT', `account "${name}" is in quarantine`, {
      next: [`To end the quarantine and all current sessions: kon account release ${name} --delete-pods`],
    });
  const consequence = `${consequenceOf(context, account, await podsOfAccount(client, account), true)}\nUntil the new pods are ready, the apps of ${name} are interrupted. Sessions of other roles that were assumed with this role are not affected.`;
  const question = `${consequence}\nEnd all current sessions of the account "${name}"?`;
  await confirm(context, { yes, what, question, declined: 'Nothing was changed.' });
  if (yes) context.stderr.write(`${consequence}\n`);
  await createQuarantine(client, { account: name, reason, dryRun: false });
  context.stdout.write(resultLine(`quarantine/${name}`, 'created', false));
  await endQuarantine(context, client, account, {
    isYoung: true,
    deletePods: true,
    dryRun: false,
    timeoutMs: timeout,
  });
  await awaitRelease(context, client, name, timeout, true);
}

/**
 * @throws CliError of code CONFLICT if the role is adopted. A revocation denies all sessions of a role until the operator
 *   replaces the role, and the operator does not replace an adopted role
 */
function requireReplaceable({ metadata: { name }, spec, status }: LinkedServiceAccount, now: Wall): void {
  if (spec.aws.adopt !== true) return;
  const role = spec.aws.roleName ?? roleNameOf(status?.roleArn ?? 'ROLE');
  const denial = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Deny',
        Action: '*',
        Resource: '*',
        Condition: { DateLessThan: { 'aws:TokenIssueTime': formatTime(now) } },
      },
    ],
  });
  throw new CliError('CONFLICT', `the role of account "${name}" was adopted, so it is not replaced`, {
    next: [
      `Use your own credentials to deny the role's current sessions: aws iam put-role-policy --role-name ${role} --policy-name AWSRevokeOlderSessions --policy-document '${denial}'`,
      `Cut the account off instead: kon account quarantine ${name}`,
    ],
  });
}
