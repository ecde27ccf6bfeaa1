/** Names of an account's roles: the first role, and further roles if its trust policy is full. */
import type { LinkedServiceAccount } from '../../api/index.ts';
import { abandonRolesAnnotation } from '../../api/index.ts';
import { accountIdOf, roleNameOf } from './arn.ts';
import { roleIndex, roleName } from './names.ts';
import { isAdopted, taggedOwner, ownershipOf, type Ownership } from './ownership.ts';
import { desiredRole, ownerOf } from './role.ts';
import { assignTargets } from './shards.ts';
import type { ClusterFacts, ObservedRole } from '../state/world.ts';

/**
 * Name of a role of the account. `spec.aws.roleName` can set the name of the first role. Names of further roles are always derived
 * from cluster and account. If `roleName` equals the name of a further role, that role gets the derived name of the first.
 */
export function accountRoleName(account: LinkedServiceAccount, facts: ClusterFacts, index: number): string {
  const chosen = account.spec.aws.roleName;
  if (chosen !== undefined && index === 1) return chosen;
  const of = { clusterArn: facts.clusterArn, clusterName: facts.name, account: account.metadata.name };
  const name = roleName({ ...of, index });
  return name === chosen ? roleName(of) : name;
}

/** Index of the account's role with this name; undefined if it has none. */
export function accountRoleIndex(
  account: LinkedServiceAccount,
  facts: ClusterFacts,
  name: string,
): number | undefined {
  if (name === accountRoleName(account, facts, 1)) return 1;
  const { clusterArn, name: clusterName } = facts;
  const first = roleName({ clusterArn, clusterName, account: account.metadata.name });
  const { roleName: chosen } = account.spec.aws;
  const index = roleIndex(name === first && chosen !== undefined ? chosen : name, first);
  return index === 1 ? undefined : index;
}

/**
 * Ownership of a role by its tags and its name. A role whose name is not derived from the account counts only if its uid tag or the
 * adoption confirms the owner. Otherwise a role of another account whose tag was overwritten would be deleted as surplus. An
 * adopted role is never deleted, but only released.
 */
export function roleOwnership(
  role: Pick<ObservedRole, 'name' | 'tags' | 'trustPolicy'>,
  account: LinkedServiceAccount,
  facts: ClusterFacts,
): Ownership {
  const ownership = ownershipOf(role, ownerOf(account, facts));
  if (accountRoleIndex(account, facts, role.name) !== undefined) return ownership;
  const isTagged = taggedOwner(role.tags)?.account === account.metadata.name;
  return (ownership === 'ours' && isTagged) || (ownership === 'earlier' && isAdopted(role.tags))
    ? ownership
    : 'foreign';
}

/**
 * ARNs of the account's roles in its status, each once. The row of a reserved target or name is ignored: it reports the role of its
 * ServiceAccount, which may belong to another owner.
 */
export function reportedRoles({ status }: LinkedServiceAccount): readonly string[] {
  const rows = (status?.targets ?? []).filter(
    ({ reason }) => reason !== 'TargetReserved' && reason !== 'AccountNameReserved',
  );
  const arns = [status?.roleArn, ...rows.map((row) => row.roleArn)];
  return [...new Set(arns.filter((arn) => arn !== undefined && arn !== ''))] as readonly string[];
}

/** Whether a person consented to leave a role behind. The consent names the role's ARN or its owner. See `cluster-change.ts`. */
export function isAbandoned({ metadata }: LinkedServiceAccount, ...names: readonly string[]): boolean {
  const given = (metadata.annotations?.[abandonRolesAnnotation] ?? '').split(',').map((name) => name.trim());
  return names.some((name) => given.includes(name));
}

/**
 * Names of roles that the account may have: the first, and those in its status. During deletion they include all names that its
 * targets may ever have needed, because after a crash a role may exist that neither status nor listing shows.
 */
export function accountRoleNames(account: LinkedServiceAccount, facts: ClusterFacts): readonly string[] {
  const reported = reportedRoles(account)
    .filter((arn) => accountIdOf(arn) === facts.accountId && !isAbandoned(account, arn))
    .map(roleNameOf);
  const carried = (account.status?.targets ?? []).flatMap(({ roleArn }) =>
    roleArn === undefined ? [] : roleNameOf(roleArn),
  );
  const known = [
    ...reported,
    ...carried.filter((name) => accountRoleIndex(account, facts, name) !== undefined),
  ];
  const last = account.metadata.deletionTimestamp === undefined ? [] : allNames(account, facts);
  return [...new Set([accountRoleName(account, facts, 1), ...known, ...last])].sort();
}

/** Names for the maximum number of roles, with every target in both identity modes. */
function allNames(account: LinkedServiceAccount, facts: ClusterFacts): readonly string[] {
  const name = accountRoleName(account, facts, 1);
  const fits = (targets: readonly string[]): boolean =>
    desiredRole(account, facts, name, { IRSA: targets, PodIdentity: targets }).trustPolicy.length <=
    facts.quotas.trustPolicySize;
  const shards = assignTargets(account.spec.targets ?? facts.targets, new Map(), fits);
  return [...shards.keys()].map((index) => accountRoleName(account, facts, index));
}
