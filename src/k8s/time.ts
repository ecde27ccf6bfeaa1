/**
 * Instants of the two clocks, in milliseconds. Each clock has a type of its own, so that an instant of one clock cannot be passed
 * where an instant of the other is expected. Arithmetic yields plain numbers: the difference between two instants of the same clock
 * is a duration.
 */
declare const clock: unique symbol;

/** Instant of a monotonic clock such as `performance.now`, for delays, timeouts and ages. It is unrelated to the date. */
export type Monotonic = number & { readonly [clock]: 'monotonic' };

/** Milliseconds since the epoch, as from `Date.now`. NTP or a user may set this clock: use it only for times in objects. */
export type Wall = number & { readonly [clock]: 'wall' };

/** Returns the instant `ms` milliseconds after another instant of the same clock. */
export function after<Instant extends Monotonic | Wall>(instant: Instant, ms: number): Instant {
  return (instant + ms) as Instant;
}
