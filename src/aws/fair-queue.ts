/**
 * Queue with priority levels. Within a level, one item of each owner is taken in turn, so an owner with a hundred items
 * delays every other owner by only one item. Every twentieth item is taken from the lowest level. Otherwise, higher
 * levels could block the lowest level forever.
 */

const lowestLevelEvery = 20;

export function createFairQueue<T>(levels: number) {
  /** Queued items by owner, for each priority level. The owners are in the order of their turns. */
  const turns = Array.from({ length: levels }, () => new Map<string, T[]>());
  const sizes = Array.from({ length: levels }, () => 0);
  let size = 0;
  let taken = 0;

  const resize = (level: number, by: number): void => {
    sizes[level] = (sizes[level] ?? 0) + by;
    size += by;
  };
  const ofLevel = (level: number): Map<string, T[]> => {
    const found = turns[level];
    if (!found) throw new RangeError(`the queue has no level ${level}`);
    return found;
  };

  return {
    /** @param level 0 is the highest priority */
    push(item: T, level: number, owner: string): void {
      const owners = ofLevel(level);
      const items = owners.get(owner);
      if (items) items.push(item);
      else owners.set(owner, [item]);
      resize(level, 1);
    },
    /** Puts back an item that was taken too early, as the next item of its level. */
    pushFront(item: T, level: number, owner: string): void {
      const owners = ofLevel(level);
      const items = [item, ...(owners.get(owner) ?? [])];
      owners.delete(owner);
      turns[level] = new Map([[owner, items], ...owners]);
      resize(level, 1);
    },
    take(): T | undefined {
      const inOrder = [...turns.entries()];
      for (const [level, owners] of (taken + 1) % lowestLevelEvery === 0 ? inOrder.reverse() : inOrder) {
        for (const [owner, items] of owners) {
          const item = items.shift();
          owners.delete(owner);
          if (items.length > 0) owners.set(owner, items);
          if (item === undefined) continue;
          resize(level, -1);
          taken += 1;
          return item;
        }
      }
      return undefined;
    },
    /** Removes an item. Returns whether the item was in the queue. */
    remove(item: T, level: number, owner: string): boolean {
      const items = ofLevel(level).get(owner);
      const index = items?.indexOf(item) ?? -1;
      if (!items || index < 0) return false;
      items.splice(index, 1);
      if (items.length === 0) ofLevel(level).delete(owner);
      resize(level, -1);
      return true;
    },
    get size(): number {
      return size;
    },
    sizeOf: (level: number): number => sizes[level] ?? 0,
  };
}
