/**
 * Draining targets: targets that were removed from the account or the ClusterConfig, or whose namespace is being deleted, while
 * running pods hold the account's identity. A draining target keeps its subject in the trust policy, its association and its
 * ServiceAccount until its pods have ended.
 *
 * Draining never adds access. Running pods alone do not make a target drain, because anyone who is permitted to create pods in
 * the namespace can start them. In addition, a role of the account must already trust the target's subject. Two things show this:
 * a trust policy that this process wrote, or a trust policy in IAM together with a link in the account's status.
 */
import { unlinkNowAnnotation, type IdentityMode, type LinkedServiceAccount } from '../../api/index.ts';
import { findCondition } from '../../k8s/conditions.ts';
import type { Wall } from '../../k8s/time.ts';
import { accountRoleIndex } from '../desired/account-roles.ts';
import { ownedRoles } from './owned-roles.ts';
import { roleNameOf } from '../desired/arn.ts';
import { principalsOf } from '../desired/trust-principals.ts';
import { admitsPodIdentity, subjectOf } from '../desired/trust.ts';
import type { AccountWorld, ClusterFacts, TargetObservation } from '../state/world.ts';

/**
 * Whether the target drains: its running pods hold the account's identity, and the trust policy of a role admitted them
 * before this plan.
 */
export function isDraining(world: AccountWorld, facts: ClusterFacts, target: TargetObservation): boolean {
  if (isCutOff(world, target.name)) return false;
  const { account } = world;
  const { held, name } = target;
  const holdsRole = held.roleArns.some(
    (arn) => accountRoleIndex(account, facts, roleNameOf(arn)) !== undefined,
  );
  return (
    (holdsRole && wasAdmitted(world, facts, 'IRSA', name)) ||
    (held.podIdentity > 0 && wasAdmitted(world, facts, 'PodIdentity', name))
  );
}

/** Whether a user requested that running pods of the target lose their access immediately. */
function isCutOff({ account }: AccountWorld, target: string): boolean {
  const named = account.metadata.annotations?.[unlinkNowAnnotation]?.split(',') ?? [];
  return named.some((name) => name.trim() === target);
}

/** Whether a role of the account admitted pods of the target before this plan. */
export function wasAdmitted(
  world: AccountWorld,
  facts: ClusterFacts,
  mode: IdentityMode,
  target: string,
): boolean {
  const { lastSynced } = world;
  const admitsTarget = (trustPolicy: string): boolean => admits(world, facts, mode, target, trustPolicy);
  if ([...lastSynced.values()].some(({ spec }) => admitsTarget(spec.trustPolicy))) return true;
  const wasLinked = isReportedLinked(world, target);
  return ownedRoles(world, facts).some(({ role, cached: { source, hasOwnTrust } }) => {
    if (!admitsTarget(role.trustPolicy)) return false;
    // Once this process has synced the role, a principal that only the observed trust policy contains was added by
    // others, and is drift.
    return (source === 'write' && hasOwnTrust === true) || (wasLinked && !lastSynced.has(role.name));
  });
}

/**
 * Whether pods of a removed target can still get the account's identity. The status then reports the target as linked, and one of
 * the account's roles admits the target's pods by web identity or Pod Identity. The status keeps reporting the link until the
 * trust policy no longer names the target. Pods that start before then hold the identity, and a restarted operator learns only
 * from the status that the target was linked. See `wasAdmitted`.
 */
export function isStillOpen(world: AccountWorld, facts: ClusterFacts, target: string): boolean {
  if (!isReportedLinked(world, target)) return false;
  return ownedRoles(world, facts).some(
    ({ role }) =>
      admits(world, facts, 'IRSA', target, role.trustPolicy) ||
      admits(world, facts, 'PodIdentity', target, role.trustPolicy),
  );
}

export function isReportedLinked({ account }: AccountWorld, target: string): boolean {
  return account.status?.targets?.some(({ name, linked }) => name === target && linked) ?? false;
}

function admits(
  { account }: AccountWorld,
  facts: ClusterFacts,
  mode: IdentityMode,
  target: string,
  trustPolicy: string,
): boolean {
  if (mode === 'PodIdentity') return admitsPodIdentity(trustPolicy, target);
  const subject = subjectOf(target, account.metadata.name);
  // The subject has to be named literally, because the operator never writes patterns for subjects.
  return principalsOf(trustPolicy).some(
    (principal) =>
      principal.kind === 'webIdentity' &&
      principal.providerArn === facts.providerArn &&
      principal.subject === subject,
  );
}

export type DrainingTarget = {
  readonly account: string;
  readonly target: string;
  /** Last transition of the account's TargetsLinked condition: the earliest time when the draining can have started. */
  readonly since: Wall;
};

/** Lists the draining targets of all accounts, sorted by `since`, oldest first. */
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
