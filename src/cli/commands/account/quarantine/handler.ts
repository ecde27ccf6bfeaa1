/** `kon account quarantine`: creates a Quarantine and waits until it is in force. */
import type { LinkedServiceAccount } from '../../../../api/linked-service-account.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { getObject } from '../../../cluster/objects.ts';
import { confirm, requireConfirmation } from '../../../framework/confirm.ts';
import type { CliContext } from '../../../framework/context.ts';
import { resultLine, type WriteInput } from '../../../objects/finish.ts';
import { awaitAccount, createQuarantine } from '../../../objects/quarantine.ts';
import type { KubeClient } from '../../../../kube/index.ts';

export async function quarantineFlow(
  context: CliContext,
  {
    name,
    reason,
    write,
    ...request
  }: {
    readonly name: string;
    readonly reason: string | undefined;
    readonly yes: boolean;
    readonly write: WriteInput;
  },
): Promise<void> {
  const { dryRun } = write;
  const what = `cutting off the account "${name}"`;
  const yes = request.yes || dryRun;
  requireConfirmation(context, { yes, what });
  const client = await context.connect();
  const account = await getObject(client, accountKind, name);
  const consequence = quarantineConsequence(account);
  const question = `${consequence}\nCut off the account "${name}"?`;
  await confirm(context, { yes, what, question, declined: 'Nothing was changed.' });
  if (dryRun) context.stderr.write(`${consequence}\n`);
  const { isNew } = await createQuarantine(client, { account: name, reason, dryRun });
  context.stdout.write(resultLine(`quarantine/${name}`, isNew ? 'created' : 'unchanged', dryRun));
  if (dryRun || write.noWait) return;
  await awaitQuarantine(context, client, name, write.timeout);
  context.stderr.write(`account ${name} is cut off. To end the quarantine: kon account release ${name}\n`);
}

/** Waits until all roles of the account deny all sessions. */
export async function awaitQuarantine(
  context: CliContext,
  client: KubeClient,
  name: string,
  timeoutMs: number,
): Promise<void> {
  const interrupted = {
    state: `the Quarantine of account "${name}" exists, and the operator continues to apply it`,
    next: [`Show the account: kon account show ${name}`, `Release the account: kon account release ${name}`],
  };
  await awaitAccount(context, client, { name, timeoutMs, what: 'cut off', interrupted }, (_seen, reason) =>
    reason === 'Quarantined' ? true : undefined,
  );
}

export function quarantineConsequence({ metadata: { name }, status }: LinkedServiceAccount): string {
  const rows = status?.targets ?? [];
  const pods = rows.reduce((sum, row) => sum + (row.pods?.current ?? 0) + (row.pods?.stale ?? 0), 0);
  const where = rows.filter(({ linked }) => linked).map((row) => row.name);
  return `All sessions of ${status?.roleArn ?? 'its role'} are denied at once: ${pods} running pod${pods === 1 ? '' : 's'} of ${name}${where.length > 0 ? ` in ${where.join(', ')}` : ''} lose their access to AWS. Nothing that uses the account is rolled out until the account is released. Sessions of other roles that were assumed with this role are not affected.`;
}
