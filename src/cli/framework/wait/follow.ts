/** One object as it changes: a list, then a watch from there, and again whenever the watch ends. */
import { sleep, systemTimer, type KubeClient, type KubeObject, type Resource } from '../../../kube/index.ts';
import { isPassing, pauseMs } from './passing.ts';

/** A server ends a watch by itself after some time; this only bounds how long a dead connection can go unnoticed. */
const watchSeconds = 120;

/**
 * Yields the object as it is now and after each change; undefined while there is none. Ends only by its consumer, by
 * the signal (throwing its reason), or by an error of the server that does not pass.
 */
export async function* followObject<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<T | undefined> {
  const fieldSelector = `metadata.name=${name}`;
  for (let isFirst = true; ; isFirst = false) {
    try {
      const { items, resourceVersion } = await client.list<T>(resource, { fieldSelector, signal });
      yield items[0];
      const events = client.watch<T>(resource, {
        fieldSelector,
        resourceVersion,
        timeoutSeconds: watchSeconds,
        signal,
      });
      for await (const event of events) {
        if (event.type === 'ADDED' || event.type === 'MODIFIED') yield event.object;
        else if (event.type === 'DELETED') yield undefined;
        else if (event.type === 'ERROR') break;
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
