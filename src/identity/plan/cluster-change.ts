/**
 * Roles that an account has as part of another EKS cluster, or in another AWS account, than the ClusterConfig names now. The operator
 * cannot change them under the present ClusterConfig, and would leave them, with their permissions, if it went on.
 */
import { abandonRolesAnnotation } from '../../api/index.ts';
import { accountRoleIndex, isAbandoned, reportedRoles } from '../desired/account-roles.ts';
import { accountIdOf, roleNameOf } from '../desired/arn.ts';
import { clusterOfRole } from '../desired/ownership.ts';
import type { Problem } from '../state/problem.ts';
import type { AccountWorld, ClusterFacts, StepFailure } from '../state/world.ts';

type StrandedRole = {
  readonly arn: string;
  /** The owner: the ARN of another cluster, or the id of another AWS account. */
  readonly of: string;
};

/**
 * The status names roles of another AWS account, which cannot be asked for. In this one the tags decide: the uid shows that a role
 * belongs to this very account object.
 */
export function strandedRoles(world: AccountWorld, facts: ClusterFacts): readonly StrandedRole[] {
  const { account, roles } = world;
  const elsewhere = reportedRoles(account)
    .filter((arn) => arn === account.status?.roleArn && accountIdOf(arn) !== facts.accountId)
    .map((arn): StrandedRole => ({ arn, of: accountIdOf(arn) }));
  const here = [...roles.values()].flatMap(({ role }): readonly StrandedRole[] => {
    if (!role || isNamedForCluster(world, facts, role.name)) return [];
    const of = clusterOfRole(role.tags, account.metadata.uid);
    return of !== undefined && of !== facts.clusterArn ? [{ arn: role.arn, of }] : [];
  });
  return [...elsewhere, ...here].filter(({ arn, of }) => !isAbandoned(account, arn, of));
}

/** Whether the name contains the digest of this cluster's ARN. Such a role was created for it, whatever its tags name now. */
function isNamedForCluster({ account }: AccountWorld, facts: ClusterFacts, name: string): boolean {
  return name !== account.spec.aws.roleName && accountRoleIndex(account, facts, name) !== undefined;
}

/** Names of roles that the status reports, that have to be read before it is known which cluster they belong to. */
export function unreadRoles(world: AccountWorld, facts: ClusterFacts): readonly string[] {
  return reportedRoles(world.account).flatMap((arn) => {
    if (accountIdOf(arn) !== facts.accountId || isAbandoned(world.account, arn)) return [];
    const name = roleNameOf(arn);
    if (accountRoleIndex(world.account, facts, name) !== undefined) return [];
    const belief = world.roles.get(name);
    // A listing of this cluster's roles shows nothing of another cluster's.
    return !belief || (belief.role === null && belief.source === 'list') ? [name] : [];
  });
}

export function clusterChanged(
  { account }: AccountWorld,
  facts: ClusterFacts,
  [{ arn, of }, ...others]: readonly [StrandedRole, ...StrandedRole[]],
): Problem {
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  const where = of.startsWith('arn:') ? `the cluster ${of}` : `the AWS account ${of}`;
  return {
    reason: 'ClusterChanged',
    message: `the role ${arn}${more} was created for ${where}, but the ClusterConfig "${facts.configName}" names ${facts.clusterArn}: nothing is changed or deleted for this account. Put region, clusterName and accountId of the ClusterConfig back; or, to leave the role behind with its permissions: kubectl annotate --overwrite lsa ${account.metadata.name} ${abandonRolesAnnotation}=${of}`,
  };
}

/** A role that the status reports could not be read, so that it is not known which cluster it belongs to. */
export function unreadable(
  { account }: AccountWorld,
  facts: ClusterFacts,
  name: string,
  { code, message }: StepFailure,
): Problem {
  const arn = reportedRoles(account).find((reported) => roleNameOf(reported) === name);
  const isOther = arn !== undefined && accountRoleIndex(account, facts, name) === undefined;
  const wayOut = isOther
    ? `. The status reports this role, which may belong to another cluster. To leave it behind: kubectl annotate --overwrite lsa ${account.metadata.name} ${abandonRolesAnnotation}=${arn}`
    : '';
  return { reason: code, message: `${message}${wayOut}` };
}
