/**
 * Accounts that were created while the admission policies were not enforced. Nobody checked whether their author may grant
 * what they list, so that nothing is created for them.
 *
 * The creation is the only evidence: a later edit is compared with the object that it changes, and never asks for what that had
 * before. Finalizers, the status and the times in `managedFields` can be written by whoever may write the account. What shows
 * that an account was in use before is a role with its uid in the ownership tags, which the operator alone writes.
 */
import { roleOwnership } from '../desired/account-roles.ts';
import type { Problem } from '../state/problem.ts';
import type { AccountWorld, ClusterFacts } from '../state/world.ts';

/**
 * Milliseconds after the creation of a policy until every API server enforces it: each takes up new ones within about a second.
 * A timestamp has whole seconds.
 */
const enforcementDelayMs = 2_000;

/** Undefined for an account that was admitted, or has a role. */
export function unadmitted(
  { account, admittedSince, roles, lastSynced }: AccountWorld,
  facts: ClusterFacts,
): Problem | undefined {
  if (admittedSince === undefined) return undefined;
  const { name, creationTimestamp = '' } = account.metadata;
  // A timestamp that cannot be read is NaN, and comes before nothing.
  if (Date.parse(creationTimestamp) >= admittedSince + enforcementDelayMs) return undefined;
  // A role that was deleted out of band is known by the spec that this process last synced.
  const known = [
    ...[...roles.values()].map(({ role }) => role),
    ...[...lastSynced.values()].map(({ spec }) => spec),
  ];
  if (known.some((role) => role && roleOwnership(role, account, facts) === 'ours')) return undefined;
  const since = Number.isFinite(admittedSince)
    ? `were enforced (they were created at ${new Date(admittedSince).toISOString()})`
    : 'were enforced, which are not installed now';
  return {
    reason: 'NotAdmitted',
    message: `the account was created before the admission policies ${since}, so that nobody checked who may give its permissions: no role is created for it. Delete it and create it again: kon account export ${name} > ${name}.yaml; kon account delete ${name}; kon apply -f ${name}.yaml`,
  };
}
