/**
 * Delays between the dry-run pods of a workload whose new pods do not get their identity yet. No watch reports that a
 * webhook, a quota or a policy engine has changed, so the dry run is repeated with growing delays.
 */
import { backoffDelayMs, type Random } from '../../kube/index.ts';

const policy = { baseMs: 5_000, maxMs: 60_000 };

export type DryRunBackoff = ReturnType<typeof createDryRunBackoff>;

/** The owner of a workload is its App, or the account of a labelled workload. */
export function createDryRunBackoff(random: Random) {
  const failures = new Map<string, Map<string, number>>();
  return {
    /** Returns the milliseconds until the next dry run of a workload whose dry run failed. */
    delayAfterFailure(owner: string, workload: string): number {
      const ofOwner = failures.get(owner) ?? new Map<string, number>();
      const count = ofOwner.get(workload) ?? 0;
      failures.set(owner, ofOwner.set(workload, count + 1));
      return backoffDelayMs(policy, count, random);
    },
    /**
     * Resets the delay after a successful dry run, or after a change that may affect the dry run. Without `workload`,
     * resets the delays of all workloads of the owner.
     */
    reset(owner: string, workload?: string): void {
      const ofOwner = failures.get(owner);
      if (workload !== undefined) ofOwner?.delete(workload);
      if (workload === undefined || ofOwner?.size === 0) failures.delete(owner);
    },
  };
}
