/**
 * Local cache of one resource's objects that follows the API server and reports changed keys. Level-based controllers
 * read from the cache, so their reads cause no requests to the server.
 */
import { isNotFound } from './errors.ts';
import { silentLogger, type Logger } from './logger.ts';
import { keyOf, type KubeObject } from './object.ts';
import {
  defaultReflectorLimits,
  runReflector,
  type ReflectorLimits,
  type ReflectorOptions,
} from './reflector.ts';
import type { Resource } from './resource.ts';
import { createStore, type Indexer, type Store } from './store.ts';
import { systemTimer, type SetTimer } from './timing.ts';

/**
 * Change of one object. Without `old`, the object was added. Without `new`, the object was deleted. If `old` and `new`
 * have different values of `metadata.uid`, the object was recreated.
 */
export type Change<T> = { readonly key: string; readonly old?: T; readonly new?: T };

export type Informer<T extends KubeObject> = {
  readonly resource: Resource;
  readonly store: Store<T>;
  /** Runs until `signal` aborts, then resolves. It recovers from every failure of the server and never rejects. */
  start(signal: AbortSignal): Promise<void>;
  /**
   * Resolves when the store is complete for the first time. Rejects if the informer stops before the store is complete.
   */
  readonly synced: Promise<void>;
  hasSynced(): boolean;
  /**
   * Time of the server's last response (list, event or bookmark) on the clock `now`; undefined before the first
   * response.
   */
  lastContact(): number | undefined;
  /** Current error, for `/readyz`; absent if there is none. */
  lastError(): Error | undefined;
  /**
   * Calls the listener after each change of the store, in the order of the changes. Returns a function that removes the
   * listener.
   */
  onChange(listener: (change: Change<T>) => void): () => void;
};

export type InformerOptions<T extends KubeObject> = Pick<
  ReflectorOptions<T>,
  'client' | 'resource' | 'namespace' | 'labelSelector' | 'fieldSelector' | 'now' | 'random'
> & {
  /**
   * Reduces an object to the fields that the store keeps. The function must keep `name`, `namespace`, `uid` and
   * `resourceVersion` of `metadata`.
   */
  readonly trim?: ((object: T) => T) | undefined;
  /**
   * Leaves out `metadata.managedFields` before an object is parsed, which is cheaper than removing the field in `trim`.
   */
  readonly omitManagedFields?: boolean | undefined;
  readonly indexers?: Readonly<Record<string, Indexer<T>>> | undefined;
  readonly setTimer?: SetTimer | undefined;
  readonly logger?: Logger | undefined;
  /**
   * Requests the initial state through a watch if the server supports streaming lists, so that the server need not
   * build one large response. Default: true.
   */
  readonly streamingList?: boolean | undefined;
  readonly limits?: Partial<ReflectorLimits> | undefined;
  /**
   * Treats an unserved kind as a kind without objects, because its CRD may be installed later. The informer keeps
   * trying to list the kind. Default: false, so `synced` waits until the kind is served.
   */
  readonly mayBeUnserved?: boolean | undefined;
};

export function createInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  const { resource, now } = options;
  const logger = (options.logger ?? silentLogger).with({ resource: resource.plural });
  const listeners = new Set<(change: Change<T>) => void>();
  const store = createStore<T>(guardIndexers(options.indexers ?? {}, logger));
  const synced = Promise.withResolvers<void>();
  // Avoids an unhandled rejection if the promise is not awaited.
  synced.promise.catch(() => {});
  let started = false;
  let hasSynced = false;
  let lastContact: number | undefined;
  let lastError: Error | undefined;

  const trim = (object: T): T => {
    const rest = options.omitManagedFields ? withoutManagedFields(object) : object;
    if (!options.trim) return rest;
    try {
      return options.trim(rest);
    } catch (error) {
      logger.error('Trimming an object failed', { key: keyOf(object), error });
      return rest;
    }
  };

  const notify = (change: Change<T>): void => {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch (error) {
        logger.error('A change listener failed', { key: change.key, error });
      }
    }
  };

  const take = (object: T): T => {
    const old = store.get(keyOf(object));
    return old && isSame(old, object) ? old : freeze(trim(object));
  };

  const put = (kept: T): void => {
    const key = keyOf(kept);
    const old = store.get(key);
    if (old && isSame(old, kept)) return;
    store.set(key, kept);
    notify(old ? { key, old, new: kept } : { key, new: kept });
  };

  const remove = (key: string): void => {
    const old = store.get(key);
    if (!old) return;
    store.delete(key);
    notify({ key, old });
  };

  const replace = (taken: readonly T[]): void => {
    const present = new Set(taken.map(keyOf));
    for (const key of store.keys()) if (!present.has(key)) remove(key);
    for (const object of taken) put(object);
    hasSynced = true;
    synced.resolve();
  };

  const contact = (): void => {
    lastContact = now();
    lastError = undefined;
  };

  return {
    resource,
    store,
    synced: synced.promise,
    hasSynced: () => hasSynced,
    lastContact: () => lastContact,
    lastError: () => lastError,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async start(signal) {
      if (started) throw new TypeError(`the informer of ${resource.plural} was started twice`);
      started = true;
      await runReflector<T>(
        {
          ...options,
          streamingList: options.streamingList ?? true,
          limits: { ...defaultReflectorLimits, ...options.limits },
          setTimer: options.setTimer ?? systemTimer,
          logger,
          sink: {
            take,
            replace,
            upsert: (object) => put(take(object)),
            remove: (object) => remove(keyOf(object)),
            contact,
            failed(error) {
              if (options.mayBeUnserved && isNotFound(error)) {
                replace([]);
                contact();
              } else lastError = error;
            },
          },
        },
        signal,
      );
      synced.reject(new Error(`the informer of ${resource.plural} was stopped before it had synced`));
    },
  };
}

const isSame = (a: KubeObject, b: KubeObject): boolean =>
  a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion;

/**
 * Removes `metadata.managedFields` from objects in lists, and from objects of clients that do not support
 * `omitManagedFields`.
 */
function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Freezes an object, because readers share the object. An attempt to change a frozen object throws. */
function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freeze(inner);
  }
  return value;
}

/** Wraps the indexers so that an indexer that throws for one object does not affect other objects. */
function guardIndexers<T extends KubeObject>(
  indexers: Readonly<Record<string, Indexer<T>>>,
  logger: Logger,
): Record<string, Indexer<T>> {
  return Object.fromEntries(
    Object.entries(indexers).map(([index, indexer]): [string, Indexer<T>] => [
      index,
      (object) => {
        try {
          return indexer(object);
        } catch (error) {
          logger.error('Indexing an object failed', { index, key: keyOf(object), error });
          return [];
        }
      },
    ]),
  );
}
