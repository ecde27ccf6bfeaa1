/** A token bucket that gets the current time as an argument. */

export type TokenBucket = {
  /** Takes one token if available. `now` is in milliseconds. */
  readonly take: (now: number) => boolean;
};

export function createTokenBucket(ratePerSecond: number, burst: number): TokenBucket {
  let tokens = burst;
  let filledAt: number | undefined;
  return {
    take: (now) => {
      const elapsed = filledAt === undefined ? 0 : Math.max(0, now - filledAt);
      tokens = Math.min(burst, tokens + (elapsed * ratePerSecond) / 1000);
      filledAt = now;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
