/** Exponential backoff. */
import type { Random } from './timing.ts';

export type BackoffPolicy = {
  readonly baseMs: number;
  readonly maxMs: number;
};

/**
 * Delay before the next try: half of `base · 2^failures`, at most `max`, plus a random part of the other half, so that
 * clients that failed at the same time do not retry at the same time. `failures` is 0 for the first delay.
 */
export function backoffDelayMs(policy: BackoffPolicy, failures: number, random: Random): number {
  // 2^1023 is the largest power of two that a number can hold; beyond 2^60 only `max` matters.
  const full = Math.min(policy.maxMs, policy.baseMs * 2 ** Math.min(failures, 60));
  return full * (0.5 + 0.5 * random());
}
