/** All objects of a kind as they change: first those there are, then each change, also those missed meanwhile. */
import { sleep, systemTimer, type KubeClient, type KubeObject, type Resource } from '../../../kube/index.ts';
import { isPassing, pauseMs } from './passing.ts';

export type SetChange<T> = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T };

/** A server ends a watch by itself after some time; this only bounds how long a dead connection can go unnoticed. */
const watchSeconds = 120;

/**
 * Yields first what is there as one batch, an empty one too; afterwards what changed. A watch that breaks is taken up
 * with a list, and what changed in between is told once. Ends only by its consumer, by the signal (throwing its
 * reason), or by an error of the server that does not pass.
 */
export async function* followChanges<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  signal: AbortSignal,
): AsyncGenerator<readonly SetChange<T>[]> {
  const known = new Map<string, T>();
  for (let isFirst = true; ;) {
    try {
      const { items, resourceVersion } = await client.list<T>(resource, { signal });
      const changes = changesSince(known, items);
      for (const change of changes) remember(known, change);
      if (isFirst || changes.length > 0) yield changes;
      isFirst = false;
      const events = client.watch<T>(resource, { resourceVersion, timeoutSeconds: watchSeconds, signal });
      for await (const event of events) {
        if (event.type === 'ERROR') break;
        if (event.type === 'BOOKMARK') continue;
        remember(known, event);
        yield [event];
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

/** By name and uid: an object that was deleted and made anew is two changes. */
export function changesSince<T extends KubeObject>(
  known: ReadonlyMap<string, T>,
  items: readonly T[],
): readonly SetChange<T>[] {
  const now = new Map(items.map((item) => [item.metadata.name, item]));
  const gone = [...known.values()].filter(
    ({ metadata }) => now.get(metadata.name)?.metadata.uid !== metadata.uid,
  );
  const changed = items.flatMap((object): readonly SetChange<T>[] => {
    const before = known.get(object.metadata.name);
    if (before?.metadata.uid !== object.metadata.uid) return [{ type: 'ADDED', object }];
    return before?.metadata.resourceVersion === object.metadata.resourceVersion
      ? []
      : [{ type: 'MODIFIED', object }];
  });
  return [...gone.map((object): SetChange<T> => ({ type: 'DELETED', object })), ...changed];
}

function remember<T extends KubeObject>(known: Map<string, T>, { type, object }: SetChange<T>): void {
  if (type === 'DELETED') known.delete(object.metadata.name);
  else known.set(object.metadata.name, object);
}
