/**
 * Learns the rate of calls that AWS accepts, only from its responses: AWS documents no rate for IAM, and other clients
 * in the AWS account share it.
 *
 * The limiter starts without a rate and with few calls in flight, and allows one more call in flight after a number of
 * accepted calls. In this way, it finds the speed of a service that does not throttle. If the service does throttle,
 * the limit is reached with few calls in flight, and only these are refused. A throttled call means that the token
 * bucket of AWS is empty. The number of calls accepted between two such moments, divided by the time, is the fill rate
 * of the bucket. From then on, calls are paced slightly below that rate for a while, and then increasingly faster until
 * AWS throttles again, as in TCP CUBIC (RFC 9438, §4.1): most of the time is spent just below the limit.
 */

export type AdaptiveRate = {
  /** Milliseconds until the next call may be sent; 0: now; Infinity: not before AWS responds to a call in flight. */
  waitMs(now: number): number;
  sent(now: number): void;
  /** Records a call that ended without a throttling error. */
  accepted(): void;
  throttled(now: number, sentAt: number): void;
  /** Records a call that the caller aborted, so that its outcome is unknown. */
  abandoned(): void;
  /** Records that no call is waiting. */
  idle(now: number): void;
  figures(): {
    /** Calls per second; undefined until AWS has throttled. */
    readonly ratePerSecond: number | undefined;
    readonly inFlight: number;
    /** Maximum calls in flight. */
    readonly window: number;
  };
};

/** Initial calls in flight for an unknown service. At the first throttle, AWS refuses all calls in flight. */
const firstWindow = 7;
/**
 * Window growth per accepted call. Until the first throttle, the window does not grow for the first `first` calls, and
 * then grows by 1/6 per accepted call (TCP's slow start: by 1): 150 calls widen it to 24. A service with a burst of 40
 * throttles before the window grows, and thus refuses at most seven calls. After a throttle, the window grows slowly.
 */
const widening = {
  first: 48,
  unrefused: (accepted: number): number => (accepted < widening.first ? 0 : 1 / 6),
  withCare: (window: number): number => Math.sqrt(window) / 128,
};
/**
 * Pause after the first throttle, in milliseconds. Meanwhile, the bucket of AWS fills, so that the calls after the
 * pause measure its fill rate.
 */
const pauseMs = 1_000;
/** Minimum time between two throttles that count as a measurement, in milliseconds. */
const shortestMeasureMs = 500;
/** Pace relative to the measured rate. */
const below = 0.985;
/**
 * Factors that reduce the rate: `decrease` after a throttle that measured nothing, `slightlyLess` after a throttle that
 * measured only a lower bound.
 */
const decrease = 0.7;
const slightlyLess = 0.8;
/** A learned rate is kept for this time before higher rates are tried, in milliseconds. */
const holdMs = 10_000;
/**
 * After `holdMs`, the rate grows by `share` × max(learned rate, `leastBase`) × t², with t in seconds since the hold
 * ended. Only time while the rate delays calls counts.
 */
const growth = { share: 0.01, leastBase: 2 };
/** Minimum learned rate, in calls per second. */
const slowest = 0.2;
/** A longer pause without calls, in milliseconds, may have filled the bucket of AWS, and ends a measurement. */
const longestGapMs = 1_000;
/** Unused calls are saved up for at most this time, in milliseconds. */
const savedMs = 1_000;

export function createAdaptiveRate(options: {
  readonly mostInFlight: number;
  /** Initial calls in flight. */
  readonly firstInFlight?: number | undefined;
}): AdaptiveRate {
  let window = Math.min(options.firstInFlight ?? firstWindow, options.mostInFlight);
  let inFlight = 0;
  /** The measured rate, the base of its growth, and how long the rate has delayed calls. */
  let learned: { perSecond: number; growthBase: number; limitedMs: number } | undefined;
  let tokens = 0;
  let mostSavedMs = savedMs;
  let refilledAt = 0;
  let resumeAt = -Infinity;
  let refusedAt = -Infinity;
  /**
   * Time when the bucket of AWS was last empty, and the number of calls accepted since. Undefined after a pause without
   * calls. `after` is the number of calls accepted before the throttle, if the measurement began with the pause after a
   * throttle.
   */
  let measure: { since: number; accepted: number; after?: number } | undefined;
  /** Calls accepted since the last pause. */
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
      perSecond: Math.max(slowest, rate),
      growthBase: Math.max(growth.leastBase, atMost ?? rate),
      limitedMs: atMost === undefined ? 0 : holdMs,
    };
    tokens = 0;
    refilledAt = now;
  };

  /** Learns the fill rate: the calls accepted between two moments with an empty bucket equal the inflow in between. */
  const learnFrom = (now: number, { since, accepted, after }: NonNullable<typeof measure>): void => {
    const measured = (accepted / (now - since)) * 1000;
    // If few calls were accepted before the pause, the bucket may have been too small for the inflow during it. The
    // rate is then higher than measured, and only known to be lower than the pace after the pause.
    const spilt = after !== undefined && after < (1.5 * measured * pauseMs) / 1000;
    const sending = perSecond() ?? 0;
    if (spilt) learn(now, measured * below, (accepted / Math.max(1, now - since - pauseMs)) * 1000);
    // The rate is also higher than measured if calls were sent so slowly that a small bucket was full most of the time.
    else if (sending > 1.5 * measured) learn(now, sending * slightlyLess);
    else learn(now, measured * below);
  };

  return {
    waitMs(now) {
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

    sent(now) {
      inFlight += 1;
      if (learned) {
        tokens -= 1;
        // The rate is raised only if it delays calls.
        if (waitedFrom !== undefined) learned.limitedMs += Math.max(0, now - waitedFrom);
      }
      waitedFrom = undefined;
    },

    accepted() {
      if (measure) measure.accepted += 1;
      acceptedInARow += 1;
      // If the window is not used fully, nothing is known about a wider window.
      if (inFlight >= Math.floor(window)) {
        const wider =
          refusedAt === -Infinity ? widening.unrefused(acceptedInARow) : widening.withCare(window);
        window = Math.min(options.mostInFlight, window + wider);
      }
      inFlight -= 1;
    },

    throttled(now, sentAt) {
      inFlight -= 1;
      // An empty bucket refuses all calls in flight; they count as one throttle. A clock that was set back measures nothing.
      if (sentAt <= refusedAt && refusedAt <= now) return;
      refusedAt = now;
      const elapsed = measure ? now - measure.since : 0;
      let paused = false;
      if (measure && elapsed >= shortestMeasureMs) {
        learnFrom(now, measure);
      } else if (learned && !measure) {
        // More calls were saved up than the bucket of AWS holds.
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

    abandoned() {
      inFlight -= 1;
    },

    idle(now) {
      idleSince ??= now;
    },

    figures: () => ({ ratePerSecond: perSecond(), inFlight, window: Math.floor(window) }),
  };
}
