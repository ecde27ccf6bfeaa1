/**
 * Quarantines of single pods: finds the pod that the user names and the Quarantines that name it, and waits for their
 * effect.
 */
import type { LinkedServiceAccount, QuarantinedPodStatus } from '../../api/linked-service-account.ts';
import type { Quarantine, QuarantinedPod } from '../../api/quarantine.ts';
import { isTransient } from '../../identity/plan/policies.ts';
import { identityErrors, type IdentityErrorCode } from '../../identity/state/errors.ts';
import type { KubeClient } from '../../kube/index.ts';
import { identitiesHeld } from '../../workloads/pod-identity.ts';
import type { CliContext } from '../framework/context.ts';
import { CliError, usageError } from '../framework/errors.ts';
import { requiresUserAction } from '../framework/wait/reasons.ts';
import { podsOfAccount } from '../pods/account-pods.ts';
import { awaitAccount } from './quarantine.ts';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether the text identifies the pod by its name, `TARGET/NAME` or UID. */
export function isNamedBy(text: string, { uid, namespace, name }: QuarantinedPod): boolean {
  return text === uid || (name !== undefined && (text === name || text === `${namespace}/${name}`));
}

export function podWords({ uid, namespace, name }: QuarantinedPod): string {
  return name === undefined ? uid : `${namespace}/${name}`;
}

/**
 * Finds the account's pod by the text that the user gave. A UID is accepted even if no running pod has this UID.
 * @param text name, `TARGET/NAME` or UID
 * @throws CliError of code NOT_FOUND, or USAGE if several pods have this name, or CONFLICT for a pod with a web
 * identity
 */
export async function findPod(
  client: KubeClient,
  account: LinkedServiceAccount,
  text: string,
): Promise<QuarantinedPod> {
  const { name: accountName } = account.metadata;
  // A UID is not looked up. A pod that has ended would not be found, but its sessions still carry its session tags. In
  // addition, the user may lack the permission to read pods.
  if (uuid.test(text)) return { uid: text.toLowerCase() };
  const found = (await podsOfAccount(client, account)).flatMap((pod) => {
    const { uid = '', namespace = '', name } = pod.metadata;
    return isNamedBy(text, { uid, namespace, name }) ? [{ pod, named: { uid, namespace, name } }] : [];
  });
  const [first] = found;
  if (!first)
    throw new CliError('NOT_FOUND', `account "${accountName}" has no running pod "${text}"`, {
      next: [
        `List the pods of the account: kon account pods ${accountName}`,
        'If the pod has ended, pass its unique id (metadata.uid)',
      ],
    });
  if (found.length > 1)
    throw usageError(
      `several pods of account "${accountName}" are named "${text}"`,
      `Pass one of ${found.map(({ named }) => podWords(named)).join(', ')}`,
    );
  if (identitiesHeld(first.pod).some(({ kind }) => kind === 'role'))
    throw new CliError(
      'CONFLICT',
      `pod "${podWords(first.named)}" has a web identity (IRSA), whose sessions carry no tag that identifies the pod`,
      {
        next: [
          `Cut off the whole account: kon account quarantine ${accountName}`,
          `To end all sessions of the account and replace its pods: kon account revoke ${accountName}`,
        ],
      },
    );
  return first.named;
}

export function quarantinesOfPod(known: readonly Quarantine[], text: string): readonly Quarantine[] {
  return known.filter(({ spec }) => spec.pods?.some((pod) => isNamedBy(text, pod)));
}

/**
 * Waits until every role of the account denies the sessions of the pod.
 * @throws CliError of code NOT_READY if the operator cannot deny them, or when the timeout expires
 */
export async function awaitDenial(
  context: CliContext,
  client: KubeClient,
  account: string,
  pod: QuarantinedPod,
  timeoutMs: number,
): Promise<void> {
  const interrupted = {
    state: `the Quarantine of pod "${podWords(pod)}" exists, and the operator continues to apply it`,
    next: [
      `Show the account: kon account show ${account}`,
      `Release the pod: kon account release ${account} --pod ${pod.uid}`,
    ],
  };
  const what = 'denying the sessions of the pod';
  await awaitAccount(context, client, { name: account, timeoutMs, what, interrupted }, ({ status }) => {
    const row = status?.quarantinedPods?.find(({ uid }) => uid === pod.uid);
    if (row?.denied === false && isFinal(row)) throw notDenied(account, pod, row);
    return row?.denied === true ? true : undefined;
  });
}

/** Waits until no role of the account denies the pods. */
export async function awaitAccess(
  context: CliContext,
  client: KubeClient,
  account: string,
  uids: ReadonlySet<string>,
  timeoutMs: number,
): Promise<void> {
  const interrupted = {
    state: 'the Quarantine was deleted, and the operator continues to restore access',
    next: [`Show the account: kon account show ${account}`],
  };
  const what = 'released';
  await awaitAccount(context, client, { name: account, timeoutMs, what, interrupted }, ({ status }, reason) =>
    reason !== 'DenyingPods' && !status?.quarantinedPods?.some(({ uid }) => uids.has(uid)) ? true : undefined,
  );
}

function isFinal({ reason = '' }: QuarantinedPodStatus): boolean {
  return (
    requiresUserAction(reason) && !(reason in identityErrors && isTransient(reason as IdentityErrorCode))
  );
}

function notDenied(account: string, pod: QuarantinedPod, { message }: QuarantinedPodStatus): CliError {
  return new CliError('NOT_READY', `the sessions of pod "${podWords(pod)}" are not denied`, {
    details: message === undefined ? [] : [message],
    next: [
      `Cut off the whole account: kon account quarantine ${account}`,
      `Withdraw the quarantine: kon account release ${account} --pod ${pod.uid}`,
    ],
  });
}
