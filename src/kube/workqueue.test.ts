import { describe, expect, test } from 'vitest';
import { createSimulatedTime } from './testing/simulated-time.ts';
import { createWorkQueue, type WorkItem, type WorkQueueOptions } from './workqueue.ts';

function setUp(options: Partial<WorkQueueOptions> = {}) {
  const time = createSimulatedTime();
  const queue = createWorkQueue({ now: time.now, setTimer: time.setTimer, random: () => 1, ...options });
  const taken: string[] = [];
  const take = (): void => void queue.take().then((item?: WorkItem) => taken.push(item ? item.key : 'end'));
  return { time, queue, taken, take };
}

describe('a key', () => {
  test('that is added several times is returned once', async () => {
    const { time, queue, taken, take } = setUp();
    for (let index = 0; index < 5; index += 1) queue.add('a');
    queue.add('b');
    for (let index = 0; index < 5; index += 1) take();
    await time.settle();
    expect(taken).toEqual(['a', 'b']);
  });

  test('that is added while it is being processed is returned again after the processing has ended', async () => {
    const { time, queue, taken, take } = setUp();
    queue.add('a');
    take();
    take();
    await time.settle();
    queue.add('a');
    queue.add('a');
    await time.settle();
    expect(taken).toEqual(['a']);
    queue.done('a');
    await time.settle();
    expect(taken).toEqual(['a', 'a']);
    queue.done('a');
    take();
    await time.settle();
    expect(taken).toEqual(['a', 'a']);
  });

  test('that is added with several delays is returned at the earliest due time', async () => {
    const { time, queue, taken, take } = setUp();
    queue.add('a', { afterMs: 1000 });
    queue.add('a', { afterMs: 300 });
    queue.add('a', { afterMs: 500 });
    take();
    await time.advance(299);
    expect(taken).toEqual([]);
    expect(queue.metrics()).toMatchObject({ depth: 0, delayed: 1 });
    await time.advance(1);
    expect(taken).toEqual(['a']);
    queue.done('a');
    take();
    await time.advance(10_000);
    expect(taken).toEqual(['a']);
    expect(time.pending()).toBe(0);
  });

  test('that is added without delay is not returned again for an earlier add with a delay', async () => {
    const { time, queue, taken, take } = setUp();
    queue.add('a', { afterMs: 1000 });
    queue.add('a');
    take();
    await time.settle();
    queue.done('a');
    take();
    await time.advance(5000);
    expect(taken).toEqual(['a']);
  });

  test('that is added with a delay while it is being processed is returned after the delay', async () => {
    const { time, queue, taken, take } = setUp();
    queue.add('a');
    take();
    await time.settle();
    queue.add('a', { afterMs: 100 });
    queue.done('a');
    take();
    await time.advance(99);
    expect(taken).toHaveLength(1);
    await time.advance(1);
    expect(taken).toHaveLength(2);
  });
});

describe('the order', () => {
  test('depends on priority first and due time second; a key that is added several times has the highest of its priorities', async () => {
    const { time, queue, taken, take } = setUp();
    queue.add('background-1', { priority: -10 });
    queue.add('late', { afterMs: 10 });
    queue.add('plain-1');
    queue.add('edit', { priority: 10 });
    queue.add('plain-2');
    queue.add('background-1', { priority: 5 });
    queue.add('background-2', { priority: -10 });
    await time.advance(10);
    for (let index = 0; index < 6; index += 1) take();
    await time.settle();
    expect(taken).toEqual(['edit', 'background-1', 'plain-1', 'plain-2', 'late', 'background-2']);
  });
});

test('every tenth returned key is the key of lowest priority, if that key has waited for half a minute', async () => {
  const { time, queue, taken, take } = setUp();
  const edits = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index += 1) {
      queue.add(`edit-${taken.length}`, { priority: 10 });
      take();
      await time.settle();
    }
  };
  queue.add('repair');
  queue.add('repair-2');
  for (let index = 0; index < 20; index += 1) queue.add(`waiting-${index}`, { priority: 10 });
  await edits(20);
  expect(taken).toHaveLength(20);
  expect(taken).not.toContain('repair');
  await time.advance(30_000);
  await edits(20);
  const others = taken.slice(20).flatMap((key, index) => (key.startsWith('repair') ? [[key, index]] : []));
  expect(others).toEqual([
    ['repair', 9],
    ['repair-2', 19],
  ]);
});

test('when several keys become due together, a caller that waits for a key gets the key of highest priority', async () => {
  const { time, queue, taken, take } = setUp();
  take();
  queue.add('plain', { afterMs: 5 });
  queue.add('edit', { afterMs: 5, priority: 10 });
  await time.advance(5);
  expect(taken).toEqual(['edit']);
});

describe('retries', () => {
  test('double their delay up to the maximum, and start again with the first delay after `forget`', async () => {
    const { queue } = setUp({ backoff: { baseMs: 5, maxMs: 100 } });
    const delays = Array.from({ length: 7 }, () => queue.retry('a'));
    expect(delays).toEqual([5, 10, 20, 40, 80, 100, 100]);
    expect(queue.failures('a')).toBe(7);
    queue.forget('a');
    expect(queue.retry('a')).toBe(5);
    expect(queue.metrics().retries).toBe(8);
  });

  test('of many keys respect the total retry rate', () => {
    const { queue } = setUp({ retryRate: { qps: 10, burst: 2 } });
    expect(['a', 'b', 'c', 'd'].map((key) => queue.retry(key))).toEqual([5, 5, 100, 200]);
  });

  test('are spread randomly over the upper half of their delay', () => {
    const least = setUp({ random: () => 0 }).queue.retry('a');
    expect([least, setUp({ random: () => 1 }).queue.retry('a')]).toEqual([2.5, 5]);
  });

  test('of a key that has failed for years have a finite delay', () => {
    const { queue } = setUp({ retryRate: { qps: 1e9, burst: 1e9 } });
    let last = 0;
    for (let index = 0; index < 2000; index += 1) last = queue.retry('a');
    expect(last).toBe(1_000_000);
  });
});

describe('a shutdown', () => {
  test('ends the waits of callers for a key, returns no more keys, and leaves no timer', async () => {
    const { time, queue, taken, take } = setUp();
    queue.add('later', { afterMs: 100 });
    take();
    await time.settle();
    queue.shutDown();
    await time.settle();
    expect(taken).toEqual(['end']);
    queue.add('b');
    take();
    await time.advance(1000);
    expect(taken).toEqual(['end', 'end']);
    expect(time.pending()).toBe(0);
  });
});

test('the metrics state how many keys wait, how long keys have waited, and how long keys have been processed', async () => {
  const waited: number[] = [];
  const worked: number[] = [];
  const { time, queue, take } = setUp({
    onQueued: (ms) => waited.push(ms),
    onWorked: (ms) => worked.push(ms),
  });
  queue.add('a');
  queue.add('b');
  queue.add('c', { afterMs: 1000 });
  await time.advance(40);
  take();
  await time.advance(60);
  expect(queue.metrics()).toEqual({
    depth: 1,
    delayed: 1,
    processing: 1,
    adds: 3,
    retries: 0,
    longestRunningMs: 60,
    unfinishedWorkMs: 60,
  });
  queue.done('a');
  expect([waited, worked]).toEqual([[40], [60]]);
});
