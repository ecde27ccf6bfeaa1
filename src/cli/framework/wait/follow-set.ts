/** The objects that a selection finds, as they change: a list, then a watch from there, and again whenever that ends. */
import { sleep, systemTimer, type KubeClient, type KubeObject, type Resource } from '../../../kube/index.ts';
import { isPassing, pauseMs } from './passing.ts';

/** A server ends a watch by itself after some time; this only bounds how long a dead connection can go unnoticed. */
const watchSeconds = 120;

export type Selection = {
  /** Absent: of all, or of a kind that has none. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
};

/**
 * Yields all of them as they are now, and again after each change. Ends only by its consumer, by the signal (throwing
 * its reason), or by an error of the server that does not pass.
 */
export async function* followSet<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  selection: Selection,
  signal: AbortSignal,
): AsyncGenerator<readonly T[]> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      const { items, resourceVersion } = await client.list<T>(resource, { ...selection, signal });
      const known = new Map(items.map((item) => [item.metadata.name, item]));
      yield [...known.values()];
      const events = client.watch<T>(resource, {
        ...selection,
        resourceVersion,
        timeoutSeconds: watchSeconds,
        signal,
      });
      for await (const event of events) {
        if (event.type === 'ERROR') break;
        if (event.type === 'BOOKMARK') continue;
        if (event.type === 'DELETED') known.delete(event.object.metadata.name);
        else known.set(event.object.metadata.name, event.object);
        yield [...known.values()];
      }
    } catch (error) {
      signal.throwIfAborted();
      // Who is not there to begin with will not be waited for.
      if (isFirst || !isPassing(error)) throw error;
    }
    await sleep(systemTimer, pauseMs, signal);
    signal.throwIfAborted();
  }
}
