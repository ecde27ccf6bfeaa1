/** Selects the pod and the container of an app for commands that connect to a pod or read its log. */
import type { App } from '../../../api/app.ts';
import type { KubeClient } from '../../../kube/index.ts';
import { isFinished, isReady, isTerminating } from '../../../workloads/pod.ts';
import { chosenTargets, podsOf, type AppPod } from '../../cluster/app-objects.ts';
import { CliError, usageError } from '../../framework/errors.ts';

export type PodChoice = { readonly target: string | undefined; readonly pod: string | undefined };
type PickedPod = { readonly target: string; readonly pod: AppPod };

/**
 * Requires an explicit target if the app has several, because one of them might be production.
 *
 * @throws CliError of code USAGE if no target is selected, and of code NOT_FOUND if no pod is running
 */
export async function pickPod(client: KubeClient, app: App, choice: PodChoice): Promise<PickedPod> {
  const { name } = app.metadata;
  const targets = chosenTargets(app, choice.target === undefined ? [] : [choice.target]);
  if (choice.pod !== undefined) {
    for (const target of targets) {
      const pod = (await podsOf(client, app, target)).find(({ metadata }) => metadata.name === choice.pod);
      if (pod) return { target, pod };
    }
    throw new CliError('NOT_FOUND', `app "${name}" has no pod "${choice.pod}" in ${targets.join(', ')}`, {
      next: [`List the pods: kon app pods ${name}`],
    });
  }
  const [target = '', ...more] = targets;
  if (more.length > 0)
    throw usageError(
      `no target given; app "${name}" runs in ${targets.join(', ')}`,
      `Pass --target ${target}`,
    );
  const pods = await podsOf(client, app, target);
  const pod = bestPod(pods);
  if (pod) return { target, pod };
  throw new CliError('NOT_FOUND', `app "${name}" has no running pod in ${target}`, {
    details: pods.length === 0 ? [] : [`The app has ${pods.length} pods, but none is running.`],
    next: [`Find the reason: kon app status ${name}`],
  });
}

/** Selects a running pod for a connection. Prefers ready pods, then newer pods. Returns undefined if no pod is running. */
function bestPod(pods: readonly AppPod[]): AppPod | undefined {
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

/** Returns the named container, or the app's main container. @throws CliError of code NOT_FOUND */
export function containerOf(pod: AppPod, app: string, named: string | undefined): string {
  const names = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].map(
    ({ name }) => name,
  );
  const wanted = named ?? app;
  const found = names.find((name) => name === wanted) ?? (named === undefined ? names[0] : undefined);
  if (found !== undefined) return found;
  throw new CliError('NOT_FOUND', `pod ${pod.metadata.name} has no container "${wanted}"`, {
    details: [`The pod has the containers ${names.join(', ')}.`],
  });
}

/** Whether the container is running or has run. Only then can the container have a log. */
export function hasStarted(pod: AppPod, container: string): boolean {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const status = [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === container);
  if (status === undefined) return false;
  return status.state?.waiting === undefined || (status.restartCount ?? 0) > 0;
}
