import { describe, expect, it } from 'vitest';
import { createFairQueue } from './fair-queue.ts';

type FairQueue<T> = ReturnType<typeof createFairQueue<T>>;

const drain = (queue: FairQueue<string>): string[] => {
  const taken: string[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) taken.push(item);
  return taken;
};

describe('a fair queue', () => {
  it('returns items of a higher level first, even if other items were added earlier', () => {
    const queue = createFairQueue<string>(3);
    queue.push('background', 2, 'fleet');
    queue.push('new', 1, 'a');
    queue.push('edit', 0, 'b');
    expect(drain(queue)).toEqual(['edit', 'new', 'background']);
  });

  it('returns one item of each owner in turn', () => {
    const queue = createFairQueue<string>(1);
    for (const item of ['a1', 'a2', 'a3']) queue.push(item, 0, 'a');
    for (const item of ['b1', 'b2']) queue.push(item, 0, 'b');
    queue.push('c1', 0, 'c');
    expect(drain(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  it('delays an item of a new owner by at most one item of each other owner', () => {
    const queue = createFairQueue<string>(1);
    for (const item of ['a1', 'a2', 'a3']) queue.push(item, 0, 'a');
    expect(queue.take()).toBe('a1');
    queue.push('b1', 0, 'b');
    expect(drain(queue)).toEqual(['a2', 'b1', 'a3']);
  });

  it('returns an item of the lowest level after every nineteen other items', () => {
    const queue = createFairQueue<string>(3);
    queue.push('background', 2, 'fleet');
    queue.push('background again', 2, 'fleet');
    const taken = Array.from({ length: 45 }, (_, index) => {
      queue.push(`edit ${index}`, 0, 'a');
      return queue.take();
    });
    expect(taken.flatMap((item, index) => (item?.startsWith('background') ? index + 1 : []))).toEqual([
      20, 40,
    ]);
    expect(queue.size).toBe(2);
  });

  it('returns, after an item was put back, that item ahead of all other items of the same level', () => {
    const queue = createFairQueue<string>(2);
    queue.push('a1', 0, 'a');
    queue.push('a2', 0, 'a');
    queue.push('b1', 0, 'b');
    const early = queue.take() ?? '';
    queue.pushFront(early, 0, 'a');
    expect(drain(queue)).toEqual(['a1', 'b1', 'a2']);
  });

  it('counts the items by level, even after removals', () => {
    const queue = createFairQueue<string>(2);
    queue.push('a1', 0, 'a');
    queue.push('a2', 1, 'a');
    queue.push('b1', 1, 'b');
    expect([queue.size, queue.sizeOf(0), queue.sizeOf(1)]).toEqual([3, 1, 2]);
    expect(queue.remove('a2', 1, 'a')).toBe(true);
    expect(queue.remove('a2', 1, 'a')).toBe(false);
    expect([queue.size, queue.sizeOf(0), queue.sizeOf(1)]).toEqual([2, 1, 1]);
    expect(drain(queue)).toEqual(['a1', 'b1']);
  });
});
