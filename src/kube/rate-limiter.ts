/** A token bucket, as client-go's `flowcontrol`: it keeps one client from crowding out the others of an API server. */
import { sleep, type SetTimer } from './timing.ts';
import type { Monotonic } from '../k8s/time.ts';

export type RateLimiter = {
  /** Resolves when a request may be sent, in order of the calls; at once when `signal` aborts. */
  take(signal?: AbortSignal): Promise<void>;
};

/** The arithmetic of a bucket, without waiting. */
export type TokenBucket = {
  /** Takes the next token, and says for how many milliseconds its taker has to wait. */
  readonly take: () => number;
  /** Of a token that was not waited for: who asks from now on waits less. */
  readonly giveBack: () => void;
};

export function createTokenBucket(options: {
  qps: number;
  burst: number;
  now: () => Monotonic;
}): TokenBucket {
  const { qps, burst, now } = options;
  let tokens = burst;
  let last = now();
  return {
    take() {
      const time = now();
      // A clock that is set back must not take tokens away.
      tokens = Math.min(burst, tokens + (Math.max(0, time - last) / 1000) * qps);
      last = time;
      tokens -= 1;
      return tokens >= 0 ? 0 : (-tokens / qps) * 1000;
    },
    giveBack() {
      tokens = Math.min(burst, tokens + 1);
    },
  };
}

export function createRateLimiter(options: {
  qps: number;
  burst: number;
  now: () => Monotonic;
  setTimer: SetTimer;
}): RateLimiter {
  const bucket = createTokenBucket(options);
  return {
    async take(signal) {
      const waitMs = bucket.take();
      if (waitMs === 0) return;
      await sleep(options.setTimer, waitMs, signal);
      // Requests that are called off by the hundred must not hold up those after them.
      if (signal?.aborted) bucket.giveBack();
    },
  };
}
