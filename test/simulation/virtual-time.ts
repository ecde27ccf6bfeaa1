/**
 * Simulated time, which passes only when nothing else is left to do: a run of an hour takes milliseconds, and the same
 * seed results in the same run. Everything in a simulation happens in microtasks or on timers of this time; nothing uses a
 * socket or a file.
 */
import type { SetTimer } from '../../src/kube/index.ts';
import type { Monotonic, Wall } from '../../src/k8s/time.ts';

export type VirtualTime = {
  readonly now: () => Monotonic;
  readonly wallClock: () => Wall;
  readonly setTimer: SetTimer;
  /** Lets time pass, timer by timer, until `until` returns true or `ms` have passed. Returns whether `until` returned true. */
  pass(ms: number, until?: () => boolean): Promise<boolean>;
};

/** Number of calls of `onceSettled` until other code in the process, such as the test runner, gets a turn. */
const settlesPerTurn = 500;

type Timer = { readonly at: number; readonly order: number; callback: (() => void) | undefined };

export function createVirtualTime(start: number): VirtualTime {
  let time = start;
  let order = 0;
  /**
   * A binary heap: the earliest timer comes first. Of several timers for the same time, the timer that was set first
   * comes first.
   */
  const heap: Timer[] = [];

  const before = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
  const swap = (a: number, b: number): void => {
    const kept = heap[a] as Timer;
    heap[a] = heap[b] as Timer;
    heap[b] = kept;
  };
  const push = (timer: Timer): void => {
    heap.push(timer);
    for (let at = heap.length - 1; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!before(heap[at] as Timer, heap[parent] as Timer)) return;
      swap(at, parent);
      at = parent;
    }
  };
  const pop = (): void => {
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < heap.length && before(heap[child] as Timer, heap[least] as Timer)) least = child;
      if (least === at) return;
      swap(at, least);
      at = least;
    }
  };
  const next = (): Timer | undefined => {
    while (heap[0] && !heap[0].callback) pop();
    return heap[0];
  };

  /**
   * Calls back when all microtasks have run, however long their chain is. This relies on Node.js: a tick that a
   * microtask requested runs only when no microtask is left. A turn of the event loop would also come after all
   * microtasks, but costs more.
   */
  let settled = 0;
  const onceSettled = (resume: () => void): void => {
    settled += 1;
    if (settled % settlesPerTurn === 0) setImmediate(resume);
    else queueMicrotask(() => process.nextTick(resume));
  };

  return {
    now: () => time as Monotonic,
    wallClock: () => time as Wall,
    setTimer(callback, delayMs) {
      const timer: Timer = { at: time + Math.max(0, delayMs), order: (order += 1), callback };
      push(timer);
      return () => {
        timer.callback = undefined;
      };
    },
    pass(ms, until = () => false) {
      const end = time + ms;
      return new Promise((resolve, reject) => {
        const step = (): void => {
          try {
            if (until()) {
              resolve(true);
              return;
            }
            const timer = next();
            if (!timer || timer.at >= end) {
              time = end;
              resolve(false);
              return;
            }
            pop();
            time = Math.max(time, timer.at);
            const { callback } = timer;
            timer.callback = undefined;
            callback?.();
            onceSettled(step);
          } catch (error) {
            reject(error);
          }
        };
        onceSettled(step);
      });
    },
  };
}
