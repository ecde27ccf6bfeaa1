/**
 * Instants of the monotonic clock and of the wall clock, in milliseconds. Each clock has its own type, so that an
 * instant of one clock cannot be passed where an instant of the other clock is expected. Arithmetic yields plain
 * numbers: the difference between two instants of one clock is a duration.
 */
declare const clock: unique symbol;

/**
 * Instant of a monotonic clock such as `performance.now`, for delays, timeouts and ages. The value is unrelated to the
 * date.
 */
export type Monotonic = number & { readonly [clock]: 'monotonic' };

/**
 * Instant of the wall clock: milliseconds since the epoch, as from `Date.now`. Use this type only for times in objects,
 * because NTP or a user may set the clock.
 */
export type Wall = number & { readonly [clock]: 'wall' };

/** Returns the instant `ms` milliseconds after another instant of the same clock. */
export function after<Instant extends Monotonic | Wall>(instant: Instant, ms: number): Instant {
  return (instant + ms) as Instant;
}

/** Formats a `metav1.Time`, truncated to whole seconds. */
export function formatTime(date: Wall): string {
  return new Date(date).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** Formats a `metav1.MicroTime`, with microseconds. */
export function formatMicroTime(date: Wall): string {
  return new Date(date).toISOString().replace('Z', '000Z');
}
