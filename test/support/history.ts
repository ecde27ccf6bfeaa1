/**
 * Uses a watch to record all changes to the objects of a kind from a point in time on. Tests use the record to show
 * that something never happened.
 */
import { resources, type KubeClient, type KubeObject, type Resource } from '../../src/kube/index.ts';
import { eventually } from './eventually.ts';
import { toError } from '../../src/k8s/errors.ts';

export type Happening<T> = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T };

export type History<T> = {
  /** Returns all changes up to the time of the call. */
  complete(): Promise<readonly Happening<T>[]>;
  stop(): Promise<void>;
};

/**
 * Starts to record changes; objects that already exist are not part of the record. Resolves once no later change can be
 * missed.
 */
export async function recordHistory<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
): Promise<History<T>> {
  const end = new AbortController();
  const happenings: Happening<T>[] = [];
  const { resourceVersion } = await client.list<T>(resource);
  let failure: Error | undefined;
  const watching = (async (): Promise<void> => {
    let since = resourceVersion;
    while (!end.signal.aborted) {
      // The server ends each watch after some minutes. The next watch continues from the last version that was
      // received.
      for await (const event of client.watch<T>(resource, {
        resourceVersion: since,
        allowBookmarks: true,
        signal: end.signal,
      })) {
        if (event.type === 'ERROR') throw event.error;
        if (event.type === 'BOOKMARK') since = event.resourceVersion;
        else {
          since = event.object.metadata.resourceVersion ?? since;
          happenings.push(event);
        }
      }
    }
  })().catch((error: unknown) => {
    if (!end.signal.aborted) failure = toError(error);
  });
  let marks = 0;
  return {
    async complete() {
      // Creates an object of the kind and waits until the watch reports it. By then, all earlier changes have been
      // reported as well.
      marks += 1;
      const name = `history-mark-${marks}`;
      await client.create<KubeObject>(resource, markOf(resource, name), { fieldManager: 'test' });
      await eventually(`the watch of ${resource.plural} tells of ${name}`, async () => {
        if (failure) throw failure;
        return happenings.some(({ object }) => object.metadata.name === name) || undefined;
      });
      await client.delete(resource, { namespace: 'default', name });
      return happenings.filter(({ object }) => !object.metadata.name.startsWith('history-mark-'));
    },
    async stop() {
      end.abort();
      await watching;
    },
  };
}

function markOf(resource: Resource, name: string): KubeObject {
  const { kind } = resource;
  const base = { apiVersion: 'v1', kind, metadata: { namespace: 'default', name } };
  switch (resource) {
    case resources.serviceAccounts:
      return base;
    case resources.pods:
      return { ...base, spec: { containers: [{ name: 'main', image: 'none' }] } } as KubeObject;
    default:
      throw new TypeError(`no ${kind} is known that does no harm`);
  }
}
