/**
 * Pods which the webhook missed do not get their identity before they are made anew. They are evicted, one at a time.
 * One that is not ready serves nobody and goes first, also in the middle of a rollout, which it may be blocking; one that
 * serves goes only while all else is well: what keeps others from getting ready would meet its successor too.
 */
import { deployedMark, type Deployment } from './deployment.ts';
import type { Identity } from './identity-gate.ts';
import { isCurrent } from './pod-identity.ts';
import { isFinished, isReady, isTerminating, markOf, type Pod } from './pod.ts';
import type { ReplacePodStep } from './steps.ts';

export type ReplacementInput = {
  /** The workload that makes the pods: not only a Deployment. */
  readonly deployment: Pick<Deployment, 'kind' | 'apiVersion' | 'metadata' | 'spec'> | undefined;
  /** Every pod is of its present template. */
  readonly isRolledOut: boolean;
  /** What the pods are to hold. */
  readonly identity: Identity | undefined;
  /** Those of the App on this target. */
  readonly pods: readonly Pod[];
};

/**
 * No pod younger than this is evicted: a webhook that injects in a dry run and misses the pod that follows would
 * otherwise have pods made and evicted without end, as fast as the machine can.
 */
const leastAgeMs = 5_000;

/** The pod to replace next, if any: at most one step. */
export function podToReplace({
  deployment,
  isRolledOut,
  identity,
  pods,
}: ReplacementInput): readonly ReplacePodStep[] {
  const template = deployment?.spec?.template;
  if (!identity || !template || deployedMark(deployment) !== identity.mark) return [];

  const running = pods.filter((pod) => !isFinished(pod));
  // Made from the present template, so that it should hold the identity, and does not: the webhook had not seen the
  // ServiceAccount, or not its latest annotation.
  const missed = running.filter((pod) => markOf(pod) === identity.mark && !isCurrent(pod, identity));
  if (missed.some(isTerminating)) return [];
  const [pod] = missed.toSorted(byUrgency);
  if (!pod) return [];
  if (isReady(pod) && !(isRolledOut && isAllWell(running, missed))) return [];
  const created = Date.parse(pod.metadata.creationTimestamp ?? '') || 0;
  return [{ kind: 'replacePod', pod, template, wanted: identity, notBefore: created + leastAgeMs }];
}

/** Those that serve nobody, then the oldest. The name makes the choice the same every time. */
function byUrgency(a: Pod, b: Pod): number {
  return (
    Number(isReady(a)) - Number(isReady(b)) ||
    (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
    a.metadata.name.localeCompare(b.metadata.name)
  );
}

/** Nothing is going, and every other pod is ready. */
function isAllWell(running: readonly Pod[], missed: readonly Pod[]): boolean {
  return running.every((pod) => !isTerminating(pod) && (missed.includes(pod) || isReady(pod)));
}

/** No rollout of the Deployment is under way, be its pods available or not. */
export function isRolledOut({ metadata, spec, status }: Deployment): boolean {
  return (
    status?.observedGeneration === metadata.generation &&
    status?.updatedReplicas === (spec?.replicas ?? 1) &&
    status.replicas === status.updatedReplicas
  );
}
