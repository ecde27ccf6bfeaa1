/**
 * Names of an account's roles: the first role, and further roles once the trust policy of the first role is full. The name
 * and the tags of a role decide whether the account owns it.
 */
import { abandonRolesAnnotation, type LinkedServiceAccount } from '../../api/index.ts';
import { accountIdOf, roleNameOf } from './arn.ts';
import { roleIndex, roleName } from './names.ts';
import { isAdopted, taggedOwner, ownershipOf, type Ownership } from './ownership.ts';
import { desiredRole, ownerOf } from './role.ts';
import { isReservedReason } from '../state/reasons.ts';
import type { ClusterFacts, ObservedRole } from '../state/world.ts';
import { assignTargets } from './target-assignment.ts';

/**
 * Name of the account's role with this index. `spec.aws.roleName` can set the name of the first role. Names of further roles are
 * always derived from cluster and account. If `roleName` equals the derived name of a further role, this further role gets the
 * derived name of the first role instead.
 */
export function accountRoleName(account: LinkedServiceAccount, facts: ClusterFacts, index: number): string {
  const chosen = account.spec.aws.roleName;
  if (chosen !== undefined && index === 1) return chosen;
  const of = { clusterArn: facts.clusterArn, clusterName: facts.name, account: account.metadata.name };
  const name = roleName({ ...of, index });
  return name === chosen ? roleName(of) : name;
}

/** Index of the account's role with this name; undefined if no role of the account can have the name. */
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
 * Ownership of a role, decided by its tags and its name. A role whose name is not derived from the account belongs to
 * the account only if the role's uid tag or its adoption confirms the owner. Otherwise, if someone overwrote the
 * account tag of another account's role, the operator would delete that role as surplus. An adopted role is released,
 * never deleted.
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
 * Distinct ARNs of the account's roles, as its status reports them. Status rows are ignored if the target or the
 * account's name is reserved: the role in such a row comes from the ServiceAccount's annotation, and may belong to
 * another owner.
 */
export function reportedRoles({ status }: LinkedServiceAccount): readonly string[] {
  const rows = (status?.targets ?? []).filter(({ reason }) => !isReservedReason(reason));
  const arns = [status?.roleArn, ...rows.map((row) => row.roleArn)];
  return [...new Set(arns.filter((arn) => arn !== undefined && arn !== ''))] as readonly string[];
}

/**
 * Whether a user consented, by annotation, to leave a role behind. The annotation must list one of `names`: the role's
 * ARN, the ARN of the cluster that owns the role, or the id of the AWS account that owns the role. See
 * `cluster-change.ts`.
 */
export function isAbandoned({ metadata }: LinkedServiceAccount, ...names: readonly string[]): boolean {
  const given = (metadata.annotations?.[abandonRolesAnnotation] ?? '').split(',').map((name) => name.trim());
  return names.some((name) => given.includes(name));
}

/**
 * Names of roles that the account may have: the first role, and the roles in the account's status. During deletion, the result
 * includes every name that the account's targets may ever have needed, because after a crash a role can exist that neither the
 * status nor a listing shows.
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

/** Names of the roles that the account needs if every target is served in both identity modes. It never needs more. */
function allNames(account: LinkedServiceAccount, facts: ClusterFacts): readonly string[] {
  const name = accountRoleName(account, facts, 1);
  const fits = (targets: readonly string[]): boolean =>
    desiredRole(account, facts, name, { IRSA: targets, PodIdentity: targets }).trustPolicy.length <=
    facts.quotas.trustPolicySize;
  const shards = assignTargets(account.spec.targets ?? facts.targets, new Map(), fits);
  return [...shards.keys()].map((index) => accountRoleName(account, facts, index));
}
