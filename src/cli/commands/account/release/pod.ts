/** `kon account release --pod`: ends the quarantine of one pod. */
import { quarantines } from '../../../../api/resources.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { getObject } from '../../../cluster/objects.ts';
import { confirm, requireConfirmation } from '../../../framework/confirm.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { resultLine, type WriteInput } from '../../../objects/finish.ts';
import { awaitAccess, podWords, quarantinesOfPod } from '../../../objects/pod-quarantine.ts';
import { podQuarantinesOf } from '../../../objects/quarantine.ts';
import { orGone } from './handler.ts';

export async function releasePodFlow(
  context: CliContext,
  {
    name,
    pod: text,
    write: { dryRun, noWait, timeout },
    ...request
  }: {
    readonly name: string;
    readonly pod: string;
    readonly yes: boolean;
    readonly write: WriteInput;
  },
): Promise<void> {
  const what = `releasing pod "${text}"`;
  const yes = request.yes || dryRun;
  requireConfirmation(context, { yes, what });
  const client = await context.connect();
  await getObject(client, accountKind, name);
  const known = await podQuarantinesOf(client, name);
  const found = quarantinesOfPod(known, text);
  if (found.length === 0)
    throw new CliError('NOT_FOUND', `no Quarantine names pod "${text}" of account "${name}"`, {
      next: [`List the pods in quarantine: kon account show ${name}`],
    });
  const pods = found.flatMap(({ spec }) => spec.pods ?? []);
  const consequence = `Pod ${[...new Set(pods.map(podWords))].join(', ')} gets access to AWS again, if it still runs. Its older sessions work again until they expire, at most 12 hours after their issue. This includes copies of their credentials outside the pod.`;
  const question = `${consequence}\nRelease it?`;
  await confirm(context, { yes, what, question, declined: 'Nothing was changed.' });
  if (yes) context.stderr.write(`${consequence}\n`);
  for (const { metadata } of found) {
    await orGone(client.delete(quarantines, { name: metadata.name }, { uid: metadata.uid, dryRun }));
    context.stdout.write(resultLine(`quarantine/${metadata.name}`, 'deleted', dryRun));
  }
  if (dryRun || noWait) return;
  const deleted = new Set(found.map(({ metadata }) => metadata.uid));
  const stillNamed = new Set(
    known
      .filter(({ metadata }) => !deleted.has(metadata.uid))
      .flatMap(({ spec }) => (spec.pods ?? []).map(({ uid }) => uid)),
  );
  const uids = new Set(pods.map(({ uid }) => uid).filter((uid) => !stillNamed.has(uid)));
  await awaitAccess(context, client, name, uids, timeout);
  context.stderr.write(`the sessions of pod ${text} are not denied any more\n`);
}
