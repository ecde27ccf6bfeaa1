/** Simulated clock and timers, which advance only when a test requests it. For tests only. */
import type { SetTimer } from '../timing.ts';
import type { Monotonic, Wall } from '../../k8s/time.ts';

export type SimulatedTime = {
  readonly now: () => Monotonic;
  readonly wallClock: () => Wall;
  readonly setTimer: SetTimer;
  /**
   * Advances the clock by `ms`. Stops at each timer that becomes due, in the order of the due times, and lets promises
   * settle at each stop.
   */
  advance(ms: number): Promise<void>;
  /** Lets promises settle without advancing the clock. */
  settle(): Promise<void>;
  readonly pending: () => number;
};

export function createSimulatedTime(start = 0): SimulatedTime {
  let time = start;
  let orders = 0;
  const timers = new Set<{ at: number; order: number; callback: () => void }>();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  return {
    now: () => time as Monotonic,
    wallClock: () => time as Wall,
    setTimer(callback, delayMs) {
      const timer = { at: time + Math.max(0, delayMs), order: orders++, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const end = time + ms;
      await settle();
      for (;;) {
        const due = [...timers]
          .filter(({ at }) => at <= end)
          .sort((a, b) => a.at - b.at || a.order - b.order)[0];
        if (!due) break;
        timers.delete(due);
        time = Math.max(time, due.at);
        due.callback();
        await settle();
      }
      time = end;
      await settle();
    },
    settle,
    pending: () => timers.size,
  };
}
