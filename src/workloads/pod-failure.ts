/** Reasons why a pod does not become ready, with the names that Kubernetes uses. */
import { isActive, isReady, type ContainerEnd, type ContainerStatus, type Pod } from './pod.ts';
import type { Wall } from '../k8s/time.ts';

export type PodFailure = {
  /** Reason from Kubernetes: `ImagePullBackOff`, `CrashLoopBackOff`, `Unschedulable`, … */
  readonly reason: string;
  readonly message: string;
};

const crashLoopBackOff = 'CrashLoopBackOff';

/**
 * Reasons of waiting containers. These reasons do not go away by themselves. Source: kubelet,
 * `pkg/kubelet/images/types.go` and `pkg/kubelet/kuberuntime/kuberuntime_container.go`.
 */
const failures: ReadonlySet<string> = new Set([
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

/** Minimum run time of a container before the kubelet resets its back-off. Source: kubelet, `MaxContainerBackOff` × 2. */
const longRunMs = 10 * 60_000;

/**
 * Minimum run time of a failed container before it counts as recovered. Most containers that fail again do so within a shorter
 * time.
 */
const recoveredAfterMs = 30_000;

/** Failure of a pod that is not terminating. If several pods have failed, the first by name counts. */
export function podFailure(pods: readonly Pod[], now: Wall): PodFailure | undefined {
  return firstOf(pods, (pod) => (isReady(pod) ? crashLoop(pod, now) : failureOf(pod, now)));
}

/** Crash loop of one of the pods, even if the pod is ready at the moment. */
export function crashLoopOf(pods: readonly Pod[], now: Wall): PodFailure | undefined {
  return firstOf(pods, (pod) => crashLoop(pod, now));
}

/**
 * Earliest time when a failed container will count as recovered if it keeps running, in milliseconds since the epoch.
 */
export function recoveredAt(pods: readonly Pod[], now: Wall): number | undefined {
  const times = pods.flatMap((pod) =>
    !isActive(pod)
      ? []
      : statusesOf(pod)
          .filter((status) => isLooping(status, now))
          .flatMap(({ state }) => timeOf(state?.running?.startedAt) ?? [])
          .map((startedAt) => startedAt + recoveredAfterMs),
  );
  return times.length === 0 ? undefined : Math.min(...times);
}

function firstOf(
  pods: readonly Pod[],
  failure: (pod: Pod) => PodFailure | undefined,
): PodFailure | undefined {
  for (const pod of pods.toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name))) {
    if (!isActive(pod)) continue;
    const found = failure(pod);
    if (found) return found;
  }
  return undefined;
}

function statusesOf({ status }: Pod): readonly ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

function failureOf(pod: Pod, now: Wall): PodFailure | undefined {
  const { name } = pod.metadata;
  const loop = crashLoop(pod, now);
  if (loop) return loop;
  for (const status of statusesOf(pod)) {
    const failure = containerFailure(name, status);
    if (failure) return failure;
  }
  const scheduled = pod.status?.conditions?.find((entry) => entry.type === 'PodScheduled');
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return undefined;
  return {
    reason: 'Unschedulable',
    message: `pod ${name}: ${scheduled.message ?? 'the scheduler found no node for the pod'}`,
  };
}

function containerFailure(pod: string, { name, state }: ContainerStatus): PodFailure | undefined {
  const waiting = state?.waiting;
  if (waiting?.reason === undefined || !failures.has(waiting.reason)) return undefined;
  const cause = waiting.message ? `: ${waiting.message}` : '';
  return { reason: waiting.reason, message: `pod ${pod}, container ${name}${cause}` };
}

/**
 * Crash loop of a pod's container. Such a container alternates between back-off, running and terminated. The message is
 * the same in all three states, so that the App's status does not flap.
 */
function crashLoop({ metadata, status }: Pod, now: Wall): PodFailure | undefined {
  const loop = statusesOf({ status } as Pod).find((each) => isLooping(each, now));
  if (!loop) return undefined;
  const { name, state, lastState, restartCount } = loop;
  const end = state?.terminated ?? lastState?.terminated;
  const restarts = restartCount ? `, restarted ${restartCount} times` : '';
  const cause = end ? describeEnd(end) : state?.waiting?.message;
  return {
    reason: crashLoopBackOff,
    message: `pod ${metadata.name}, container ${name}${restarts}${cause ? `: ${cause}` : ''}`,
  };
}

function isLooping({ state, lastState, restartCount = 0 }: ContainerStatus, now: Wall): boolean {
  if (state?.waiting?.reason === crashLoopBackOff) return true;
  const end = lastState?.terminated;
  if (restartCount === 0 || !end || lastedMs(end) >= longRunMs) return false;
  if (state?.terminated) return state.terminated.exitCode !== 0;
  const startedAt = timeOf(state?.running?.startedAt);
  return startedAt !== undefined && now - startedAt < recoveredAfterMs;
}

function lastedMs({ startedAt, finishedAt }: ContainerEnd): number {
  return (timeOf(finishedAt) ?? 0) - (timeOf(startedAt) ?? 0);
}

function timeOf(text: string | undefined): number | undefined {
  const time = text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

function describeEnd({ reason, exitCode, message }: ContainerEnd): string {
  const code = exitCode === undefined ? '' : ` (exit code ${exitCode})`;
  return `the container ended with ${reason ?? 'an error'}${code}${message ? `: ${message.trim()}` : ''}`;
}
