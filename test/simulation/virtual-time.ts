/**
 * Time that passes only when nothing else is left to do: a run of an hour takes milliseconds, and the same seed gives the
 * same run. Everything in a simulation happens in microtasks or on these timers; nothing touches a socket or a file.
 */
import type { SetTimer } from '../../src/kube/index.ts';

export type VirtualTime = {
  readonly now: () => number;
  readonly setTimer: SetTimer;
  /** Lets time pass, timer by timer, until `until` says true or `ms` have passed. Returns whether it said true. */
  pass(ms: number, until?: () => boolean): Promise<boolean>;
};

export function createVirtualTime(start: number): VirtualTime {
  let time = start;
  let order = 0;
  const timers = new Map<number, { at: number; callback: () => void }>();

  // One turn of the event loop runs every microtask there is, however long the chain.
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  const next = (before: number): number | undefined => {
    let found: number | undefined;
    let at = before;
    for (const [id, timer] of timers) {
      if (timer.at < at || (timer.at === at && found === undefined)) {
        found = id;
        at = timer.at;
      }
    }
    return found;
  };

  return {
    now: () => time,
    setTimer(callback, delayMs) {
      const id = (order += 1);
      timers.set(id, { at: time + Math.max(0, delayMs), callback });
      return () => timers.delete(id);
    },
    async pass(ms, until = () => false) {
      const end = time + ms;
      await settle();
      while (!until()) {
        const id = next(end);
        const timer = id === undefined ? undefined : timers.get(id);
        if (id === undefined || !timer) {
          time = end;
          return false;
        }
        timers.delete(id);
        time = Math.max(time, timer.at);
        timer.callback();
        await settle();
      }
      return true;
    },
  };
}
