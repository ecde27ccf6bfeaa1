/** `kon account release`: ends the quarantine of an account or of one pod, and waits until the pods have access again. */
import { stsAudience } from '../../../../api/labels.ts';
import type { LinkedServiceAccount } from '../../../../api/linked-service-account.ts';
import type { Quarantine } from '../../../../api/quarantine.ts';
import { quarantines } from '../../../../api/resources.ts';
import { findCondition } from '../../../../k8s/conditions.ts';
import { after, formatTime, type Wall } from '../../../../k8s/time.ts';
import { resources, type KubeClient } from '../../../../kube/index.ts';
import { accountKind } from '../../../cluster/kinds.ts';
import { getObject, orMissing } from '../../../cluster/objects.ts';
import { confirm, requireConfirmation } from '../../../framework/confirm.ts';
import type { CliContext } from '../../../framework/context.ts';
import { CliError } from '../../../framework/errors.ts';
import { resultLine, type WriteInput } from '../../../objects/finish.ts';
import { awaitAccess, podWords, quarantinesOfPod } from '../../../objects/pod-quarantine.ts';
import {
  awaitAccount,
  podQuarantinesOf,
  quarantinesOf,
  releasingReasons,
  settle,
} from '../../../objects/quarantine.ts';
import { awaitQuarantine } from '../quarantine/handler.ts';
import { copiedTokensLiveMs, podsOfAccount, type AccountPod } from '../../../pods/account-pods.ts';

type ReleaseOptions = WriteInput & { readonly name: string; readonly yes: boolean };

export async function releaseFlow(
  context: CliContext,
  { name, deletePods, dryRun, timeout, ...options }: ReleaseOptions & { readonly deletePods: boolean },
): Promise<void> {
  const what = `releasing the account "${name}"`;
  const yes = options.yes || dryRun;
  requireConfirmation(context, { yes, what });
  const client = await context.connect();
  const account = await getObject(client, accountKind, name);
  const known = await requireQuarantine(client, account);
  const pods = await podsOfAccount(client, account);
  const consequence = consequenceOf(context, account, pods, deletePods);
  const question = `${consequence}\nRelease the account "${name}"?`;
  await confirm(context, { yes, what, question, declined: 'Nothing was changed.' });
  if (yes) context.stderr.write(`${consequence}\n`);
  const isYoung = isAnyYoung(known, context.now());
  await endQuarantine(context, client, account, { isYoung, deletePods, dryRun, timeoutMs: timeout });
  if (!dryRun && !options.noWait) await awaitRelease(context, client, name, timeout, deletePods);
}

/** Age in milliseconds below which a Quarantine might not have taken effect everywhere in AWS yet. */
const youngMs = 60_000;

export function isAnyYoung(quarantines: readonly Quarantine[], now: Wall): boolean {
  return quarantines.some(({ metadata }) => now - Date.parse(metadata.creationTimestamp ?? '') < youngMs);
}

/**
 * Deletes the Quarantines. If requested, first deletes the account's pods, but only after the quarantine has taken
 * effect everywhere. Before that, replacement pods could get credentials for the role that the release replaces. An
 * interruption before the Quarantines are deleted leaves the account in quarantine.
 */
export async function endQuarantine(
  context: CliContext,
  client: KubeClient,
  account: LinkedServiceAccount,
  {
    isYoung,
    deletePods,
    dryRun,
    timeoutMs,
  }: {
    /** Whether the quarantine might not have taken effect everywhere yet. */
    readonly isYoung: boolean;
    readonly deletePods: boolean;
    readonly dryRun: boolean;
    readonly timeoutMs: number;
  },
): Promise<void> {
  const { name } = account.metadata;
  if (deletePods && isYoung && !dryRun) {
    await awaitQuarantine(context, client, name, timeoutMs);
    await settle(context, name, timeoutMs);
  }
  for (const { metadata } of deletePods ? await podsOfAccount(client, account) : []) {
    await orMissing(client.delete(resources.pods, metadata, { uid: metadata.uid, dryRun }));
    context.stdout.write(resultLine(`pod/${metadata.name} in ${metadata.namespace}`, 'deleted', dryRun));
  }
  await deleteQuarantines(context, client, await quarantinesOf(client, name), dryRun);
}

/**
 * Returns the account's Quarantines, or an empty list if they were deleted but the operator is still releasing the
 * account. @throws CliError of code NOT_FOUND
 */
export async function requireQuarantine(
  client: KubeClient,
  { metadata, status }: LinkedServiceAccount,
): Promise<readonly Quarantine[]> {
  const reason = findCondition(status?.conditions, 'Ready')?.reason ?? '';
  const known = await quarantinesOf(client, metadata.name);
  if (known.length > 0 || releasingReasons.includes(reason)) return known;
  const pods = status?.quarantinedPods ?? [];
  throw new CliError('NOT_FOUND', `account "${metadata.name}" is not in quarantine`, {
    next: [
      ...(pods[0] ? [`Release a single pod: kon account release ${metadata.name} --pod ${pods[0].uid}`] : []),
      'List quarantines: kubectl get quarantines',
    ],
  });
}

async function deleteQuarantines(
  { stdout }: CliContext,
  client: KubeClient,
  found: readonly Quarantine[],
  dryRun: boolean,
): Promise<void> {
  for (const { metadata } of found) {
    await orMissing(client.delete(quarantines, { name: metadata.name }, { uid: metadata.uid, dryRun }));
    stdout.write(resultLine(`quarantine/${metadata.name}`, 'deleted', dryRun));
  }
}

/** Waits until the account is released and uses its new role. */
export async function awaitRelease(
  context: CliContext,
  client: KubeClient,
  name: string,
  timeoutMs: number,
  deletesPods: boolean,
): Promise<void> {
  const interrupted = {
    state: `the quarantine of account "${name}" was deleted, and the operator continues to restore the account`,
    next: [`Show the account: kon account show ${name}`],
  };
  await awaitAccount(
    context,
    client,
    { name, timeoutMs, what: 'Ready', interrupted },
    (_seen, reason, message) => {
      const isStuck = reason === 'OldSessionsLive' || (reason === 'OldPodsRunning' && !deletesPods);
      if (isStuck)
        throw new CliError(
          'NOT_READY',
          `account "${name}" was released, but pods cannot assume its role yet: ${reason}`,
          {
            details: [message],
            next: [
              ...(reason === 'OldPodsRunning'
                ? [
                    `Delete the pods of the account; their workloads then create new pods: kon account release ${name} --delete-pods`,
                  ]
                : []),
              `Show the account: kon account show ${name}`,
            ],
          },
        );
      return reason === 'Ready' || reason === 'AwaitingFirstPod' ? true : undefined;
    },
  );
  context.stderr.write(
    `account ${name} is released: its role was replaced, and older sessions stay denied\n`,
  );
}

export function consequenceOf(
  { now }: Pick<CliContext, 'now'>,
  { metadata: { name }, spec, status }: LinkedServiceAccount,
  pods: readonly AccountPod[],
  deletesPods: boolean,
): string {
  const role = status?.roleArn ?? 'its role';
  const isAdopted = spec.aws.adopt === true;
  const byToken = (status?.targets ?? []).some(({ identityMode }) => identityMode !== 'PodIdentity');
  const until = formatTime(after(now(), copiedTokensLiveMs(pods, stsAudience)));
  return [
    isAdopted
      ? `${role} was adopted, and adopted roles are not replaced. Pods cannot assume the role until 12 hours after the quarantine began, because a session lives for up to 12 hours.`
      : `${role} will be replaced by a new role of the same name, so that its current sessions stay denied. Afterwards, save every resource policy again that names the role as a principal.`,
    ...(deletesPods
      ? [
          `${pods.length} running pod${pods.length === 1 ? '' : 's'} will be deleted, and their workloads will create new pods.`,
        ]
      : [
          `Pods cannot assume the role until all pods of ${name} that started before the quarantine was in effect have ended.`,
        ]),
    ...(byToken
      ? [
          `After the release, a token that was copied out of a pod can be exchanged for credentials again until ${until}. To prevent this, release the account after that time.`,
        ]
      : []),
  ].join('\n');
}

export async function releasePodFlow(
  context: CliContext,
  { name, pod: text, dryRun, timeout, ...options }: ReleaseOptions & { readonly pod: string },
): Promise<void> {
  const what = `releasing pod "${text}"`;
  const yes = options.yes || dryRun;
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
  const consequence = `If it still runs, the pod ${[...new Set(pods.map(podWords))].join(', ')} gets access to AWS again. Its older sessions work again until they expire, at most 12 hours after their issue, even with credentials that were copied out of the pod.`;
  const question = `${consequence}\nRelease it?`;
  await confirm(context, { yes, what, question, declined: 'Nothing was changed.' });
  if (yes) context.stderr.write(`${consequence}\n`);
  await deleteQuarantines(context, client, found, dryRun);
  if (dryRun || options.noWait) return;
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
