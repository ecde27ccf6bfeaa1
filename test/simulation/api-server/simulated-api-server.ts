/**
 * A model of an API server, limited to the features that the operator uses. It is never shipped; it exists for tests
 * with thousands of runs. One table of behaviours (`conformance/`) runs against the model and against a real
 * kube-apiserver.
 *
 * Omitted: admission except for one hook, validation except for the schemas of Konstellation's kinds, merging of lists
 * by key (a list is a single field in server-side apply), pagination, and authorization.
 */
import type { Monotonic } from '../../../src/k8s/time.ts';
import { resources, type KubeClient, type Resource, type SetTimer } from '../../../src/kube/index.ts';
import { freshView, type Change, type View } from './change-log.ts';
import { connectClient } from './client.ts';
import { createObjectStore, type Snapshot } from './object-store.ts';
import type { StoredObject } from './stored-object.ts';
import { createWrites } from './writes.ts';

export type SimulatedApiServer = {
  /** Client for users and the cluster's controllers, with fresh reads and no faults. */
  readonly client: KubeClient;
  /** Connects a client that sees the server through its own view. After `close` the client receives nothing. */
  connect(view: View): { readonly client: KubeClient; close(): void };
  list(resource: Resource, namespace?: string): readonly StoredObject[];
  get(resource: Resource, name: string, namespace?: string): StoredObject | undefined;
  /** Registers a synchronous listener for changes to any resource, for monitors and the simulated controllers. */
  onChange(listener: (resource: Resource, change: Change) => void): void;
  /** Called for each object that is to be created. Like a mutating webhook, it can change the object. */
  admit: (resource: Resource, object: StoredObject) => StoredObject;
  interruptWatches(options: { readonly forget: boolean }): void;
  /** Whether the CRDs are from a later version, which keeps fields that this version's schemas do not have. */
  hasLaterSchemas: boolean;
  /** Returns the stored objects of some kinds, for `restore`. */
  snapshot(kinds: readonly Resource[]): Snapshot;
  /**
   * Restores the objects of the kinds in a snapshot, and removes objects that were created later. No admission and no
   * finalizer applies to these changes. With `same` uids the status is restored too, as from etcd; with `new` uids it
   * is not, as from a backup tool that recreates the objects.
   */
  restore(snapshot: Snapshot, uids: 'same' | 'new'): void;
  /** True during `restore`. */
  readonly isRestoring: boolean;
  /**
   * Removes the finalizer `kubernetes` from a terminating namespace, as the namespace controller does when the
   * namespace is empty.
   */
  finalizeNamespace(name: string): void;
};

export function createSimulatedApiServer({
  now,
  setTimer,
  issuer,
}: {
  readonly now: () => Monotonic;
  readonly setTimer: SetTimer;
  readonly issuer: string;
}): SimulatedApiServer {
  const store = createObjectStore({ now, setTimer });
  const writes = createWrites({
    store,
    now,
    setTimer,
    admit: (resource, object) => server.admit(resource, object),
    hasLaterSchemas: () => server.hasLaterSchemas,
  });
  const connect = (view: View): { readonly client: KubeClient; close(): void } =>
    connectClient({ store, writes, issuer, now }, view);
  const server: SimulatedApiServer = {
    client: connect(freshView).client,
    connect,
    list: (resource, namespace) =>
      store
        .list(resource)
        .filter((object) => namespace === undefined || object.metadata.namespace === namespace),
    get: (resource, name, namespace) => store.get(resource, { namespace, name })?.object,
    onChange: store.onChange,
    admit: (_resource, object) => object,
    interruptWatches: (how) => store.log.interrupt(how),
    hasLaterSchemas: false,
    snapshot: store.snapshot,
    get isRestoring() {
      return store.isRestoring;
    },
    restore: store.restore,
    finalizeNamespace(name) {
      const stored = store.get(resources.namespaces, { name });
      if (stored?.object.metadata.deletionTimestamp !== undefined)
        store.remove(resources.namespaces, stored.object);
    },
  };
  return server;
}
