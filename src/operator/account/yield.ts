/**
 * Lets new accounts yield to other new accounts. IAM takes 10 to 30 seconds to make a role known to STS and EKS, so the
 * roles of all new accounts are created before any of the accounts is associated and proven. Thus fewer associations
 * and proofs fail because they are tried too early. Links by annotation do not wait: they need no AWS calls, and the
 * API server has spare capacity even if IAM limits the rate of calls.
 */
import type { Step } from '../../identity/index.ts';
import type { Monotonic } from '../../k8s/time.ts';

/**
 * Maximum time that an account yields to other accounts, in milliseconds. `unlimited`: the time until STS usually knows
 * the role. `limited`: the maximum while IAM limits the rate of calls. With the longer time, the remaining steps of all
 * yielding accounts would accumulate until the last role is created.
 */
const longestYieldMs = { unlimited: 15_000, limited: 5_000 };

/** Kinds of steps that fail until STS or EKS knows the role. */
const needRole: ReadonlySet<Step['kind']> = new Set([
  'ProveIdentity',
  'ConfirmAssociation',
  'CreateAssociation',
]);

/** Returns the steps that can succeed before STS and EKS know the account's new role. */
export function withoutNewRole(steps: readonly Step[]): readonly Step[] {
  return steps.filter(({ kind }) => !needRole.has(kind));
}

export function createYieldingAccounts(options: {
  readonly now: () => Monotonic;
  readonly isLimited: () => boolean;
  readonly resume: (name: string) => void;
}) {
  const { now } = options;
  /** Time when each account began to yield, in chronological order. */
  const since = new Map<string, Monotonic>();
  return {
    add: (name: string): void => void since.set(name, now()),
    /**
     * Called when the account is reconciled. Resumes other accounts that have yielded for the maximum time. Every
     * yielding account is also in the queue, so this function is called again until all accounts have been resumed.
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
