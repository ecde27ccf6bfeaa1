/**
 * Write-through cache: the store of an informer, updated by this process's latest writes. The store lags behind these
 * writes by milliseconds or, with a slow watch, by many seconds. Without this cache, a reconcile would write twice or
 * undo its own write.
 */
import type { Monotonic } from '../../k8s/time.ts';
import type { Change, Informer, KubeObject } from '../../kube/index.ts';

/**
 * Maximum age of an unseen write, in milliseconds. An object that the store still does not show after this time no
 * longer exists.
 */
const unseenForMostMs = 60_000;

/** A response to a write counts as a read of the object until it is this many milliseconds old. */
const freshForMs = 5_000;

/** Write that the informer has not reported yet. */
type Unseen<T> = {
  /** Written object. Undefined if the write was a deletion. */
  readonly object: T | undefined;
  readonly uid: string;
  readonly version: bigint;
  readonly at: Monotonic;
};

export type WriteThroughCache<T extends KubeObject> = ReturnType<typeof createWriteThroughCache<T>>;

/** Creates the cache. Keys are `namespace/name`, or the name of a cluster-scoped object. */
export function createWriteThroughCache<T extends KubeObject>(informer: Informer<T>, now: () => Monotonic) {
  /** Writes that the informer has not reported yet, oldest first. */
  const unseen = new Map<string, Unseen<T>>();
  const unseenByName = new Map<string, Set<string>>();
  /**
   * API server responses by key: `uid` is from the last response. `version` and `at` (the time) are from the last
   * response to a write.
   */
  const answers = new Map<string, { uid?: string; version?: string | undefined; at?: Monotonic }>();
  /**
   * Deletions that the informer reported recently, oldest first. The response to a write may arrive after the watch has
   * reported a later deletion.
   */
  const deletions = new Map<string, { readonly version: bigint; readonly at: Monotonic }>();

  const forget = (key: string): void => {
    unseen.delete(key);
    const keys = unseenByName.get(nameIn(key));
    if (keys?.delete(key) && keys.size === 0) unseenByName.delete(nameIn(key));
  };
  const isExpired = ({ at }: { readonly at: Monotonic }): boolean => now() - at > unseenForMostMs;
  const remember = (key: string, object: T | undefined, of: T): void => {
    const version = versionOf(of);
    // The watch has already reported the write and a later deletion, before the response arrived.
    if (version > 0n && version <= (deletions.get(key)?.version ?? 0n)) return;
    if (object) answers.set(key, { uid: uidOf(object), version: object.metadata.resourceVersion, at: now() });
    else delete answers.get(key)?.uid;
    forget(key);
    for (const [other, write] of unseen) {
      if (!isExpired(write)) break;
      forget(other);
    }
    const stored = object && informer.store.get(key);
    // Either the write changed nothing, or the informer has already reported the write.
    if (version > 0n && stored && versionOf(stored) >= version) return;
    unseen.set(key, { object, uid: uidOf(of), version, at: now() });
    unseenByName.set(nameIn(key), (unseenByName.get(nameIn(key)) ?? new Set()).add(key));
  };

  informer.onChange(({ key, old, new: current }: Change<T>) => {
    if (!current) {
      answers.delete(key);
      deletions.delete(key);
      if (old) deletions.set(key, { version: versionOf(old), at: now() });
      for (const [other, deletion] of deletions) {
        if (!isExpired(deletion)) break;
        deletions.delete(other);
      }
    }
    const write = unseen.get(key);
    const seen = current ?? old;
    // A delete event may carry the version of the deletion or the last stored version. In both cases, the event is
    // newer than the write.
    if (write && (!current || (seen && versionOf(seen) >= write.version))) forget(key);
  });

  return {
    /** Returns the stored object or the last written object, whichever is newer. */
    get(key: string): T | undefined {
      const stored = informer.store.get(key);
      const write = unseen.get(key);
      if (!write) return stored;
      if (isExpired(write)) {
        forget(key);
        return stored;
      }
      if (!stored) return write.object;
      if (write.object === undefined) return stored.metadata.uid === write.uid ? undefined : stored;
      return versionOf(stored) >= write.version ? stored : write.object;
    },

    /** Keys of the objects whose last write the informer has not reported yet. */
    recent: (): readonly string[] => [...unseen.keys()],

    /** Keys of the objects of this name, in any namespace, whose last write the informer has not reported yet. */
    recentOf: (name: string): readonly string[] => [...(unseenByName.get(name) ?? [])],

    /**
     * Returns the milliseconds until the first unseen write to one of these keys reaches its maximum age, or undefined
     * if these keys have no unseen write. The maximum age is needed because no event reports an object that was created
     * and deleted while the informer did not watch.
     */
    unseenForMs(keys: readonly string[]): number | undefined {
      const times = keys.flatMap((key) => unseen.get(key)?.at ?? []);
      return times.length === 0 ? undefined : Math.max(0, Math.min(...times) + unseenForMostMs + 1 - now());
    },

    /** Stores the response to a write. */
    wrote(key: string, object: T): void {
      remember(key, object, object);
    },

    /** Records that this process deleted the object. */
    deleted(key: string, object: T): void {
      remember(key, undefined, object);
    },

    /** Whether this process's last write to the object made the change. */
    isOwn({ key, new: seen }: Change<T>): boolean {
      const version = answers.get(key)?.version;
      return version !== undefined && version === seen?.metadata.resourceVersion;
    },

    /**
     * Whether the API server returned this version of the object, in response to a write, within the last `freshForMs`.
     */
    isFresh(key: string, { metadata }: T): boolean {
      const { version, at = -Infinity } = answers.get(key) ?? {};
      const age = now() - at;
      return version !== undefined && version === metadata.resourceVersion && age >= 0 && age <= freshForMs;
    },

    /** Records that the API server has returned this object in response to a read. */
    saw(key: string, object: T): void {
      answers.set(key, { ...answers.get(key), uid: uidOf(object) });
    },

    /**
     * Whether the API server has returned the object with this uid to this process, in response to a read or a write.
     * The store alone proves nothing: shortly after the start, it may hold an object that another process has deleted.
     */
    hasSeen: (key: string, { metadata }: T): boolean =>
      metadata.uid !== undefined && answers.get(key)?.uid === metadata.uid,
  };
}

function nameIn(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

function uidOf({ metadata }: KubeObject): string {
  return metadata.uid ?? '';
}

/**
 * Converts the resource version to a number, so that two versions can be compared. The API has guaranteed increasing
 * numbers since Kubernetes 1.35, and etcd has always used them.
 * Source: KEP-5504, "Comparable Resource Version".
 */
function versionOf(object: KubeObject): bigint {
  const version = object.metadata.resourceVersion ?? '';
  return /^[0-9]+$/.test(version) ? BigInt(version) : 0n;
}
