/**
 * Last use of IAM roles, by day. IAM records a use some hours after a request with the role's credentials, and reports the uses
 * of the last 400 days. https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleLastUsed.html
 */
import type { ObservedRole, RoleUse } from './world.ts';

const dayMs = 86_400_000;

/** Period of the uses that IAM reports, in days. */
export const trackedDays = 400;

/**
 * Time until a use has been recorded, in milliseconds. Source: IAM API, GenerateServiceLastAccessedDetails: "Recent activity
 * usually appears within four hours".
 */
const recordedWithinMs = 4 * 3_600_000;

const dayOf = (time: Date): string => time.toISOString().slice(0, 'YYYY-MM-DD'.length);

const latest = (days: readonly string[]): string | undefined => days.toSorted().at(-1);

export function roleUse(created: Date, used: Date | undefined): RoleUse {
  return { ...(used ? { date: dayOf(used) } : {}), trackedSince: dayOf(created) };
}

/**
 * Last use of a role after another observation of it: the later day, since a response from IAM may be older than a previous one. A
 * recreated role has another id, and the uses of its predecessor do not count.
 */
export function laterUse(before: ObservedRole | null | undefined, now: ObservedRole): RoleUse | undefined {
  const [earlier, later] = [before?.id === now.id ? before.lastUsed : undefined, now.lastUsed];
  if (!earlier || !later) return later ?? earlier;
  return (earlier.date ?? '') > (later.date ?? '') ? earlier : later;
}

/**
 * Last use of several roles together. Uses are known from the day when the newest role was created, because a role of its name may
 * have been used and deleted before.
 *
 * @returns undefined if there is no role, or if the use of any role is unknown
 */
export function commonUse(roles: readonly Pick<ObservedRole, 'lastUsed'>[]): RoleUse | undefined {
  const uses = roles.flatMap(({ lastUsed }) => lastUsed ?? []);
  const trackedSince = latest(uses.map((use) => use.trackedSince));
  if (trackedSince === undefined || uses.length < roles.length) return undefined;
  const date = latest(uses.flatMap((use) => use.date ?? []));
  return { ...(date === undefined ? {} : { date }), trackedSince };
}

/**
 * Time that is known to have passed without a use, in milliseconds, at least 0; undefined if the use is unknown. It starts at the
 * end of the recorded day, and excludes the last hours, because IAM may not have recorded uses in these hours yet.
 */
export function knownUnusedMs(use: RoleUse | undefined, now: number): number | undefined {
  if (!use) return undefined;
  const { date, trackedSince } = use;
  const since = Date.parse(date !== undefined && date > trackedSince ? date : trackedSince) + dayMs;
  const unusedMs = Math.max(0, now - since - recordedWithinMs);
  // IAM does not report a use from before the tracked period.
  return date === undefined ? Math.min(unusedMs, trackedDays * dayMs) : unusedMs;
}
