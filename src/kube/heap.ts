/**
 * Binary heap with the smallest item first. The work queue uses one heap that is ordered by time and one that is
 * ordered by priority.
 */

/** `before(a, b)`: whether `a` comes before `b`. */
export function createHeap<T>(before: (a: T, b: T) => boolean) {
  const items: T[] = [];
  const at = (index: number): T => items[index] as T;

  return {
    get size(): number {
      return items.length;
    },
    peek: (): T | undefined => items[0],
    push(item: T): void {
      let index = items.length;
      items.push(item);
      while (index > 0) {
        const parent = (index - 1) >> 1;
        if (!before(item, at(parent))) break;
        items[index] = at(parent);
        index = parent;
      }
      items[index] = item;
    },
    pop(): T | undefined {
      const first = items[0];
      const last = items.pop();
      if (last === undefined || items.length === 0) return first;
      let index = 0;
      for (;;) {
        let child = 2 * index + 1;
        if (child >= items.length) break;
        if (child + 1 < items.length && before(at(child + 1), at(child))) child += 1;
        if (!before(at(child), last)) break;
        items[index] = at(child);
        index = child;
      }
      items[index] = last;
      return first;
    },
  };
}
