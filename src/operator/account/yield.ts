/**
 * New accounts that yield to others. IAM takes 10 to 30 seconds to make a role known to STS, so the roles of all new
 * accounts are created before any of the accounts is linked and proven. Thus fewer proofs are tried too early.
 */
import type { Step } from '../../identity/index.ts';
import type { Monotonic } from '../../k8s/time.ts';

/**
 * Maximum time that an account yields, in milliseconds. `unlimited`: the time until STS usually knows the role.
 * `limited`: a shorter time while IAM limits the rate of calls, so that the remaining work does not accumulate until
 * the end.
 */
const longestYieldMs = { unlimited: 15_000, limited: 5_000 };

/** The steps on roles; all steps if none is on a role. */
export function rolesFirst(steps: readonly Step[]): readonly Step[] {
  const first = steps.filter((step) => 'role' in step);
  return first.length > 0 ? first : steps;
}

export function createYieldingAccounts(options: {
  readonly now: () => Monotonic;
  readonly isLimited: () => boolean;
  readonly resume: (name: string) => void;
}) {
  const { now } = options;
  /** Time since when each account yields, in chronological order. */
  const since = new Map<string, Monotonic>();
  return {
    add: (name: string): void => void since.set(name, now()),
    /**
     * Called when the account is reconciled. Resumes other accounts that have yielded for long enough. Reconciles continue
     * while any account yields.
     */
    reconciling(name: string): void {
      since.delete(name);
      const longestMs = options.isLimited() ? longestYieldMs.limited : longestYieldMs.unlimited;
      for (const [other, at] of since) {
        if (now() - at < longestMs) return;
        since.delete(other);
        options.resume(other);
      }
    },
  };
}
