/** Selects a container of an app's pod, and checks whether it has started. Pure. */
import { isFinished, isReady, isTerminating } from '../../../workloads/pod.ts';
import type { AppPod } from '../../cluster/app-objects.ts';
import { CliError } from '../../framework/errors.ts';

/** Returns the named container, or the app's main container. @throws CliError of code NOT_FOUND */
export function containerOf(pod: AppPod, app: string, named: string | undefined): string {
  const names = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].map(
    ({ name }) => name,
  );
  const wanted = named ?? app;
  const found = names.find((name) => name === wanted) ?? (named === undefined ? names[0] : undefined);
  if (found !== undefined) return found;
  throw new CliError('NOT_FOUND', `pod ${pod.metadata.name} has no container "${wanted}"`, {
    details: [`The pod has ${names.join(', ')}.`],
  });
}

/** Whether the container is running or has run. Only then can the container have a log. */
export function hasStarted(pod: AppPod, container: string): boolean {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const status = [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === container);
  if (status === undefined) return false;
  return status.state?.waiting === undefined || (status.restartCount ?? 0) > 0;
}

/** Selects a running pod for a connection. Prefers ready pods, then newer pods. Returns undefined if no pod is running. */
export function bestPod(pods: readonly AppPod[]): AppPod | undefined {
  const born = ({ metadata }: AppPod): string => metadata.creationTimestamp ?? '';
  return pods
    .filter((pod) => !isFinished(pod) && !isTerminating(pod) && pod.status?.phase === 'Running')
    .toSorted(
      (one, other) =>
        Number(isReady(other)) - Number(isReady(one)) ||
        born(other).localeCompare(born(one)) ||
        one.metadata.name.localeCompare(other.metadata.name),
    )[0];
}
