/** Progress of a workload's rollout, as `kubectl rollout status` reports it. */
import type { Deployment } from './deployment.ts';
import { crashLoopOf, podFailure } from './pod-failure.ts';
import type { Pod } from './pod.ts';
import type { RolloutReason } from './reasons.ts';
import type { Wall } from '../k8s/time.ts';

export type Rollout = {
  readonly state: 'Progressing' | 'Ready' | 'Failed';
  /** A `RolloutReason`, or the reason of a pod or Deployment. */
  readonly reason: string;
  readonly message: string;
};

export function rolloutOf(deployment: Deployment, pods: readonly Pod[], now: Wall): Rollout {
  const { spec, status = {} } = deployment;
  const wanted = spec?.replicas ?? 1;
  return evaluateRollout(deployment, wanted, progressOf(wanted, status), pods, now);
}

/**
 * Returns the rollout state of a workload of any kind whose controller reports the observed generation.
 *
 * @param progress the missing part of the rollout; undefined if the rollout is complete
 */
export function evaluateRollout(
  workload: Pick<Deployment, 'kind' | 'metadata' | 'status'>,
  wanted: number,
  progress: string | undefined,
  pods: readonly Pod[],
  now: Wall,
): Rollout {
  const { kind, metadata, status = {} } = workload;
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0))
    return stateOf('Progressing', 'RollingOut', `the ${kind} controller has not observed the change yet`);
  // A pod that is ready now may still be in a crash loop.
  const loop = progress === undefined ? crashLoopOf(pods, now) : undefined;
  if (loop) return { state: 'Failed', ...loop };
  if (progress === undefined)
    return stateOf('Ready', 'Available', `${wanted} of ${wanted} replicas are available`);

  const failure = podFailure(pods, now);
  if (failure) return { state: 'Failed', ...failure };
  const replicaFailure = status.conditions?.find(
    (entry) => entry.type === 'ReplicaFailure' && entry.status === 'True',
  );
  if (replicaFailure)
    return {
      state: 'Failed',
      reason: replicaFailure.reason ?? ('ReplicaFailure' satisfies RolloutReason),
      message: replicaFailure.message ?? `the ${kind} could not create its pods`,
    };
  if (status.conditions?.some((entry) => entry.reason === 'ProgressDeadlineExceeded'))
    return stateOf('Failed', 'ProgressDeadlineExceeded', progress);
  return stateOf('Progressing', 'RollingOut', progress);
}

function stateOf(state: Rollout['state'], reason: RolloutReason, message: string): Rollout {
  return { state, reason, message };
}

/** Missing part of the rollout; undefined if the rollout is complete. */
function progressOf(wanted: number, status: NonNullable<Deployment['status']>): string | undefined {
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  if (updatedReplicas < wanted) return `${updatedReplicas} of ${wanted} new replicas have been created`;
  if (replicas > updatedReplicas) return `${replicas - updatedReplicas} old replicas are pending termination`;
  if (availableReplicas < updatedReplicas)
    return `${availableReplicas} of ${updatedReplicas} new replicas are available`;
  return undefined;
}
