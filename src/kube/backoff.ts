/** Exponential backoff: how long to wait after so many failures in a row. */
import type { Random } from './timing.ts';

export type BackoffPolicy = {
  readonly baseMs: number;
  readonly maxMs: number;
};

/**
 * `base · 2^failures`, at most `max`, of which the upper half is random: many clients that failed together come back
 * apart, and none comes back at once. `failures` counts from 0 for the first wait.
 */
export function backoffDelayMs(policy: BackoffPolicy, failures: number, random: Random): number {
  // 2^1023 is the largest power of two there is; past about 2^60 only `max` counts anyway.
  const full = Math.min(policy.maxMs, policy.baseMs * 2 ** Math.min(failures, 60));
  return full * (0.5 + 0.5 * random());
}
