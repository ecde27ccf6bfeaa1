/** Simulated AWS service with a token bucket and a latency. It uses the timers of the test. */
import type { Monotonic } from '../../k8s/time.ts';

export type SimulatedService = {
  /** Resolves after the latency, or rejects with the SDK's throttling error. */
  call(signal?: AbortSignal): Promise<void>;
  readonly accepted: number;
  readonly throttled: number;
  /** Number of calls that reached the service, including throttled calls. */
  readonly arrived: number;
  /** Replaces the rate limit. */
  setLimit(limit: Limit | undefined): void;
};

export type Limit = { readonly ratePerSecond: number; readonly burst: number };

export function createSimulatedService(options: {
  readonly latencyMs: number;
  readonly limit?: Limit;
  /** Returns the time in milliseconds, by the timers of the test. */
  readonly now: () => Monotonic;
}): SimulatedService {
  const { now: clock } = options;
  let limit = options.limit;
  let tokens = limit?.burst ?? 0;
  let filledAt = clock();
  const counts = { accepted: 0, throttled: 0, arrived: 0 };
  return {
    get accepted() {
      return counts.accepted;
    },
    get throttled() {
      return counts.throttled;
    },
    get arrived() {
      return counts.arrived;
    },
    setLimit(next) {
      limit = next;
      tokens = Math.min(tokens, next?.burst ?? 0);
      filledAt = clock();
    },
    async call(signal) {
      counts.arrived += 1;
      let admitted = true;
      if (limit) {
        const now = clock();
        tokens = Math.min(limit.burst, tokens + ((now - filledAt) / 1000) * limit.ratePerSecond);
        filledAt = now;
        admitted = tokens >= 1;
        if (admitted) tokens -= 1;
      }
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, options.latencyMs);
        signal?.addEventListener('abort', () => {
          clearTimeout(timer);
          reject(failure('AbortError'));
        });
      });
      if (!admitted) {
        counts.throttled += 1;
        throw failure('Throttling');
      }
      counts.accepted += 1;
    },
  };
}

export function failure(name: string, message = name): Error {
  return Object.assign(new Error(message), { name });
}
