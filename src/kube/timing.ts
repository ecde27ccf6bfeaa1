/**
 * Time as a parameter. Nothing in this folder reads a clock or starts a timer by itself, so that a simulation can
 * run the same code with a clock of its own, and a test need not wait.
 */

/** Uniform in [0, 1). */
export type Random = () => number;

/** Calls back once after `delayMs`, and returns how to cancel that. */
export type SetTimer = (callback: () => void, delayMs: number) => () => void;

/** Node takes the delay as a signed 32-bit number, and one that is larger as 1 ms. */
const longestDelayMs = 2 ** 31 - 1;

/** Real timers. They keep the process alive, as what they wait for is work that has not been done yet. */
export const systemTimer: SetTimer = (callback, delayMs) => {
  const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), longestDelayMs));
  return () => clearTimeout(timer);
};

/** Resolves after `delayMs`, or at once when `signal` aborts: the caller looks at the signal, nothing is thrown. */
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
