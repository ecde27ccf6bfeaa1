/** Why a pod does not get ready, in its own words. */
import { isFinished, isReady, isTerminating, type ContainerStatus, type Pod } from './pod.ts';

export type PodFailure = {
  /** Kubernetes' own word: `ImagePullBackOff`, `CrashLoopBackOff`, `Unschedulable`, … */
  readonly reason: string;
  readonly message: string;
};

/**
 * What a container waits for that does not come by waiting.
 * Source: kubelet, `pkg/kubelet/images/types.go` and `pkg/kubelet/kuberuntime/kuberuntime_container.go`.
 */
const failures: ReadonlySet<string> = new Set([
  'CrashLoopBackOff',
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'PreCreateHookError',
  'PreStartHookError',
  'PostStartHookError',
]);

/** The failure of the first pod, by name, that has one and is not on its way out. */
export function podFailure(pods: readonly Pod[]): PodFailure | undefined {
  for (const pod of pods.toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name))) {
    if (isFinished(pod) || isTerminating(pod) || isReady(pod)) continue;
    const failure = failureOf(pod);
    if (failure) return failure;
  }
  return undefined;
}

function failureOf(pod: Pod): PodFailure | undefined {
  const { name } = pod.metadata;
  const { conditions, initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  for (const status of [...initContainerStatuses, ...containerStatuses]) {
    const failure = containerFailure(name, status);
    if (failure) return failure;
  }
  const scheduled = conditions?.find((entry) => entry.type === 'PodScheduled');
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return undefined;
  return { reason: 'Unschedulable', message: `pod ${name}: ${scheduled.message ?? 'no node takes it'}` };
}

function containerFailure(
  pod: string,
  { name, state, restartCount }: ContainerStatus,
): PodFailure | undefined {
  const waiting = state?.waiting;
  if (waiting?.reason === undefined || !failures.has(waiting.reason)) return undefined;
  const restarts = restartCount ? `, restarted ${restartCount} times` : '';
  const cause = waiting.message ? `: ${waiting.message}` : '';
  return { reason: waiting.reason, message: `pod ${pod}, container ${name}${restarts}${cause}` };
}
