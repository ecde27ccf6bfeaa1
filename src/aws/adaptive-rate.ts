/**
 * Learns the rate of calls that AWS accepts. AWS documents no rate for IAM, and other clients in the AWS account share
 * the rate, so it can only be learned from responses. At first, no rate is known, and few calls are in flight. The
 * limit of calls in flight (the window) grows with the number of accepted calls, so the full speed of a service that
 * does not throttle is soon reached. If the service does throttle, it refuses only the few calls in flight. A throttled
 * call means that AWS's token bucket is empty. The number of calls accepted between two such moments, divided by the
 * time between them, is the fill rate of the bucket. From then on, calls are paced slightly below that rate for a
 * while. Then the pace increases faster and faster until AWS throttles again, as in TCP CUBIC (RFC 9438, §4.1), so most
 * of the time is spent just below the limit.
 */

/**
 * Initial maximum of calls in flight for a service whose rate is unknown. The number is small, because AWS refuses all
 * calls in flight at the first throttle.
 */
const firstWindow = 7;
/**
 * Growth of the window (the maximum of calls in flight) per accepted call. Until the first throttle, the window stays
 * the same for `first` accepted calls. After these calls, it grows by 1/6 per accepted call (TCP's slow start: by 1).
 * It thus reaches 24 after 150 accepted calls in total. If AWS's token bucket holds only 40 calls, AWS throttles before
 * the window grows from its initial seven calls, and thus refuses at most seven. After a throttle, the window grows
 * slowly.
 */
const windowGrowth = {
  first: 48,
  beforeThrottle: (accepted: number): number => (accepted < windowGrowth.first ? 0 : 1 / 6),
  afterThrottle: (window: number): number => Math.sqrt(window) / 128,
};
/**
 * Pause after the first throttle, in milliseconds. During the pause, AWS's token bucket fills, so that the calls after
 * the pause measure its fill rate.
 */
const pauseMs = 1_000;
/** Minimum time between two throttles, in milliseconds, that is enough to measure a rate. */
const shortestMeasureMs = 500;
/** Ratio of the pace of calls to the measured rate. */
const paceRatio = 0.985;
/**
 * Factors that reduce the rate. `decrease` applies after a throttle if no rate could be measured. `slightDecrease`
 * applies if the measured rate is only a lower bound.
 */
const decrease = 0.7;
const slightDecrease = 0.8;
/** Time in milliseconds that a learned rate is kept before higher rates are tried. */
const holdMs = 10_000;
/**
 * After `holdMs`, the rate grows by `share` × max(learned rate, `leastBase`) × t². The time t, in seconds since the
 * hold ended, includes only times when the rate delayed calls.
 */
const growth = { share: 0.01, leastBase: 2 };
/** Minimum learned rate, in calls per second. */
const minRate = 0.2;
/** Time without calls, in milliseconds. A longer pause may fill AWS's token bucket, so it ends a measurement. */
const longestGapMs = 1_000;
/**
 * Limit of the calls that are saved for a later burst: the calls that the learned rate allows in this time, in
 * milliseconds.
 */
const savedMs = 1_000;

export function createAdaptiveRate(options: {
  readonly mostInFlight: number;
  /** Initial maximum of calls in flight. */
  readonly firstInFlight?: number | undefined;
}) {
  let window = Math.min(options.firstInFlight ?? firstWindow, options.mostInFlight);
  let inFlight = 0;
  /** Learned rate, base of its growth, and total time that calls have waited for this rate. */
  let learned: { perSecond: number; growthBase: number; limitedMs: number } | undefined;
  let tokens = 0;
  let mostSavedMs = savedMs;
  let refilledAt = 0;
  let resumeAt = -Infinity;
  let refusedAt = -Infinity;
  /**
   * Measurement of the fill rate: the time when AWS's token bucket was last empty, and the number of calls accepted
   * since that time. Undefined after a time without calls that exceeded `longestGapMs`. If the measurement began at a
   * throttle that caused a pause, `after` is the value of `acceptedInARow` at that throttle.
   */
  let measure: { since: number; accepted: number; after?: number } | undefined;
  /** Number of calls accepted since the last time without calls that exceeded `longestGapMs`. */
  let acceptedInARow = 0;
  let idleSince: number | undefined;
  let waitedFrom: number | undefined;

  const perSecond = (): number | undefined => {
    if (!learned) return undefined;
    const seconds = Math.max(0, learned.limitedMs - holdMs) / 1000;
    return learned.perSecond + learned.growthBase * growth.share * seconds ** 2;
  };

  const refill = (now: number, rate: number): void => {
    const elapsed = Math.max(0, now - refilledAt);
    tokens = Math.min(Math.max(1, (rate * mostSavedMs) / 1000), tokens + (rate * elapsed) / 1000);
    refilledAt = now;
  };

  const learn = (now: number, rate: number, atMost?: number): void => {
    learned = {
      perSecond: Math.max(minRate, rate),
      growthBase: Math.max(growth.leastBase, atMost ?? rate),
      limitedMs: atMost === undefined ? 0 : holdMs,
    };
    tokens = 0;
    refilledAt = now;
  };

  /**
   * Learns the fill rate of AWS's token bucket. The number of calls accepted between two moments with an empty bucket
   * equals the inflow between these moments.
   */
  const learnFrom = (now: number, { since, accepted, after }: NonNullable<typeof measure>): void => {
    const measured = (accepted / (now - since)) * 1000;
    // If few calls were accepted before the throttle that caused the pause, AWS's token bucket is small and may have
    // overflowed during the pause. The real rate is then higher than the measured rate, but lower than the rate of the
    // accepted calls after the pause.
    const bucketOverflowed = after !== undefined && after < (1.5 * measured * pauseMs) / 1000;
    const sending = perSecond() ?? 0;
    if (bucketOverflowed)
      learn(now, measured * paceRatio, (accepted / Math.max(1, now - since - pauseMs)) * 1000);
    // If calls were sent much more slowly than the current rate allows, AWS's token bucket may have been full most of
    // the time, so the measured rate is too low. The current rate is then reduced only slightly.
    else if (sending > 1.5 * measured) learn(now, sending * slightDecrease);
    else learn(now, measured * paceRatio);
  };

  return {
    /**
     * Returns the milliseconds until the next call may be sent. 0 means now. Infinity means not before AWS responds to a
     * call in flight.
     */
    waitMs(now: number): number {
      if (idleSince !== undefined && now - idleSince > longestGapMs) {
        measure = undefined;
        acceptedInARow = 0;
      }
      idleSince = undefined;
      if (inFlight >= Math.floor(window)) return Infinity;
      if (now < resumeAt) return resumeAt - now;
      const rate = perSecond();
      if (rate === undefined) return 0;
      refill(now, rate);
      if (tokens >= 1) return 0;
      waitedFrom ??= now;
      return Math.max(1, Math.ceil(((1 - tokens) / rate) * 1000));
    },

    sent(now: number): void {
      inFlight += 1;
      if (learned) {
        tokens -= 1;
        // The learned rate grows only with the time that calls have waited for it.
        if (waitedFrom !== undefined) learned.limitedMs += Math.max(0, now - waitedFrom);
      }
      waitedFrom = undefined;
    },

    /** Records a call that ended without a throttling error. */
    accepted(): void {
      if (measure) measure.accepted += 1;
      acceptedInARow += 1;
      // A window that is not fully used gives no information about a wider window.
      if (inFlight >= Math.floor(window)) {
        const wider =
          refusedAt === -Infinity
            ? windowGrowth.beforeThrottle(acceptedInARow)
            : windowGrowth.afterThrottle(window);
        window = Math.min(options.mostInFlight, window + wider);
      }
      inFlight -= 1;
    },

    throttled(now: number, sentAt: number): void {
      inFlight -= 1;
      // When its token bucket is empty, AWS refuses all calls in flight, and all these refusals count as one throttle.
      // If the clock was set back, the refusal counts as a new throttle, but no rate is measured.
      if (sentAt <= refusedAt && refusedAt <= now) return;
      refusedAt = now;
      const elapsed = measure ? now - measure.since : 0;
      let paused = false;
      if (measure && elapsed >= shortestMeasureMs) {
        learnFrom(now, measure);
      } else if (learned && !measure) {
        // The throttle shows that more calls were saved during the time without calls than AWS's token bucket holds.
        mostSavedMs /= 2;
        tokens = 0;
      } else if (learned) {
        learn(now, (perSecond() ?? 0) * decrease);
      } else {
        window = Math.max(1, Math.floor(window / 4));
        resumeAt = now + pauseMs;
        paused = true;
      }
      measure = { since: now, accepted: 0, ...(paused ? { after: acceptedInARow } : {}) };
    },

    /** Records a call that the caller aborted. The outcome of this call is unknown. */
    abandoned(): void {
      inFlight -= 1;
    },

    /** Records that no call is waiting. */
    idle(now: number): void {
      idleSince ??= now;
    },

    /** `ratePerSecond` is undefined until AWS has throttled a call. `window` is the maximum of calls in flight. */
    figures: () => ({ ratePerSecond: perSecond(), inFlight, window: Math.floor(window) }),
  };
}
