/** Exponential backoff. */
import type { Random } from './timing.ts';

export type BackoffPolicy = {
  readonly baseMs: number;
  readonly maxMs: number;
};

/**
 * Returns the delay in milliseconds before a failed operation is tried again. The full delay is `baseMs`, doubled
 * `failures` times, but at most `maxMs`. The result is half of the full delay plus a random part of the other half, so
 * that clients that failed at the same time do not retry at the same time. `failures` is 0 for the first delay.
 */
export function backoffDelayMs(policy: BackoffPolicy, failures: number, random: Random): number {
  // The exponent is limited, so that the power cannot overflow to Infinity. The limit 60 is high enough: even with a
  // `baseMs` of 1, the power already exceeds any `maxMs` in use.
  const full = Math.min(policy.maxMs, policy.baseMs * 2 ** Math.min(failures, 60));
  return full * (0.5 + 0.5 * random());
}
