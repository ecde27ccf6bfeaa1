/**
 * New accounts that yield: IAM takes 10 to 30 seconds to make a role known to STS, so the roles of all new accounts are created
 * before the links and proofs of any. Fewer proofs are then tried too early.
 */
import type { Step } from '../../identity/index.ts';
import type { Monotonic } from '../../k8s/time.ts';

/**
 * Maximum time that an account yields, in milliseconds. `unlimited`: until STS mostly knows its role. `limited`: shorter while IAM
 * limits the rate of calls, as there is nothing else to do meanwhile, and no work may be left for the end.
 */
const longestYieldMs = { unlimited: 15_000, limited: 5_000 };

/** The steps on roles, or all where there are none. */
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
  /** In the order of time. */
  const since = new Map<string, Monotonic>();
  return {
    add: (name: string): void => void since.set(name, now()),
    /**
     * The account is reconciled now. Resumes others that have yielded for long enough: there are reconciles as long as any yield.
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
