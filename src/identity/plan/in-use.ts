/** Message for an account whose deletion waits for running pods. It names the pods and the actions that end their use of the account. */
import type { AccountUser, ClusterFacts, TargetObservation } from '../state/world.ts';

/** Maximum number of items in a list in a message. A longer list would not be more helpful. */
const mostShown = 5;

export function describeUser(target: TargetObservation, user: AccountUser): string {
  return `${target.name}/${user.pod}${user.workload === undefined ? '' : ` (${user.workload})`}`;
}

export function listing(items: readonly string[]): string {
  const shown = items.slice(0, mostShown).join(', ');
  return items.length > mostShown ? `${shown} and ${items.length - mostShown} more` : shown;
}

export function inUseMessage(targets: readonly TargetObservation[], facts: ClusterFacts): string {
  const users = targets.flatMap((target) => target.users.map((user) => ({ target, user })));
  const pods = listing(users.map(({ target, user }) => describeUser(target, user)));
  const ways = [...new Set(users.map(({ target, user }) => wayToEnd(target, user, facts)))];
  return `running pods use this account: ${pods}. The account is deleted when these pods have ended. To end these pods or their use of the account: ${ways.slice(0, mostShown).join('; ')}`;
}

function wayToEnd(
  { name }: TargetObservation,
  { pod, app, workload }: AccountUser,
  facts: ClusterFacts,
): string {
  // Outside the targets of the ClusterConfig, the operator does not apply the spec of an app, so removing the account
  // from the app would have no effect there.
  if (app !== undefined)
    return facts.targets.includes(name)
      ? `kon app edit ${app} --no-account`
      : `remove "${name}", which is not a target of the ClusterConfig, from the targets of app "${app}": kon app edit ${app}`;
  return workload === undefined
    ? `kubectl delete pod -n ${name} ${pod}`
    : `change the serviceAccountName of ${workload} in "${name}" (or of the owner of ${workload}, if it has one), or delete that workload`;
}
