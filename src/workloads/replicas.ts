/**
 * Ownership of the number of replicas. Without an autoscaler, the App sets the number. With an autoscaler, the App must not set it.
 * But if we omit a number that only we had set, the API server resets it to 1. Therefore the number that we set last is kept in an
 * annotation, and applied again until another manager changes the number.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership
 */
import type { Deployment } from './deployment.ts';
import { defined } from './defined.ts';
import { isAutoscaled, mostReplicas, type TargetSpec } from './target-spec.ts';

/** Annotation of a Deployment: the number of replicas that was applied last; absent when none was set. */
const appliedReplicasAnnotation = 'k11n.dev/applied-replicas';

/** Annotation of a halted Deployment: its former number of replicas, which is restored under an autoscaler. */
const replicasBeforeHaltAnnotation = 'k11n.dev/replicas-before-halt';

export type WantedReplicas = {
  /** Number of replicas that the manifest sets. Default: the manifest does not set it. */
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

/** Change of only the number of replicas. It is possible even if the spec of the App cannot be applied. */
export type Scaling = {
  readonly replicas?: number;
  /** Annotations to set. Null removes an annotation. */
  readonly annotations: Readonly<Record<string, string | null>>;
};

/** The change that stops all pods; undefined when the Deployment has none. */
export function stopping(observed: Deployment): Scaling | undefined {
  const present = observed.spec?.replicas ?? 1;
  return present === 0 ? undefined : stated(0, present);
}

/** The change that ends a halt; undefined when the Deployment was not halted or had no replicas before the halt. */
export function resuming(observed: Deployment): Scaling | undefined {
  const before = numberIn(observed, replicasBeforeHaltAnnotation);
  if (before === undefined || observed.spec?.replicas !== 0) return undefined;
  const { replicas, annotations } = stated(before);
  return { replicas: replicas ?? before, annotations: { ...annotations, ...forgotten } };
}

/**
 * The change that removes the annotation of a halt. `stopping` wrote the annotation by a patch, so an apply that omits the
 * annotation does not remove it.
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
