/** Scheduler with the clock and timers of the process, which tests may have replaced. */
import { createCallScheduler, type CallScheduler, type SchedulerOptions } from '../scheduler.ts';
import { monotonicClock } from '../../k8s/testing/clocks.ts';

export function createTimedScheduler(options: Partial<SchedulerOptions> = {}): CallScheduler {
  return createCallScheduler({
    service: 'iam',
    now: monotonicClock,
    random: () => 0.5,
    setTimer: (callback, delayMs) => {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
    ...options,
  });
}
