/** Further roles of an account, for targets that do not fit into one trust policy: their assignment and their removal. */
import type { IdentityMode } from '../../api/index.ts';
import { accountRoleIndex, accountRoleName } from '../desired/account-roles.ts';
import { ownedRoles } from './owned-roles.ts';
import { roleNameOf } from '../desired/arn.ts';
import { existedBefore, ownershipTagKeys } from '../desired/ownership.ts';
import { hasPodDenial, podDenialName } from '../desired/pod-denial.ts';
import { hasStatements, inlinePolicyName } from '../desired/statements.ts';
import type { Problem, AccountWorld, ClusterFacts, ObservedRole } from '../state/world.ts';
import type { Step } from '../steps/step.ts';
import type { StepList } from './step-list.ts';
import type { ServingRole } from './target-context.ts';
import { trustKey } from './trusted-targets.ts';

/**
 * Index of each target's current role, by identity mode and target (see `trustKey`). It is taken from the
 * ServiceAccount's annotation, the association or the account's status. A target that switches its identity mode keeps
 * its role if the role's trust policy has room for the target's new trust.
 */
export function previousShards(world: AccountWorld, facts: ClusterFacts): ReadonlyMap<string, number> {
  const shards = new Map<string, number>();
  for (const { name, serviceAccount } of world.targets) {
    const reported = world.account.status?.targets?.find((row) => row.name === name)?.roleArn;
    const annotated = serviceAccount?.roleArn;
    const associated = world.associations.get(name)?.association?.details?.roleArn;
    const set = (mode: IdentityMode, arn: string | undefined): void => {
      const index = arn === undefined ? undefined : accountRoleIndex(world.account, facts, roleNameOf(arn));
      if (index !== undefined) shards.set(trustKey(mode, name), index);
    };
    set('IRSA', annotated ?? reported ?? associated);
    set('PodIdentity', associated ?? reported ?? annotated);
  }
  return shards;
}

/**
 * Further roles that ServiceAccounts, pods or associations still name, by index, each with an empty list of targets.
 * The caller replaces the list of each role that has assigned targets. A role that keeps the empty list gets a trust
 * policy that admits no pod before the links to the role are removed. It keeps this policy while a link cannot be
 * removed.
 */
export function closedShards(
  world: AccountWorld,
  facts: ClusterFacts,
): ReadonlyMap<number, readonly string[]> {
  const named = namedRoleArns(world);
  const further = ownedRoles(world, facts).flatMap(({ role }): [number, readonly string[]][] => {
    if (!named.has(role.arn)) return [];
    const index = accountRoleIndex(world.account, facts, role.name) ?? 1;
    return index > 1 && role.name === accountRoleName(world.account, facts, index) ? [[index, []]] : [];
  });
  return new Map(further);
}

/** Roles of the account that serve no target any more and that no ServiceAccount, pod or association names. */
export function unneededRoles(
  world: AccountWorld,
  facts: ClusterFacts,
  roles: readonly ServingRole[],
): readonly ObservedRole[] {
  const needed = new Set(roles.map((role) => role.assessment.spec.name));
  const carried = namedRoleArns(world);
  return ownedRoles(world, facts)
    .map(({ role }) => role)
    .filter(({ name, arn }) => !needed.has(name) && !carried.has(arn));
}

/**
 * Removes roles that no target needs any more.
 *
 * @returns the reason if a role could not be removed
 */
export function removeSurplus(
  world: AccountWorld,
  unneeded: readonly ObservedRole[],
  list: StepList,
): Problem | undefined {
  const failures = unneeded.flatMap((role) =>
    stepsToRemove(world, role).flatMap((step): readonly Problem[] => {
      const failure = list.addStep(step);
      if (!failure) return [];
      const message = `the role ${role.arn}, which no target needs any more, could not be removed: ${failure.message}`;
      return [{ reason: failure.code, message }];
    }),
  );
  return failures[0];
}

function stepsToRemove(world: AccountWorld, role: ObservedRole): readonly Step[] {
  const why = 'no target needs the role any more';
  const { name, attachedPolicyArns } = role;
  if (world.roles.get(name)?.source === 'list') return [{ kind: 'ReadRole', role: name, why }];
  // An adopted role is released instead of deleted. The same happens when the role's account is deleted.
  if (existedBefore(role, world.account.spec))
    return [{ kind: 'UntagRole', role: name, keys: ownershipTagKeys }];
  if (attachedPolicyArns.length > 0)
    return attachedPolicyArns.map((policyArn) => ({ kind: 'DetachPolicy', role: name, policyArn, why }));
  if (hasStatements(role)) return [{ kind: 'DeleteInlinePolicy', role: name, policyName: inlinePolicyName }];
  // The policy that denies quarantined pods is removed last. Otherwise these pods would have access until the remaining
  // policies are removed.
  if (hasPodDenial(role)) return [{ kind: 'DeleteInlinePolicy', role: name, policyName: podDenialName }];
  return [{ kind: 'DeleteRole', role: name }];
}

/** Role ARNs in the account's ServiceAccounts, pods and associations. */
function namedRoleArns(world: AccountWorld): ReadonlySet<string | undefined> {
  return new Set([
    ...world.targets.map((target) => target.serviceAccount?.roleArn),
    ...world.targets.flatMap((target) => target.held.roleArns),
    ...[...world.associations.values()].map(({ association }) => association?.details?.roleArn),
  ]);
}
