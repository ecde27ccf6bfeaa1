import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSimulatedTime } from './testing/simulated-time.ts';
import { createWorkQueue, type WorkItem } from './workqueue.ts';

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      key,
      afterMs: fc.constantFrom(0, 0, 1, 5, 50, 500),
      priority: fc.constantFrom(0, 0, 10, -10),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('retry' as const), key }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('take' as const),
      atLeast: fc.constantFrom(undefined, undefined, 5),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('done' as const), index: fc.nat(10) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 400 }) }),
  },
);

/** Pending add of a key in a simple model of the queue. Several adds of one key are merged. */
type PendingAdd = { dueAt: number; priority: number };

test('after any sequence of operations, no key was lost, processed twice at the same time, returned early or overtaken by a key of lower priority', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const time = createSimulatedTime();
      const queue = createWorkQueue({
        now: time.now,
        setTimer: time.setTimer,
        random: () => 1,
        backoff: { baseMs: 5, maxMs: 100 },
        retryRate: { qps: 1e6, burst: 1e6 },
      });
      const pending = new Map<string, PendingAdd>();
      const processing: string[] = [];
      const faults: unknown[] = [];
      /** Minimum priorities of the callers that wait in `take`. */
      const waiting: number[] = [];

      const expectAdd = (name: string, afterMs: number, priority: number): void => {
        const old = pending.get(name);
        const dueAt = time.now() + afterMs;
        pending.set(name, {
          dueAt: Math.min(dueAt, old?.dueAt ?? Infinity),
          priority: Math.max(priority, old?.priority ?? -Infinity),
        });
      };
      const dueNow = (): [string, PendingAdd][] =>
        [...pending].filter(([name, { dueAt }]) => dueAt <= time.now() && !processing.includes(name));
      const check = (item: WorkItem): void => {
        const taken = pending.get(item.key);
        // The key was pending, and no other worker is processing it.
        expect(processing).not.toContain(item.key);
        expect(taken).toBeDefined();
        // The key is due.
        expect(taken?.dueAt).toBeLessThanOrEqual(time.now());
        expect(item.priority).toBe(taken?.priority);
        pending.delete(item.key);
        processing.push(item.key);
        // No other due key has a higher priority. This is checked only if no taker waits, since a waiting taker gets
        // each key as soon as it is due.
        if (waiting.length === 0)
          for (const [, other] of dueNow()) expect(other.priority).toBeLessThanOrEqual(item.priority);
      };
      const take = async (atLeast = -Infinity): Promise<void> => {
        waiting.push(atLeast);
        const item = await queue.take({ atLeast });
        waiting.splice(waiting.indexOf(atLeast), 1);
        try {
          if (item) check(item);
          if (item) expect(item.priority).toBeGreaterThanOrEqual(atLeast);
        } catch (error) {
          faults.push(error);
        }
      };
      const done = (index: number): void => {
        const name = processing[index % processing.length];
        if (name === undefined) return;
        processing.splice(processing.indexOf(name), 1);
        queue.done(name);
      };

      for (const next of steps) {
        switch (next.do) {
          case 'add':
            expectAdd(next.key, next.afterMs, next.priority);
            queue.add(next.key, { afterMs: next.afterMs, priority: next.priority });
            break;
          case 'retry':
            expectAdd(next.key, Math.min(100, 5 * 2 ** queue.failures(next.key)), 0);
            queue.retry(next.key);
            break;
          case 'take':
            void take(next.atLeast);
            break;
          case 'done':
            done(next.index);
            break;
          case 'advance':
            await time.advance(next.ms);
            break;
          default:
            next satisfies never;
        }
        await time.settle();
        expect(faults).toEqual([]);
        // No key is lost: while a taker waits, no key is due that the taker accepts.
        for (const atLeast of waiting)
          expect(dueNow().filter(([, { priority }]) => priority >= atLeast)).toEqual([]);
        const metrics = queue.metrics();
        expect(metrics.processing).toBe(processing.length);
        expect(metrics.depth).toBe(dueNow().length);
      }
      // After enough takes, every added key has been processed.
      for (let round = 0; round < 200 && (pending.size > 0 || processing.length > 0); round += 1) {
        while (processing.length > 0) done(0);
        void take();
        await time.advance(600);
      }
      expect([...pending.keys(), ...processing]).toEqual([]);
      expect(time.pending()).toBe(0);
    }),
    { numRuns: 2000 },
  );
});
