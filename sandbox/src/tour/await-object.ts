/** Watches a Kubernetes object until it meets a condition. */
import type { KubeClient, KubeObject, Resource } from '../../../src/kube/index.ts';
import { TourFailure } from './failure.ts';
import { patienceMs } from './tour.ts';

type Selection = {
  readonly namespace?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
};

/**
 * @param until called with all selected objects after each change; a result other than undefined ends the wait
 * @throws TourFailure if the time runs out
 */
// The caller states the type of the resource's objects by the type parameter.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export async function awaitObjects<T extends KubeObject, R>(
  client: KubeClient,
  resource: Resource,
  selection: Selection,
  waitingFor: string,
  until: (objects: readonly T[]) => R | undefined,
  signal: AbortSignal,
): Promise<R> {
  const deadline = AbortSignal.timeout(patienceMs);
  const either = AbortSignal.any([signal, deadline]);
  const objects = new Map<string, T>();
  const keyOf = (object: T): string => `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
  try {
    for (;;) {
      const list = await client.list<T>(resource, { ...selection, signal: either });
      objects.clear();
      for (const item of list.items) objects.set(keyOf(item), item);
      const now = until([...objects.values()]);
      if (now !== undefined) return now;
      const watch = client.watch<T>(resource, {
        ...selection,
        resourceVersion: list.resourceVersion,
        signal: either,
      });
      for await (const event of watch) {
        if (event.type === 'ERROR') break;
        if (event.type === 'BOOKMARK') continue;
        if (event.type === 'DELETED') objects.delete(keyOf(event.object));
        else objects.set(keyOf(event.object), event.object);
        const then = until([...objects.values()]);
        if (then !== undefined) return then;
      }
    }
  } catch (error) {
    if (deadline.aborted)
      throw new TourFailure(
        `waited ${patienceMs / 1000} s for ${waitingFor}, in vain; last seen: ${JSON.stringify([...objects.values()].map((object) => ({ name: object.metadata.name, ...('status' in object ? { status: object.status } : {}) })))}`,
      );
    throw error;
  }
}
