/**
 * List of draining targets, from the status of the accounts. A draining target stays linked until its pods have ended. See
 * `draining.ts`.
 */
import type { LinkedServiceAccount } from '../../api/index.ts';
import { findCondition } from '../../k8s/conditions.ts';
import type { Wall } from '../../k8s/time.ts';

export type DrainingTarget = {
  readonly account: string;
  readonly target: string;
  /** Last transition of the account's TargetsLinked condition. The draining cannot have started earlier. */
  readonly since: Wall;
};

/** Lists the draining targets of all accounts, longest draining first. */
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
