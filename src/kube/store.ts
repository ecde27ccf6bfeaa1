/**
 * Objects of an informer, by key and by index. Only the informer changes the store. The store returns its own objects
 * and no copies: treat these objects as read-only, as with client-go's listers.
 */

/** Maps an object to its index values. */
export type Indexer<T> = (object: T) => readonly string[];

export type Store<T> = {
  get(key: string): T | undefined;
  list(): readonly T[];
  keys(): readonly string[];
  /** @throws TypeError for an index that the informer does not have */
  byIndex(index: string, value: string): readonly T[];
  readonly size: number;
};

export type MutableStore<T> = Store<T> & {
  set(key: string, object: T): void;
  delete(key: string): void;
};

export function createStore<T>(indexers: Readonly<Record<string, Indexer<T>>> = {}): MutableStore<T> {
  const objects = new Map<string, T>();
  const indexes = new Map<string, { indexer: Indexer<T>; values: Map<string, Set<string>> }>();
  for (const [name, indexer] of Object.entries(indexers)) indexes.set(name, { indexer, values: new Map() });

  const reindex = (key: string, from: T | undefined, to: T | undefined): void => {
    for (const { indexer, values } of indexes.values()) {
      const before = from === undefined ? [] : indexer(from);
      const after = to === undefined ? [] : indexer(to);
      // Nearly all changes of objects leave the index values unchanged. Rebuilding large maps for such changes would be
      // expensive.
      if (before.length === after.length && before.every((value, at) => value === after[at])) continue;
      for (const value of before) {
        const keys = values.get(value);
        keys?.delete(key);
        if (keys?.size === 0) values.delete(value);
      }
      for (const value of after) {
        const keys = values.get(value);
        if (keys) keys.add(key);
        else values.set(value, new Set([key]));
      }
    }
  };

  return {
    get: (key) => objects.get(key),
    list: () => [...objects.values()],
    keys: () => [...objects.keys()],
    byIndex(index, value) {
      const entry = indexes.get(index);
      if (!entry) throw new TypeError(`the store has no index "${index}"`);
      const found: T[] = [];
      for (const key of entry.values.get(value) ?? []) {
        const object = objects.get(key);
        if (object !== undefined) found.push(object);
      }
      return found;
    },
    get size() {
      return objects.size;
    },
    set(key, object) {
      reindex(key, objects.get(key), object);
      objects.set(key, object);
    },
    delete(key) {
      const old = objects.get(key);
      if (old === undefined) return;
      reindex(key, old, undefined);
      objects.delete(key);
    },
  };
}
