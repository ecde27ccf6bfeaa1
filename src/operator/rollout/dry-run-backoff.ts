/**
 * Delays between the dry-run pods of a workload whose new pods do not get their identity yet. No watch reports that a
 * webhook, a quota or a policy engine has changed, so the dry run is repeated at increasing intervals.
 */
import { backoffDelayMs, type Random } from '../../kube/index.ts';

const policy = { baseMs: 5_000, maxMs: 60_000 };

export type DryRunBackoff = {
  /** Milliseconds until the next dry run of a workload after a failed dry run. */
  delayAfterFailure(owner: string, workload: string): number;
  /**
   * Resets the delay after a dry run succeeded, or after a change that may affect the dry run. Default: for all
   * workloads of the owner.
   */
  reset(owner: string, workload?: string): void;
};

/** Owners are Apps, or the accounts of labelled workloads. */
export function createDryRunBackoff(random: Random): DryRunBackoff {
  const failures = new Map<string, Map<string, number>>();
  return {
    delayAfterFailure(owner, workload) {
      const ofOwner = failures.get(owner) ?? new Map<string, number>();
      const count = ofOwner.get(workload) ?? 0;
      failures.set(owner, ofOwner.set(workload, count + 1));
      return backoffDelayMs(policy, count, random);
    },
    reset(owner, workload) {
      const ofOwner = failures.get(owner);
      if (workload !== undefined) ofOwner?.delete(workload);
      if (workload === undefined || ofOwner?.size === 0) failures.delete(owner);
    },
  };
}
