/**
 * Ownership of the number of replicas. Without an autoscaler, the App sets the number. With an autoscaler, the App must
 * not set the number. However, if an apply omits a number that only this operator has set, the API server resets the
 * number to 1. Therefore, an annotation stores the number that the operator applied last. The operator applies this
 * number again until another manager changes it.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership
 */
import type { Deployment } from './deployment.ts';
import { defined } from '../k8s/defined.ts';
import { isAutoscaled, maxReplicas, type TargetSpec } from './target-spec.ts';

/** Annotation of a Deployment: the number of replicas that was applied last. Absent if the manifest set no number. */
const appliedReplicasAnnotation = 'k11n.dev/applied-replicas';

/**
 * Annotation of a halted Deployment: its former number of replicas. The end of the halt restores this number if the
 * target is autoscaled, or if the spec of the App cannot be applied.
 */
const replicasBeforeHaltAnnotation = 'k11n.dev/replicas-before-halt';

export type WantedReplicas = {
  /** Number of replicas that the manifest sets. Undefined if the manifest sets no number. */
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
    return stated(Math.min(Math.max(before ?? least, least), maxReplicas(scale)));
  return present === numberIn(observed, appliedReplicasAnnotation) ? stated(present) : { annotations: {} };
}

/**
 * Change of a Deployment's number of replicas. Such a change is possible even if the spec of the App cannot be applied.
 */
export type Scaling = {
  readonly replicas?: number;
  /** Annotations to set. Null removes an annotation. */
  readonly annotations: Readonly<Record<string, string | null>>;
};

/** Returns the change that stops all pods; undefined if the Deployment has no replicas. */
export function stopping(observed: Deployment): Scaling | undefined {
  const present = observed.spec?.replicas ?? 1;
  return present === 0 ? undefined : stated(0, present);
}

/**
 * Returns the change that ends a halt; undefined if the Deployment was not halted, or had no replicas before the halt.
 */
export function resuming(observed: Deployment): Scaling | undefined {
  const before = numberIn(observed, replicasBeforeHaltAnnotation);
  if (before === undefined || observed.spec?.replicas !== 0) return undefined;
  const { replicas, annotations } = stated(before);
  return { replicas: replicas ?? before, annotations: { ...annotations, ...forgotten } };
}

/**
 * Returns the change that removes the annotation of a halt. An apply cannot remove the annotation: an apply removes
 * only fields that an apply has set, and the annotation is set by a patch (see `stopping`).
 */
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
