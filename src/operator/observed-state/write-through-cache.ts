/**
 * What we have just written, until the informer has seen it too. An informer's store lags behind our own writes by some
 * milliseconds or, behind a slow watch, by many seconds; without this a reconcile would write twice, or undo itself.
 */
import type { Change, Informer, KubeObject } from '../../kube/index.ts';
import type { Monotonic } from '../../k8s/time.ts';

/** After this time the informer's word counts again, whatever it is: what it never saw is gone. Milliseconds. */
const memory = 60_000;

/** An answer to a write of ours is as good as a look at the object for this long. Milliseconds. */
const freshFor = 5_000;

type Entry<T> = {
  readonly object: T | undefined;
  readonly uid: string;
  readonly version: bigint;
  readonly at: number;
};

export type WriteThroughCache<T extends KubeObject> = {
  /** The freshest of what the store and our own writes say. */
  get(key: string): T | undefined;
  /** The keys of what we wrote and have not seen yet. */
  recent(): readonly string[];
  /** Of these the keys of objects of this name, in whatever namespace. */
  recentOf(name: string): readonly string[];
  /**
   * Milliseconds until the informer's word counts again of the first of these that we wrote and have not seen yet; absent when
   * there is none. Nothing else tells of an object that came and went while the informer could not look.
   */
  unseenForMs(keys: readonly string[]): number | undefined;
  wrote(key: string, object: T): void;
  /** The object with this uid was deleted by us. */
  deleted(key: string, object: T): void;
  /** Whether what the informer saw is what we wrote last, and not the word of anybody else. */
  isOwn(change: Change<T>): boolean;
  /** Whether the API server has just told of this very version, in its answer to a write of ours. */
  isFresh(key: string, object: T): boolean;
  /** The API server answered a request of this process with this object. */
  saw(key: string, object: T): void;
  /**
   * Whether the API server has answered a request of this process with this object, by uid. The store cannot show that: a process
   * that has just started may hold an object that another process deleted before.
   */
  hasSeen(key: string, object: T): boolean;
};

/** @param now milliseconds, by a clock that nobody sets */
export function createWriteThroughCache<T extends KubeObject>(
  informer: Informer<T>,
  now: () => Monotonic,
): WriteThroughCache<T> {
  const entries = new Map<string, Entry<T>>();
  /** The keys of the entries, by the name in them. */
  const byName = new Map<string, Set<string>>();
  /** Of each key, the version of our last write, and when it was answered. */
  const written = new Map<string, { readonly version: string | undefined; readonly at: number }>();

  /** The uid of the object in the API server's last answer, by key. */
  const answered = new Map<string, string>();

  /** What the informer saw go, by key, the longest ago first: the answer to a write may come after that. */
  const gone = new Map<string, { readonly version: bigint; readonly at: number }>();

  const remember = (key: string, entry: Entry<T>): void => {
    entries.set(key, entry);
    byName.set(nameOf(key), (byName.get(nameOf(key)) ?? new Set()).add(key));
  };
  const forget = (key: string): void => {
    entries.delete(key);
    const keys = byName.get(nameOf(key));
    if (keys?.delete(key) && keys.size === 0) byName.delete(nameOf(key));
  };

  const sawGo = (key: string, object: T | undefined): void => {
    gone.delete(key);
    const at = now();
    if (object) gone.set(key, { version: versionOf(object), at });
    for (const [other, { at: since }] of gone) {
      if (at - since <= memory) return;
      gone.delete(other);
    }
  };

  informer.onChange((change: Change<T>) => {
    if (!change.new) {
      written.delete(change.key);
      answered.delete(change.key);
      sawGo(change.key, change.old);
    }
    const entry = entries.get(change.key);
    if (!entry) return;
    const seen = change.new ?? change.old;
    // A delete event may carry the version of the deletion or the last one that was stored: either is news.
    if (!change.new || (seen && versionOf(seen) >= entry.version)) forget(change.key);
  });

  return {
    get(key) {
      const stored = informer.store.get(key);
      const entry = entries.get(key);
      if (!entry) return stored;
      if (now() - entry.at > memory) {
        forget(key);
        return stored;
      }
      if (!stored) return entry.object;
      if (entry.object === undefined) return stored.metadata.uid === entry.uid ? undefined : stored;
      return versionOf(stored) >= entry.version ? stored : entry.object;
    },
    recent: () => [...entries.keys()],
    recentOf: (name) => [...(byName.get(name) ?? [])],
    unseenForMs(keys) {
      const times = keys.flatMap((key) => entries.get(key)?.at ?? []);
      return times.length === 0 ? undefined : Math.max(0, Math.min(...times) + memory + 1 - now());
    },
    wrote(key, object) {
      const at = now();
      const version = versionOf(object);
      // The watch was faster than the answer: it has told of this write, and of the end of the object.
      if (version > 0n && version <= (gone.get(key)?.version ?? 0n)) return;
      written.set(key, { version: object.metadata.resourceVersion, at });
      answered.set(key, object.metadata.uid ?? '');
      const stored = informer.store.get(key);
      // Nothing was changed by it, or it was seen already.
      if (version > 0n && stored && versionOf(stored) >= version) forget(key);
      else remember(key, { object, uid: object.metadata.uid ?? '', version, at });
    },
    deleted(key, object) {
      answered.delete(key);
      remember(key, {
        object: undefined,
        uid: object.metadata.uid ?? '',
        version: versionOf(object),
        at: now(),
      });
    },
    isOwn({ key, new: seen }) {
      const version = written.get(key)?.version;
      return version !== undefined && version === seen?.metadata.resourceVersion;
    },
    isFresh(key, { metadata }) {
      const last = written.get(key);
      if (last?.version === undefined || last.version !== metadata.resourceVersion) return false;
      const age = now() - last.at;
      return age >= 0 && age <= freshFor;
    },
    saw: (key, { metadata }) => void answered.set(key, metadata.uid ?? ''),
    hasSeen: (key, { metadata }) => metadata.uid !== undefined && answered.get(key) === metadata.uid,
  };
}

/** `namespace/name`, or the name alone. */
function nameOf(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

/**
 * Resource versions are numbers that grow, which the API promises since Kubernetes 1.35 and etcd always gave.
 * Source: KEP-5504, "Comparable Resource Version".
 */
function versionOf(object: KubeObject): bigint {
  const version = object.metadata.resourceVersion ?? '';
  return /^[0-9]+$/.test(version) ? BigInt(version) : 0n;
}
