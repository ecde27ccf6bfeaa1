/**
 * Types of timers and randomness. The code in this folder gets clocks, timers and randomness as parameters, so that
 * simulations and tests can run the code in simulated time.
 */

/** Returns a random number, uniform in [0, 1). */
export type Random = () => number;

/** Calls `callback` once after `delayMs`. Returns a function that cancels the timer. */
export type SetTimer = (callback: () => void, delayMs: number) => () => void;

/**
 * Maximum delay of a Node.js timer. Node.js stores a delay as a signed 32-bit number, and replaces a larger delay by 1
 * ms.
 */
const longestDelayMs = 2 ** 31 - 1;

/** Timers of the system. A pending timer keeps the process alive. */
export const systemTimer: SetTimer = (callback, delayMs) => {
  const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), longestDelayMs));
  return () => clearTimeout(timer);
};

/** Resolves after `delayMs`, or at once when `signal` aborts. Never throws: the caller checks the signal. */
export function sleep(setTimer: SetTimer, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const finish = (): void => {
      signal?.removeEventListener('abort', finish);
      cancel();
      resolve();
    };
    const cancel = setTimer(finish, delayMs);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
