/**
 * Whose affair the number of replicas is. Without an autoscaler it is the App's. With one it is the autoscaler's, and
 * the App must not state it: but to state it no more, when we alone had stated it, makes the API server fall back to 1.
 * So the number we stated last is written beside it, and is stated on until somebody else changes it.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership
 */
import type { Deployment } from './deployment.ts';
import { defined } from './defined.ts';
import { isAutoscaled, mostReplicas, type TargetSpec } from './target-spec.ts';

/** On a Deployment: the number of replicas that was applied last; absent when none was stated. */
const appliedReplicasAnnotation = 'k11n.dev/applied-replicas';

/** On a halted Deployment: the number of replicas it had before, to which an autoscaled one returns. */
const replicasBeforeHaltAnnotation = 'k11n.dev/replicas-before-halt';

export type WantedReplicas = {
  /** Absent: not to be stated. */
  readonly replicas?: number;
  readonly annotations: Readonly<Record<string, string>>;
};

export function wantedReplicas(target: TargetSpec, observed: Deployment | undefined): WantedReplicas {
  const { scale, halted } = target;
  const present = observed?.spec?.replicas;
  const before = numberIn(observed, replicasBeforeHaltAnnotation);

  if (halted) return stated(0, present !== undefined && present > 0 ? present : before);
  if (!isAutoscaled(scale)) return stated(scale.min);

  const least = Math.max(1, scale.min);
  if (present === undefined || present === 0)
    return stated(Math.min(Math.max(before ?? least, least), mostReplicas(scale)));
  return present === numberIn(observed, appliedReplicasAnnotation) ? stated(present) : { annotations: {} };
}

/** A change of the number of replicas alone, for which the App's spec need not be one that can be carried out. */
export type Scaling = {
  readonly replicas?: number;
  /** Those that are null are to go. */
  readonly annotations: Readonly<Record<string, string | null>>;
};

/** Stops what runs; undefined when nothing does. */
export function stopping(observed: Deployment): Scaling | undefined {
  const present = observed.spec?.replicas ?? 1;
  return present === 0 ? undefined : stated(0, present);
}

/** Undoes a halt; undefined when there was none, or no replicas before it. */
export function resuming(observed: Deployment): Scaling | undefined {
  const before = numberIn(observed, replicasBeforeHaltAnnotation);
  if (before === undefined || observed.spec?.replicas !== 0) return undefined;
  const { replicas, annotations } = stated(before);
  return { replicas: replicas ?? before, annotations: { ...annotations, ...forgotten } };
}

/** For a target that is not halted: it has been written by `stopping`, so that an apply without it does not take it away. */
export function forgettingHalt(observed: Deployment): Scaling | undefined {
  return numberIn(observed, replicasBeforeHaltAnnotation) === undefined
    ? undefined
    : { annotations: forgotten };
}

const forgotten = { [replicasBeforeHaltAnnotation]: null };

function stated(replicas: number, beforeHalt?: number): WantedReplicas {
  return {
    replicas,
    annotations: {
      [appliedReplicasAnnotation]: String(replicas),
      ...defined({ [replicasBeforeHaltAnnotation]: beforeHalt?.toString() }),
    },
  };
}

function numberIn(deployment: Deployment | undefined, annotation: string): number | undefined {
  const text = deployment?.metadata.annotations?.[annotation];
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : undefined;
}
