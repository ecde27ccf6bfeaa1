/** Objects of the tour, and functions that observe them. */
import { ListAttachedRolePoliciesCommand } from '@aws-sdk/client-iam';
import { linkedServiceAccounts, type LinkedServiceAccount } from '../../../../src/api/index.ts';
import { findCondition } from '../../../../src/k8s/conditions.ts';
import { isNotFound, resources, type KubeObject } from '../../../../src/kube/index.ts';
import { awaitObjects } from '../await-object.ts';
import { TourFailure } from '../failure.ts';
import { patienceMs, type Tour } from '../tour.ts';

export const account = 'myaccount';
export const app = 'myapp';
export const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
export const fullAccess = 'arn:aws:iam::aws:policy/AmazonS3FullAccess';
export const bucket = 'tour';
export const somebodyElses = 'somebody-elses';
export const namespaces = ['production', 'staging'] as const;

export type Pod = KubeObject & {
  readonly spec: {
    readonly containers: readonly {
      readonly env?: readonly { readonly name: string; readonly value?: string }[];
    }[];
  };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
};

export function roleNameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

export function nameOf(pod: Pod | undefined): string {
  if (!pod) throw new TourFailure('the app has no ready pod');
  return pod.metadata.name;
}

export function envOf(pod: Pod, name: string): string | undefined {
  return pod.spec.containers[0]?.env?.find((entry) => entry.name === name)?.value;
}

export function subjectsOf(trust: string): unknown {
  const { Statement: statements } = JSON.parse(trust) as {
    Statement: { Condition?: { StringEquals?: Record<string, unknown> } }[];
  };
  const conditions = Object.entries(statements[0]?.Condition?.StringEquals ?? {});
  return conditions.find(([key]) => key.endsWith(':sub'))?.[1];
}

export function listing(calls: Readonly<Record<string, number>>): string {
  const parts = Object.entries(calls).map(([action, count]) =>
    count === 1 ? action : `${count} × ${action}`,
  );
  return parts.join(', ') || 'none';
}

/** Counts the calls that change IAM. Identity proofs and the reads of drift detection do not count. */
export function writesOf(calls: Readonly<Record<string, number>>): number {
  return Object.entries(calls)
    .filter(([action]) => action.startsWith('iam:') && !/^iam:(Get|List)/.test(action))
    .reduce((sum, [, count]) => sum + count, 0);
}

export async function getAccount(tour: Tour): Promise<LinkedServiceAccount> {
  return tour.client.get<LinkedServiceAccount>(linkedServiceAccounts, { name: account });
}

export async function roleArnOf(tour: Tour): Promise<string> {
  return (await getAccount(tour)).status?.roleArn ?? '';
}

export async function attachedTo(tour: Tour, role: string): Promise<readonly string[]> {
  const { AttachedPolicies: attached = [] } = await tour.iam.send(
    new ListAttachedRolePoliciesCommand({ RoleName: roleNameOf(role) }),
  );
  return attached.map((policy) => policy.PolicyArn ?? '');
}

export function awaitAccount<R>(
  tour: Tour,
  waitingFor: string,
  until: (account: LinkedServiceAccount) => R | undefined,
): Promise<R> {
  const pick = (list: readonly LinkedServiceAccount[]): R | undefined =>
    list[0] ? until(list[0]) : undefined;
  return awaitObjects(
    tour.client,
    linkedServiceAccounts,
    { fieldSelector: `metadata.name=${account}` },
    waitingFor,
    pick,
    tour.signal,
  );
}

export function reportedAsDrift(tour: Tour, what: string): Promise<string> {
  return awaitAccount(tour, `${what} in the status`, (seen) => {
    const ready = findCondition(seen.status?.conditions, 'Ready');
    return ready?.status === 'False' && ready.reason === 'RoleDrifted'
      ? `Ready=False ${ready.reason}: ${ready.message}`
      : undefined;
  });
}

export async function readyAccount(tour: Tour, waitingFor: string): Promise<void> {
  await awaitAccount(tour, waitingFor, (seen) =>
    findCondition(seen.status?.conditions, 'Ready')?.status === 'True' ? true : undefined,
  );
}

/**
 * Waits until the app has pods in the namespace, all of them are ready, none is terminating, and `fits` accepts each of
 * them. Returns these pods.
 */
export function readyPods(
  tour: Tour,
  namespace: string,
  fits: (pod: Pod) => boolean = () => true,
): Promise<readonly Pod[]> {
  const selection = { namespace, labelSelector: `k11n.dev/app=${app}` };
  return awaitObjects<Pod, readonly Pod[]>(
    tour.client,
    resources.pods,
    selection,
    `ready pods of ${app} in ${namespace}`,
    (pods) => {
      const ready = pods.filter((pod) =>
        pod.status?.conditions?.some((entry) => entry.type === 'Ready' && entry.status === 'True'),
      );
      return pods.length > 0 &&
        ready.length === pods.length &&
        pods.every((pod) => pod.metadata.deletionTimestamp === undefined && fits(pod))
        ? pods
        : undefined;
    },
    tour.signal,
  );
}

export async function replicaSets(tour: Tour, namespace: string): Promise<readonly KubeObject[]> {
  const list = await tour.client.list<KubeObject>(resources.replicaSets, {
    namespace,
    labelSelector: `k11n.dev/app=${app}`,
  });
  return list.items;
}

export async function isGone(tour: Tour, namespace: string): Promise<boolean> {
  try {
    await tour.client.get(resources.serviceAccounts, { namespace, name: account });
    return false;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}

/** Waits until the output of a running command contains a text. */
export async function awaitText(
  tour: Tour,
  running: { output(): string; finished: Promise<unknown> },
  text: string,
): Promise<void> {
  const deadline = AbortSignal.any([tour.signal, AbortSignal.timeout(patienceMs)]);
  const { setTimeout: delay } = await import('node:timers/promises');
  while (!running.output().includes(text)) {
    if (deadline.aborted) throw new TourFailure(`waited for "${text}" in: ${running.output()}`);
    await Promise.race([running.finished, delay(50)]);
  }
}
