/**
 * Roles that were created for an EKS cluster or AWS account other than the one in the current ClusterConfig. With this
 * ClusterConfig the operator cannot change these roles. They would keep their permissions if the operator ignored them, so they
 * block the account.
 */
import { abandonRolesAnnotation } from '../../api/index.ts';
import { accountRoleIndex, isAbandoned, reportedRoles } from '../desired/account-roles.ts';
import { accountIdOf, roleNameOf } from '../desired/arn.ts';
import { clusterOfRole } from '../desired/ownership.ts';
import type { Problem, AccountWorld, ClusterFacts, StepFailure } from '../state/world.ts';

type RoleOfOtherCluster = {
  readonly arn: string;
  /** Owner of the role: the ARN of the other cluster, or the id of the other AWS account. */
  readonly of: string;
};

/**
 * Roles of the account in another cluster or AWS account. Roles in another AWS account cannot be read and are known only from the
 * account's status. Roles in this AWS account are recognized by their tags: the uid tag shows that a role belongs to this account
 * object.
 */
export function rolesOfOtherClusters(
  world: AccountWorld,
  facts: ClusterFacts,
): readonly RoleOfOtherCluster[] {
  const { account, roles } = world;
  const elsewhere = reportedRoles(account)
    .filter((arn) => arn === account.status?.roleArn && accountIdOf(arn) !== facts.accountId)
    .map((arn): RoleOfOtherCluster => ({ arn, of: accountIdOf(arn) }));
  const here = [...roles.values()].flatMap(({ role }): readonly RoleOfOtherCluster[] => {
    if (!role || isNamedForCluster(world, facts, role.name)) return [];
    const of = clusterOfRole(role.tags, account.metadata.uid);
    return of !== undefined && of !== facts.clusterArn ? [{ arn: role.arn, of }] : [];
  });
  return [...elsewhere, ...here].filter(({ arn, of }) => !isAbandoned(account, arn, of));
}

/**
 * Whether the role's name contains the digest of this cluster's ARN. A role with such a name was created for this cluster, even
 * if its tags name another cluster now.
 */
function isNamedForCluster({ account }: AccountWorld, facts: ClusterFacts, name: string): boolean {
  return name !== account.spec.aws.roleName && accountRoleIndex(account, facts, name) !== undefined;
}

/** Names of the roles in the account's status that the operator must read to learn the cluster of each role. */
export function unreadRoles(world: AccountWorld, facts: ClusterFacts): readonly string[] {
  return reportedRoles(world.account).flatMap((arn) => {
    if (accountIdOf(arn) !== facts.accountId || isAbandoned(world.account, arn)) return [];
    const name = roleNameOf(arn);
    if (accountRoleIndex(world.account, facts, name) !== undefined) return [];
    const cached = world.roles.get(name);
    // A listing contains only this cluster's roles, so a role that it lacks may belong to another cluster.
    return !cached || (cached.role === null && cached.source === 'list') ? [name] : [];
  });
}

export function clusterChanged(
  { account }: AccountWorld,
  facts: ClusterFacts,
  [{ arn, of }, ...others]: readonly [RoleOfOtherCluster, ...RoleOfOtherCluster[]],
): Problem {
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  const where = of.startsWith('arn:') ? `the cluster ${of}` : `the AWS account ${of}`;
  return {
    reason: 'ClusterChanged',
    message: `the role ${arn}${more} was created for ${where}, but the ClusterConfig "${facts.configName}" names ${facts.clusterArn}, so nothing is changed or deleted for this account. Restore region, clusterName and accountId of the ClusterConfig; or, to leave the role behind with its permissions: kubectl annotate --overwrite lsa ${account.metadata.name} ${abandonRolesAnnotation}=${of}`,
  };
}

/** Problem of the role `name`, which the operator could not read. The cluster of the role is therefore unknown. */
export function unreadable(
  { account }: AccountWorld,
  facts: ClusterFacts,
  name: string,
  { code, message }: StepFailure,
): Problem {
  const arn = reportedRoles(account).find((reported) => roleNameOf(reported) === name);
  const isOther = arn !== undefined && accountRoleIndex(account, facts, name) === undefined;
  const remedy = isOther
    ? `. The status reports this role, which may belong to another cluster. To leave the role behind: kubectl annotate --overwrite lsa ${account.metadata.name} ${abandonRolesAnnotation}=${arn}`
    : '';
  return { reason: code, message: `${message}${remedy}` };
}
