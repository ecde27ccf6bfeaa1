/**
 * Cache of the AWS objects of one kind. Every entry has a source: one of our writes, a read of the single object, or a
 * listing of all objects. A response that may be older than our last write never replaces the entry. The cache is in
 * memory only: one listing fills it after a restart.
 */
import type { Monotonic } from '../../k8s/time.ts';

/**
 * For this time after a write, responses of AWS may still show the previous state. Milliseconds. IAM and EKS are
 * eventually consistent: IAM User Guide, "Changes that I make are not always immediately visible"; EKS User Guide on
 * associations, "may take several seconds to be effective".
 */
export const settleMs = 15_000;

/** Longest time from the first page of a listing to its last, even when throttled. Milliseconds. */
const longestListingMs = 600_000;

export type Entry<T> = {
  /** The object; null if there is none. */
  readonly object: T | null;
  /** `unknown`: a write ended without a response, so the object may or may not exist. */
  readonly source: 'write' | 'read' | 'list' | 'unknown';
  readonly wroteAt?: number;
  /**
   * Set while the outcome of the last write is unknown. `at`: when that write ended, if reads may still return the
   * state before it.
   */
  readonly unknown?: { readonly at?: number };
  /** Last time when all parts of the object were known; listings omit some parts. */
  readonly knownAt?: number;
};

export function createAwsCache<T, E extends Entry<T>>(kind: {
  readonly now: () => Monotonic;
  readonly ownerOf: (key: string, entry: E) => string | undefined;
  /** Returns the accounts that a change between these objects concerns. */
  readonly concernedBy: (key: string, ...objects: readonly (T | null | undefined)[]) => Iterable<string>;
  /** Whether the entry is kept regardless of its age. */
  readonly isNeeded: (key: string, entry: E) => boolean;
  /** Whether the listed object shows no change. */
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
  /** Drops the entries that no account needs, once no response can be older than their last write. */
  const prune = (): void => {
    for (const [key, entry] of entries) {
      const unknownAt = entry.unknown?.at ?? -Infinity;
      if (kind.isNeeded(key, entry)) continue;
      if (Math.max(entry.wroteAt ?? -Infinity, unknownAt) > now() - longestListingMs) continue;
      // If the entry were dropped, the last listing would imply that the object does not exist.
      if (listedFrom !== undefined && unknownAt > listedFrom - settleMs) continue;
      index(key, ownerNow(key), undefined);
      entries.delete(key);
    }
  };

  return {
    get: (key: string): E | undefined => entries.get(key),
    set,
    /** Entries whose owner is this account. */
    ofAccount: (account: string): readonly (readonly [key: string, entry: E])[] =>
      [...(byAccount.get(account) ?? [])].flatMap((key) => {
        const entry = entries.get(key);
        return entry ? [[key, entry] as const] : [];
      }),
    /** Entries with an object, ordered by the last time when all parts were known, oldest first. */
    oldestFirst: (): readonly E[] =>
      [...entries.values()]
        .filter(({ object }) => object !== null)
        .sort((a, b) => (a.knownAt ?? -Infinity) - (b.knownAt ?? -Infinity)),
    /**
     * Stores a listing of all objects, by key. `startedAt` is the start of the listing's first call. Returns the
     * accounts that the changes concern.
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
        if (mayPrecede(startedAt, before) || (before?.object && kind.isSame(before.object, listed))) continue;
        store(key, before, listed);
      }
      for (const [key, before] of entries)
        if (before.object && !seen.has(key) && !mayPrecede(startedAt, before) && !isRead(before, startedAt))
          store(key, before, null);
      prune();
      return [...changed];
    },
    /** Whether a listing was stored since the last `clear`. */
    isListed: (): boolean => listedFrom !== undefined,
    prune,
    clear(): void {
      entries.clear();
      byAccount.clear();
      listedFrom = undefined;
    },
  };
}

/** Whether the object was read after this time. A listing that began earlier may not contain the object. */
function isRead({ knownAt = -Infinity }: Entry<unknown>, since: number): boolean {
  return knownAt >= since;
}

/** Whether the response to a call that began at `askedAt` may be older than our last write. */
export function isYoung(entry: Entry<unknown> | undefined, askedAt: number): boolean {
  return (entry?.wroteAt ?? -Infinity) > askedAt - settleMs;
}

/** Like `isYoung`, but also considers a write to an existing object whose outcome is unknown. */
export function mayPrecede(askedAt: number, entry: Entry<unknown> | undefined): boolean {
  const unknownAt = entry?.object ? entry.unknown?.at : undefined;
  return isYoung(entry, askedAt) || (unknownAt ?? -Infinity) > askedAt - settleMs;
}
