/**
 * Unadmitted accounts: created while the admission policies were not enforced. No policy checked whether the author of
 * such an account is permitted to grant its permissions, so nothing is created for the account. An exception is an
 * account that the operator has already served: it has a role whose ownership tags, which only the operator writes,
 * contain the account's uid.
 */
import { beforePolicies, wasAdmitted } from '../../k8s/admitted.ts';
import { roleOwnership } from '../desired/account-roles.ts';
import type { Problem, AccountWorld, ClusterFacts } from '../state/world.ts';

/** Problem of an account that admission has not checked and that has no role; undefined for any other account. */
export function unadmitted(
  { account, admittedSince, roles, lastSynced }: AccountWorld,
  facts: ClusterFacts,
): Problem | undefined {
  if (admittedSince === undefined || wasAdmitted(account.metadata, admittedSince)) return undefined;
  // The last-synced specs are included, because they still name a role that was deleted out of band.
  const known = [
    ...[...roles.values()].map(({ role }) => role),
    ...[...lastSynced.values()].map(({ spec }) => spec),
  ];
  if (known.some((role) => role && roleOwnership(role, account, facts) === 'ours')) return undefined;
  const { name } = account.metadata;
  return {
    reason: 'NotAdmitted',
    message: `the account was created before ${beforePolicies(admittedSince)}, so no policy has checked whether the creator of the account is permitted to grant its permissions. Therefore, the operator creates no role for the account. Delete the account and create it again: kon account export ${name} > ${name}.yaml; kon account delete ${name}; kon apply -f ${name}.yaml`,
  };
}
