/**
 * Lifetime of a target's AWS sessions after the target was unlinked. Without the target, the trust policy prevents new sessions,
 * but existing sessions continue until they expire.
 */
import type { FormerTarget, IdentityMode, TargetStatus } from '../../api/index.ts';
import type { StepEvent } from '../steps/event.ts';
import { propagationMs } from '../steps/retry.ts';
import { defined } from '../../k8s/defined.ts';
import { after, formatTime, type Wall } from '../../k8s/time.ts';

/** Duration of EKS Pod Identity sessions, independent of the role. Source: EKS User Guide, "How EKS Pod Identity works". */
const podIdentitySessionMs = 6 * 3_600_000;

/**
 * Time when all sessions of a removed target have expired, in milliseconds since the epoch. `narrowedAt` is the time when the
 * target was removed from the trust policy. The result includes the time that IAM takes to propagate this change.
 *
 * @param maxSessionSeconds the longest recent session duration of the role
 */
export function latestSessionEnd(
  narrowedAt: Wall,
  of: { readonly maxSessionSeconds: number; readonly identityMode?: IdentityMode | undefined },
): Wall {
  return after(narrowedAt, propagationMs + longestSessionMs(of));
}

/** Maximum lifetime, in milliseconds, of a session that starts now. */
export function longestSessionMs(of: {
  readonly maxSessionSeconds: number;
  readonly identityMode?: IdentityMode | undefined;
}): number {
  const byRole = of.maxSessionSeconds * 1000;
  return of.identityMode === 'PodIdentity' ? Math.max(byRole, podIdentitySessionMs) : byRole;
}

export type Unlinking = {
  readonly now: Wall;
  readonly former: readonly FormerTarget[];
  /** Target rows in the account's status before this plan. */
  readonly before: readonly TargetStatus[];
  /** Targets that the account wants. */
  readonly wanted: ReadonlySet<string>;
  /** Targets whose link is still being removed. */
  readonly pending: ReadonlySet<string>;
  /** Whether the trust policies of the account's roles admit only wanted targets. */
  readonly isNarrowed: boolean;
  readonly maxSessionSeconds: number;
};

/**
 * Former targets of the account, each with the latest time when one of its sessions can expire. An entry is removed
 * after that time.
 */
export function formerTargets(of: Unlinking): readonly FormerTarget[] {
  const { now, wanted, pending, isNarrowed, maxSessionSeconds } = of;
  const known = of.former.filter(
    ({ name, sessionsUntil }) => !wanted.has(name) && (Date.parse(sessionsUntil) > now || pending.has(name)),
  );
  const names = new Set(known.map(({ name }) => name));
  const added = of.before
    .filter(({ name, linked }) => isNarrowed && linked && !wanted.has(name) && !names.has(name))
    .map(({ name, roleArn, identityMode }): FormerTarget => ({
      name,
      ...defined({ roleArn }),
      sessionsUntil: formatTime(latestSessionEnd(now, { maxSessionSeconds, identityMode })),
    }));
  return [...known, ...added].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Describes the remaining sessions of a former target, for the status, the Event and the command line. */
export function sessionsNote({ name, sessionsUntil }: FormerTarget, account: string): string {
  return `AWS sessions of ${name}/${account} from before it was unlinked may continue until ${sessionsUntil}. Tokens of its pods are valid for up to 24 hours and can be exchanged again if the target is added again`;
}

export function sessionsOutlive(former: FormerTarget, account: string): StepEvent {
  return { reason: 'SessionsOutlive', note: sessionsNote(former, account) };
}
