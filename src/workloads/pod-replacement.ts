/**
 * Replaces pods that the webhook missed, because such pods never get their identity. They are evicted one at a time. A pod that is
 * not ready serves no requests and is evicted first, even during a rollout that it may be blocking. A ready pod is evicted only
 * while all other pods are healthy: whatever makes another pod fail could also affect the replacement.
 */
import { deployedMark, type Deployment } from './deployment.ts';
import type { Identity } from './identity-gate.ts';
import { isCurrent } from './pod-identity.ts';
import { isFinished, isReady, isTerminating, markOf, type Pod } from './pod.ts';
import type { ReplacePodStep } from './steps.ts';

export type ReplacementInput = {
  /** Workload of any kind that owns the pods. */
  readonly deployment: Pick<Deployment, 'kind' | 'apiVersion' | 'metadata' | 'spec'> | undefined;
  /** Whether every pod was created from the current template. */
  readonly isRolledOut: boolean;
  /** Identity that the pods should hold. */
  readonly identity: Identity | undefined;
  /** Pods of the workload in this target. */
  readonly pods: readonly Pod[];
};

/**
 * Minimum age of a pod that is evicted. A webhook that injects in a dry run but misses the real pod would otherwise
 * cause a fast loop of creations and evictions. Milliseconds.
 */
const leastAgeMs = 5_000;

/** The step that replaces the next pod; empty if no pod is to be replaced now. */
export function podToReplace({
  deployment,
  isRolledOut,
  identity,
  pods,
}: ReplacementInput): readonly ReplacePodStep[] {
  const template = deployment?.spec?.template;
  if (!identity || !template || deployedMark(deployment) !== identity.mark) return [];

  const running = pods.filter((pod) => !isFinished(pod));
  // The pod was created from the current template without its identity: the webhook had not yet received the ServiceAccount or its
  // latest annotation.
  const missed = running.filter((pod) => markOf(pod) === identity.mark && !isCurrent(pod, identity));
  if (missed.some(isTerminating)) return [];
  const [pod] = missed.toSorted(byPriority);
  if (!pod) return [];
  if (isReady(pod) && !(isRolledOut && isAllWell(running, missed))) return [];
  const created = Date.parse(pod.metadata.creationTimestamp ?? '') || 0;
  return [{ kind: 'replacePod', pod, template, wanted: identity, notBefore: created + leastAgeMs }];
}

/** Order of eviction: pods that are not ready first, then by age, oldest first. The name makes the order stable. */
function byPriority(a: Pod, b: Pod): number {
  return (
    Number(isReady(a)) - Number(isReady(b)) ||
    (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
    a.metadata.name.localeCompare(b.metadata.name)
  );
}

/** Whether no pod is terminating and all pods that the webhook did not miss are ready. */
function isAllWell(running: readonly Pod[], missed: readonly Pod[]): boolean {
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
