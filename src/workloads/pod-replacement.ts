/**
 * Pods that the webhook missed get their identity only by replacement. They are evicted one at a time. A pod that is not
 * ready serves no requests and goes first, even in the middle of a rollout that it may be blocking. A ready one goes only
 * while everything else is healthy: whatever keeps others from becoming ready would hit its successor too.
 */
import { deployedMark, type Deployment } from './deployment.ts';
import type { Identity } from './identity-gate.ts';
import { isCurrent } from './pod-identity.ts';
import { isFinished, isReady, isTerminating, markOf, type Pod } from './pod.ts';
import type { ReplacePodStep } from './steps.ts';

export type ReplacementInput = {
  /** Owner of the pods, of any kind. */
  readonly deployment: Pick<Deployment, 'kind' | 'apiVersion' | 'metadata' | 'spec'> | undefined;
  /** Whether every pod is of the current template. */
  readonly isRolledOut: boolean;
  /** Identity that the pods should hold. */
  readonly identity: Identity | undefined;
  /** Pods of the workload in this target. */
  readonly pods: readonly Pod[];
};

/**
 * No pod younger than this is evicted: a webhook that injects in a dry run and misses the next pod would otherwise cause
 * endless creations and evictions. Milliseconds.
 */
const leastAgeMs = 5_000;

/** Next pod to replace: at most one step. */
export function podToReplace({
  deployment,
  isRolledOut,
  identity,
  pods,
}: ReplacementInput): readonly ReplacePodStep[] {
  const template = deployment?.spec?.template;
  if (!identity || !template || deployedMark(deployment) !== identity.mark) return [];

  const running = pods.filter((pod) => !isFinished(pod));
  // Created from the current template without its identity: the webhook had not seen the ServiceAccount, or not its latest
  // annotation.
  const missed = running.filter((pod) => markOf(pod) === identity.mark && !isCurrent(pod, identity));
  if (missed.some(isTerminating)) return [];
  const [pod] = missed.toSorted(byUrgency);
  if (!pod) return [];
  if (isReady(pod) && !(isRolledOut && isAllWell(running, missed))) return [];
  const created = Date.parse(pod.metadata.creationTimestamp ?? '') || 0;
  return [{ kind: 'replacePod', pod, template, wanted: identity, notBefore: created + leastAgeMs }];
}

/** Pods that are not ready first, then the oldest. The name makes the order stable. */
function byUrgency(a: Pod, b: Pod): number {
  return (
    Number(isReady(a)) - Number(isReady(b)) ||
    (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
    a.metadata.name.localeCompare(b.metadata.name)
  );
}

/** No pod is terminating, and every other pod is ready. */
function isAllWell(running: readonly Pod[], missed: readonly Pod[]): boolean {
  return running.every((pod) => !isTerminating(pod) && (missed.includes(pod) || isReady(pod)));
}

/** No rollout of the Deployment is in progress, whether or not its pods are available. */
export function isRolledOut({ metadata, spec, status }: Deployment): boolean {
  return (
    status?.observedGeneration === metadata.generation &&
    status?.updatedReplicas === (spec?.replicas ?? 1) &&
    status.replicas === status.updatedReplicas
  );
}
