/**
 * Replaces pods into which the webhook did not inject their identity. A running pod never gets an identity later. The
 * pods are evicted one at a time. A pod that is not ready is evicted first, since it serves no requests. Such a pod is
 * evicted even during a rollout, because it may be blocking the rollout. A ready pod is evicted only while all other
 * pods are healthy, since the cause of another pod's failure could also affect the replacement.
 */
import { deployedMark, type Deployment } from './deployment.ts';
import type { Identity } from './identity-gate.ts';
import { isCurrent } from './pod-identity.ts';
import { isFinished, isReady, isTerminating, markOf, type Pod } from './pod.ts';
import type { ReplacePodStep } from './steps.ts';

export type ReplacementInput = {
  /** Workload that owns the pods: a Deployment, StatefulSet or DaemonSet. */
  readonly deployment: Pick<Deployment, 'kind' | 'apiVersion' | 'metadata' | 'spec'> | undefined;
  /** Whether every pod was created from the current template. */
  readonly isRolledOut: boolean;
  /** Identity that the pods should hold. */
  readonly identity: Identity | undefined;
  /** Pods of the workload. */
  readonly pods: readonly Pod[];
};

/**
 * Minimum age of a pod before its eviction, in milliseconds. Without this limit, a webhook that injects in a dry run
 * but misses the real pod would cause a fast loop of creations and evictions.
 */
const leastAgeMs = 5_000;

/** Returns a list with the step that replaces the next pod, or an empty list if no pod is to be replaced now. */
export function podToReplace({
  deployment,
  isRolledOut,
  identity,
  pods,
}: ReplacementInput): readonly ReplacePodStep[] {
  const template = deployment?.spec?.template;
  if (!identity || !template || deployedMark(deployment) !== identity.mark) return [];

  const running = pods.filter((pod) => !isFinished(pod));
  // The webhook missed these pods: they were created from the current template, but without the identity, because the
  // webhook had not yet received the ServiceAccount or its latest annotation.
  const missed = running.filter((pod) => markOf(pod) === identity.mark && !isCurrent(pod, identity));
  if (missed.some(isTerminating)) return [];
  const [pod] = missed.toSorted(byPriority);
  if (!pod) return [];
  if (isReady(pod) && !(isRolledOut && areOthersHealthy(running, missed))) return [];
  const created = Date.parse(pod.metadata.creationTimestamp ?? '') || 0;
  return [{ kind: 'replacePod', pod, template, wanted: identity, notBefore: created + leastAgeMs }];
}

/**
 * Order of eviction: pods that are not ready come first, and older pods come before younger pods. Among pods of equal
 * age, the name decides.
 */
function byPriority(a: Pod, b: Pod): number {
  return (
    Number(isReady(a)) - Number(isReady(b)) ||
    (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
    a.metadata.name.localeCompare(b.metadata.name)
  );
}

/** Whether no pod is terminating, and every pod is ready except the pods that the webhook missed. */
function areOthersHealthy(running: readonly Pod[], missed: readonly Pod[]): boolean {
  return running.every((pod) => !isTerminating(pod) && (missed.includes(pod) || isReady(pod)));
}

/** Whether the rollout of the Deployment has replaced all pods. The new pods may still be unavailable. */
export function isRolledOut({ metadata, spec, status }: Deployment): boolean {
  return (
    status?.observedGeneration === metadata.generation &&
    status?.updatedReplicas === (spec?.replicas ?? 1) &&
    status.replicas === status.updatedReplicas
  );
}
