/** Token bucket like client-go's `flowcontrol`: prevents one client from starving the other clients of an API server. */
import { sleep, type SetTimer } from './timing.ts';
import type { Monotonic } from '../k8s/time.ts';

/** Calculates when tokens become available, without waiting. */
export function createTokenBucket(options: { qps: number; burst: number; now: () => Monotonic }) {
  const { qps, burst, now } = options;
  let tokens = burst;
  let last = now();
  return {
    /** Takes the next token, and returns the milliseconds until it is available. */
    take(): number {
      const time = now();
      // A clock that is set back must not reduce the number of tokens.
      tokens = Math.min(burst, tokens + (Math.max(0, time - last) / 1000) * qps);
      last = time;
      tokens -= 1;
      return tokens >= 0 ? 0 : (-tokens / qps) * 1000;
    },
    /** Puts the token of an aborted request back into the bucket, so that later requests wait less. */
    giveBack(): void {
      tokens = Math.min(burst, tokens + 1);
    },
  };
}

export function createRateLimiter(options: {
  qps: number;
  burst: number;
  now: () => Monotonic;
  setTimer: SetTimer;
}) {
  const bucket = createTokenBucket(options);
  return {
    /**
     * Resolves when the caller may send its request, or at once when `signal` aborts. Callers take turns in the order of
     * their calls.
     */
    async take(signal?: AbortSignal): Promise<void> {
      const waitMs = bucket.take();
      if (waitMs === 0) return;
      await sleep(options.setTimer, waitMs, signal);
      // Aborted requests must not delay later requests.
      if (signal?.aborted) bucket.giveBack();
    },
  };
}
