/**
 * Last use of IAM roles, by day. IAM records a use some hours after a request with the role's credentials, and reports the uses
 * of the last 400 days. https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleLastUsed.html
 */
import type { ObservedRole, RoleUse } from './world.ts';

const dayMs = 86_400_000;

/** Number of days for which IAM remembers the last use of a role. */
export const trackedDays = 400;

/**
 * Time in milliseconds until IAM has recorded a use of a role. Source: IAM API, GenerateServiceLastAccessedDetails: "Recent
 * activity usually appears within four hours".
 */
const recordedWithinMs = 4 * 3_600_000;

const dayOf = (time: Date): string => time.toISOString().slice(0, 'YYYY-MM-DD'.length);

const latest = (days: readonly string[]): string | undefined => days.toSorted().at(-1);

export function roleUse(created: Date, used: Date | undefined): RoleUse {
  return { ...(used ? { date: dayOf(used) } : {}), trackedSince: dayOf(created) };
}

/**
 * Last use of a role according to two observations. The later of the two recorded days counts, because a response from IAM may be
 * older than the previous response. If the role was recreated, which its new id shows, uses of its predecessor do not count.
 */
export function laterUse(before: ObservedRole | null | undefined, now: ObservedRole): RoleUse | undefined {
  const [earlier, later] = [before?.id === now.id ? before.lastUsed : undefined, now.lastUsed];
  if (!earlier || !later) return later ?? earlier;
  return (earlier.date ?? '') > (later.date ?? '') ? earlier : later;
}

/**
 * Last use of several roles together. The result covers only the time since the newest of the roles was created,
 * because an earlier use may be one of a deleted role of the same name.
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
 * Time in milliseconds that is known to have passed without a use of the role; undefined if its use is unknown. This time starts
 * at the end of the recorded day. It excludes the last hours before `now`, because IAM may not have recorded the uses in these
 * hours yet.
 */
export function knownUnusedMs(use: RoleUse | undefined, now: number): number | undefined {
  if (!use) return undefined;
  const { date, trackedSince } = use;
  const since = Date.parse(date !== undefined && date > trackedSince ? date : trackedSince) + dayMs;
  const unusedMs = Math.max(0, now - since - recordedWithinMs);
  // IAM reports no use from before the tracked period, so the time without a use can only be known for this period.
  return date === undefined ? Math.min(unusedMs, trackedDays * dayMs) : unusedMs;
}
