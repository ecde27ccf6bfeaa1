/**
 * Learns how many calls AWS takes, from nothing but its answers: AWS tells no rate for IAM, and whoever else works in
 * the account takes from the same allowance.
 *
 * It begins without a rate, with few calls at a time and one more for every so many that went well: that finds the
 * speed of a service which does not throttle, and meets the limit of one that does with few calls in the air, all of
 * which are refused then. A throttled call means that AWS's token bucket is empty. Between two such moments AWS let
 * through exactly what its bucket was filled with, so that the number of calls accepted in between, over the time, is
 * its rate. From there on calls are paced a little below it, for a while, and then ever faster until AWS objects again,
 * as TCP CUBIC does (RFC 9438, §4.1): most of the time is spent close below the limit.
 */

export type AdaptiveRate = {
  /** Milliseconds until the next call may be sent; 0: now; Infinity: not before an answer to one of those in the air. */
  waitMs(now: number): number;
  sent(now: number): void;
  /** AWS answered, or may have: anything but a refusal because of the rate. */
  accepted(): void;
  throttled(now: number, sentAt: number): void;
  /** A call was given up by us, and its answer is not known. */
  abandoned(): void;
  /** Nothing waits to be sent. */
  idle(now: number): void;
  figures(): {
    /** Calls per second; undefined until AWS has throttled. */
    readonly ratePerSecond: number | undefined;
    readonly inFlight: number;
    /** The most calls at a time. */
    readonly window: number;
  };
};

/** At a time, to begin with, of a service of which nothing is known. What is in the air when AWS first says no is refused as well. */
const firstWindow = 2;
/**
 * What a call that was accepted adds to the window: the bolder, the longer it has gone well; with care once AWS has refused
 * one. Until then 47 calls make it half a call wider, and 274 make it 24.
 */
const widening = {
  unrefused: (window: number): number => window ** 1.5 / 270,
  withCare: (window: number): number => Math.sqrt(window) / 128,
};
/** After the first refusal: lets the bucket of AWS fill, so that what follows measures its rate. Milliseconds. */
const pauseMs = 1_000;
/** A shorter time between two refusals measures nothing. Milliseconds. */
const shortestMeasureMs = 500;
/** How far below the measured rate calls are sent. */
const below = 0.985;
/** The answers to a refusal of which nothing, or only a lower bound, was measured. */
const decrease = 0.7;
const slightlyLess = 0.8;
/** How long the learned rate is kept before it is tried out how much more there is. Milliseconds. */
const holdMs = 10_000;
/** The growth after that: a hundredth of the learned rate, or of this many calls a second if that is more, times the square of the seconds. */
const growth = { share: 0.01, leastBase: 2 };
/** No rate that is learned is lower. Calls per second. */
const slowest = 0.2;
/** A pause of ours that is longer than this may have filled AWS's bucket to its brim, and ends a measurement. Milliseconds. */
const longestGapMs = 1_000;
/** Calls that were not used are saved for at most this time. Milliseconds. */
const savedMs = 1_000;

export function createAdaptiveRate(options: {
  readonly mostInFlight: number;
  /** Calls at a time, to begin with. */
  readonly firstInFlight?: number | undefined;
}): AdaptiveRate {
  let window = Math.min(options.firstInFlight ?? firstWindow, options.mostInFlight);
  let inFlight = 0;
  /** The rate that was measured, how long calls have been held back by it, and what it grows by after a while of that. */
  let learned: { perSecond: number; growthBase: number; limitedMs: number } | undefined;
  let tokens = 0;
  let mostSavedMs = savedMs;
  let refilledAt = 0;
  let resumeAt = -Infinity;
  let refusedAt = -Infinity;
  /**
   * AWS's bucket was empty then, and it has let through so many calls since. Undefined when time was let pass unused.
   * `after` tells how many calls AWS had let through before, when this began with a pause.
   */
  let measure: { since: number; accepted: number; after?: number } | undefined;
  /** Calls accepted since there was last nothing to do for a while. */
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

  /** What AWS let through between two moments in which its bucket was empty is what flowed into it. */
  const learnFrom = (now: number, { since, accepted, after }: NonNullable<typeof measure>): void => {
    const measured = (accepted / (now - since)) * 1000;
    // A bucket that had let through so few calls before may have been too small for what flowed into it in the pause:
    // then the rate is higher than that, and only known to be lower than what was sent after the pause.
    const spilt = after !== undefined && after < (1.5 * measured * pauseMs) / 1000;
    const sending = perSecond() ?? 0;
    if (spilt) learn(now, measured * below, (accepted / Math.max(1, now - since - pauseMs)) * 1000);
    // Likewise while calls were sent so slowly that a small bucket was full for most of the time.
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
        // Only a rate that holds calls back is tried for more.
        if (waitedFrom !== undefined) learned.limitedMs += Math.max(0, now - waitedFrom);
      }
      waitedFrom = undefined;
    },

    accepted() {
      if (measure) measure.accepted += 1;
      acceptedInARow += 1;
      // What was not used up tells nothing about whether there is more.
      if (inFlight >= Math.floor(window)) {
        const widen = refusedAt === -Infinity ? widening.unrefused : widening.withCare;
        window = Math.min(options.mostInFlight, window + widen(window));
      }
      inFlight -= 1;
    },

    throttled(now, sentAt) {
      inFlight -= 1;
      // One emptied bucket refuses all that was on its way to it. A clock that was set back tells nothing.
      if (sentAt <= refusedAt && refusedAt <= now) return;
      refusedAt = now;
      const elapsed = measure ? now - measure.since : 0;
      let paused = false;
      if (measure && elapsed >= shortestMeasureMs) {
        learnFrom(now, measure);
      } else if (learned && !measure) {
        // What had been saved was more than AWS saves.
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
