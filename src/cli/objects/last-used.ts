/** Formats the time of the last use of an account's roles. Pure. */
import type { LastUsed } from '../../api/linked-service-account.ts';
import { trackedDays } from '../../identity/state/role-use.ts';

const dayMs = 86_400_000;

/** Returns the number of whole days from a day in UTC until now. */
function daysSince(day: string, now: number): number {
  return Math.max(0, Math.floor((now - Date.parse(day)) / dayMs));
}

/** Returns the last use as data output shows it: the day, or the reason why no day is known. */
export function lastUsedValue(use: LastUsed | undefined, now: number): string {
  if (!use) return 'unknown';
  if (use.date !== undefined) return use.date;
  return daysSince(use.trackedSince, now) > trackedDays ? `not in ${trackedDays}d` : 'never';
}

/** Returns a shorter text than `lastUsedValue`: the time since the last use. */
export function lastUsedAge(use: LastUsed | undefined, now: number): string {
  if (use?.date === undefined) return lastUsedValue(use, now);
  const days = daysSince(use.date, now);
  return days === 0 ? 'today' : `${days}d ago`;
}

/** Returns a longer text than `lastUsedValue`, for the page of one account; undefined if the last use is unknown. */
export function lastUsedText(use: LastUsed | undefined, now: number): string | undefined {
  if (!use) return undefined;
  if (use.date !== undefined) return `${use.date} (${lastUsedAge(use, now)})`;
  return daysSince(use.trackedSince, now) > trackedDays
    ? `not in the last ${trackedDays} days, or never`
    : `never since ${use.trackedSince}, when its role was created`;
}
