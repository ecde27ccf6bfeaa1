/**
 * A sorted map that keeps earlier values, so that reads can return past states and clients see eventual consistency. A
 * write copies the history of one entry, never the whole map.
 */

/**
 * Keys are sorted by their UTF-16 code units; times are in milliseconds. If the clock goes back, a write gets the time
 * of the previous write.
 */
export type History<V> = {
  /** Returns the value of a key as of time `at` (default: now). */
  readonly get: (key: string, at?: number) => V | undefined;
  readonly set: (key: string, value: V, now: number) => void;
  readonly delete: (key: string, now: number) => void;
  /** Keys and values as of `at`, starting at the first key greater than `after`. */
  readonly entries: (options?: {
    readonly at?: number | undefined;
    readonly after?: string | undefined;
  }) => IterableIterator<readonly [string, V]>;
  /** Number of current entries. */
  readonly size: () => number;
};

type Version<V> = { readonly since: number; readonly value: V | undefined };
/** Versions of one value, newest last; never empty. */
type Versions<V> = readonly Version<V>[];

export function createHistory<V>(retentionMs: number): History<V> {
  const versionsByKey = new Map<string, Versions<V>>();
  const keys: string[] = [];
  const graves: { key: string; time: number }[] = [];
  let live = 0;
  let lastWrite = -Infinity;

  const write = (key: string, value: V | undefined, time: number): void => {
    const now = (lastWrite = Math.max(lastWrite, time));
    bury(now);
    const versions = versionsByKey.get(key);
    if (versions === undefined) keys.splice(firstGreater(keys, key), 0, key);
    const existed = versions?.at(-1)?.value !== undefined;
    versionsByKey.set(key, [...stillVisible(versions ?? [], now - retentionMs), { since: now, value }]);
    live += (value === undefined ? 0 : 1) - (existed ? 1 : 0);
  };

  /** Removes keys that were deleted before the oldest time that a read can request. */
  const bury = (now: number): void => {
    while (graves[0] && graves[0].time < now - retentionMs) {
      const grave = graves.shift();
      const latest = grave && versionsByKey.get(grave.key)?.at(-1);
      if (grave && latest?.value === undefined && latest?.since === grave.time) {
        versionsByKey.delete(grave.key);
        keys.splice(firstGreater(keys, grave.key) - 1, 1);
      }
    }
  };

  return {
    get: (key, at) => valueAt(versionsByKey.get(key), at),
    set: write,
    delete: (key, now) => {
      if (versionsByKey.get(key)?.at(-1)?.value === undefined) return;
      write(key, undefined, now);
      graves.push({ key, time: lastWrite });
    },
    *entries({ at, after } = {}) {
      for (let index = after === undefined ? 0 : firstGreater(keys, after); index < keys.length; index += 1) {
        const key = keys[index] ?? '';
        const value = valueAt(versionsByKey.get(key), at);
        if (value !== undefined) yield [key, value];
      }
    },
    size: () => live,
  };
}

function valueAt<V>(versions: Versions<V> | undefined, at: number | undefined): V | undefined {
  if (versions === undefined) return undefined;
  if (at === undefined) return versions.at(-1)?.value;
  return versions.findLast((version) => version.since <= at)?.value;
}

/** Returns the versions that were current at `horizon` or later. */
function stillVisible<V>(versions: Versions<V>, horizon: number): Versions<V> {
  const first = versions.findLastIndex((version) => version.since <= horizon);
  return first <= 0 ? versions : versions.slice(first);
}

function firstGreater(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? '') <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}
