/** A token bucket, as client-go's `flowcontrol`: it keeps one client from crowding out the others of an API server. */
import { sleep, type Now, type SetTimer } from './timing.ts';

export type RateLimiter = {
  /** Resolves when a request may be sent, in order of the calls; at once when `signal` aborts. */
  take(signal?: AbortSignal): Promise<void>;
};

/** The arithmetic of a bucket, without waiting: says for how long the taker of the next token has to wait. */
export function createTokenBucket(options: { qps: number; burst: number; now: Now }): () => number {
  const { qps, burst, now } = options;
  let tokens = burst;
  let last = now();
  return () => {
    const time = now();
    // A clock that is set back must not take tokens away.
    tokens = Math.min(burst, tokens + (Math.max(0, time - last) / 1000) * qps);
    last = time;
    tokens -= 1;
    return tokens >= 0 ? 0 : (-tokens / qps) * 1000;
  };
}

export function createRateLimiter(options: {
  qps: number;
  burst: number;
  now: Now;
  setTimer: SetTimer;
}): RateLimiter {
  const reserve = createTokenBucket(options);
  return {
    async take(signal) {
      const waitMs = reserve();
      if (waitMs > 0) await sleep(options.setTimer, waitMs, signal);
    },
  };
}
