/** Targets that wait for their pods to end before they are unlinked, as the status of the accounts reports them. */
import type { LinkedServiceAccount } from '../../api/index.ts';
import { findCondition } from '../../k8s/conditions.ts';
import type { Wall } from '../../k8s/time.ts';

export type DrainingTarget = {
  readonly account: string;
  readonly target: string;
  /** When the account's links were last complete: the target drains since then at the earliest. */
  readonly since: Wall;
};

/** Drained longest first. */
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
