/**
 * Cache of the AWS objects of one kind. Every entry has a source: a write by this process, a read of the single object,
 * or a listing of all objects. A response that may be older than the last write never replaces the entry. The cache is
 * in memory only, and one listing fills it after a restart.
 */
import type { Monotonic } from '../../k8s/time.ts';

/**
 * Time in milliseconds after a write during which AWS responses may still show the state before the write. IAM and EKS
 * are eventually consistent: IAM User Guide, "Changes that I make are not always immediately visible"; EKS User Guide
 * on associations, "may take several seconds to be effective".
 */
export const settleMs = 15_000;

/** Maximum time in milliseconds from the first page of a listing to its last page, even with throttling. */
const longestListingMs = 600_000;

export type Entry<T> = {
  /** Cached object. Null if the object does not exist. */
  readonly object: T | null;
  /** Source of the entry. `unknown`: a write ended without a response, so the object may or may not exist. */
  readonly source: 'write' | 'read' | 'list' | 'unknown';
  readonly wroteAt?: number;
  /**
   * Set while the outcome of the last write is unknown. `at` is the time when that write ended, and is
   * present only if reads may still return the state from before the write.
   */
  readonly unknown?: { readonly at?: number };
  /** Last time when all parts of the object were known. A listing does not set this time, because listings omit some parts. */
  readonly knownAt?: number;
};

export function createAwsCache<T, E extends Entry<T>>(kind: {
  readonly now: () => Monotonic;
  readonly ownerOf: (key: string, entry: E) => string | undefined;
  /** Returns the accounts that are affected when the entry changes from one of these objects to another. */
  readonly concernedBy: (key: string, ...objects: readonly (T | null | undefined)[]) => Iterable<string>;
  /** Whether the entry is kept regardless of its age. */
  readonly isNeeded: (key: string, entry: E) => boolean;
  /** Whether the listing shows no change of the cached object. */
  readonly isSame: (before: T, listed: T) => boolean;
}) {
  const { now, ownerOf, concernedBy } = kind;
  const entries = new Map<string, E>();
  const byAccount = new Map<string, Set<string>>();
  let listedFrom: number | undefined;

  const index = (key: string, before: string | undefined, after: string | undefined): void => {
    if (before === after) return;
    const keys = before === undefined ? undefined : byAccount.get(before);
    if (before !== undefined && keys?.delete(key) && keys.size === 0) byAccount.delete(before);
    if (after !== undefined) byAccount.set(after, (byAccount.get(after) ?? new Set()).add(key));
  };
  const ownerNow = (key: string): string | undefined => {
    const entry = entries.get(key);
    return entry && ownerOf(key, entry);
  };
  const set = (key: string, entry: E): void => {
    index(key, ownerNow(key), ownerOf(key, entry));
    entries.set(key, entry);
  };
  /**
   * Drops the entries that no account needs. An entry is kept as long as a response that has not arrived yet may be
   * older than the entry's last write.
   */
  const prune = (): void => {
    for (const [key, entry] of entries) {
      const unknownAt = entry.unknown?.at ?? -Infinity;
      if (kind.isNeeded(key, entry)) continue;
      if (Math.max(entry.wroteAt ?? -Infinity, unknownAt) > now() - longestListingMs) continue;
      // The entry is kept, because without it, the last listing would imply that the object does not exist.
      if (listedFrom !== undefined && unknownAt > listedFrom - settleMs) continue;
      index(key, ownerNow(key), undefined);
      entries.delete(key);
    }
  };

  return {
    get: (key: string): E | undefined => entries.get(key),
    set,
    /** Entries that are owned by the account. */
    ofAccount: (account: string): readonly (readonly [key: string, entry: E])[] =>
      [...(byAccount.get(account) ?? [])].flatMap((key) => {
        const entry = entries.get(key);
        return entry ? [[key, entry] as const] : [];
      }),
    /** Entries with an existing object. The entry whose last complete read is longest ago comes first. */
    oldestFirst: (): readonly E[] =>
      [...entries.values()]
        .filter(({ object }) => object !== null)
        .sort((a, b) => (a.knownAt ?? -Infinity) - (b.knownAt ?? -Infinity)),
    /**
     * Stores a listing of all objects. Returns the accounts that are affected by the changes.
     * @param objects the listed objects, each with its key
     * @param startedAt start of the listing's first call
     */
    listed(objects: Iterable<readonly [key: string, object: T]>, startedAt: number): readonly string[] {
      listedFrom = startedAt;
      const changed = new Set<string>();
      const store = (key: string, before: E | undefined, object: T | null): void => {
        for (const account of concernedBy(key, object, before?.object)) changed.add(account);
        const { unknown, ...kept } = before ?? {};
        const indeterminate = object && before?.object && unknown ? { unknown } : {};
        set(key, { ...kept, ...indeterminate, object, source: 'list' } as E);
      };
      const seen = new Set<string>();
      for (const [key, listed] of objects) {
        seen.add(key);
        const before = entries.get(key);
        if (mayPrecedeAnyWrite(startedAt, before) || (before?.object && kind.isSame(before.object, listed)))
          continue;
        store(key, before, listed);
      }
      for (const [key, before] of entries)
        if (
          before.object &&
          !seen.has(key) &&
          !mayPrecedeAnyWrite(startedAt, before) &&
          !wasReadSince(before, startedAt)
        )
          store(key, before, null);
      prune();
      return [...changed];
    },
    /** Whether a listing has been stored since the last `clear`. */
    isListed: (): boolean => listedFrom !== undefined,
    prune,
    clear(): void {
      entries.clear();
      byAccount.clear();
      listedFrom = undefined;
    },
  };
}

/**
 * Whether the object was read at or after the time `since`. If so, a listing that began at `since` may lack the object
 * although it exists.
 */
function wasReadSince({ knownAt = -Infinity }: Entry<unknown>, since: number): boolean {
  return knownAt >= since;
}

/** Whether the response to a call that began at `askedAt` may be older than this process's last write to the object. */
export function mayPrecedeWrite(entry: Entry<unknown> | undefined, askedAt: number): boolean {
  return (entry?.wroteAt ?? -Infinity) > askedAt - settleMs;
}

/** Like `mayPrecedeWrite`, but if the object exists, also considers writes to it whose outcome is unknown. */
export function mayPrecedeAnyWrite(askedAt: number, entry: Entry<unknown> | undefined): boolean {
  const unknownAt = entry?.object ? entry.unknown?.at : undefined;
  return mayPrecedeWrite(entry, askedAt) || (unknownAt ?? -Infinity) > askedAt - settleMs;
}
