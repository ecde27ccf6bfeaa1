/**
 * Instants of the two clocks, in milliseconds. Each clock has a type of its own, so that an instant of one cannot be passed
 * where the other is expected. Arithmetic gives plain numbers: a difference of two instants of one clock is a duration.
 */
declare const clock: unique symbol;

/** Instant of a monotonic clock, as of `performance.now`: for delays, time-outs and ages. It says nothing of the date. */
export type Monotonic = number & { readonly [clock]: 'monotonic' };

/** Milliseconds since the epoch, as of `Date.now`. NTP or a person may set this clock: only for times that stand in objects. */
export type Wall = number & { readonly [clock]: 'wall' };

/** The instant `ms` after another one of the same clock. */
export function after<Instant extends Monotonic | Wall>(instant: Instant, ms: number): Instant {
  return (instant + ms) as Instant;
}
