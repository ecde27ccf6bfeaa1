/** Draining targets, read from the status of the accounts. They are unlinked when their pods have ended. */
import type { LinkedServiceAccount } from '../../api/index.ts';
import { findCondition } from '../../k8s/conditions.ts';
import type { Wall } from '../../k8s/time.ts';

export type DrainingTarget = {
  readonly account: string;
  readonly target: string;
  /** Last transition of the account's TargetsLinked condition, the earliest possible start of the draining. */
  readonly since: Wall;
};

/** Lists the targets, longest draining first. */
export function drainingTargets(accounts: readonly LinkedServiceAccount[]): readonly DrainingTarget[] {
  return accounts
    .flatMap(({ metadata, status }) => {
      const since = Date.parse(findCondition(status?.conditions, 'TargetsLinked')?.lastTransitionTime ?? '');
      return (status?.targets ?? [])
        .filter(({ reason }) => reason === 'StillInUse')
        .map(({ name }) => ({ account: metadata.name, target: name, since: since as Wall }));
    })
    .toSorted((a, b) => a.since - b.since);
}
