/** The operator's own IAM role: its trust policy, name and tags. Pure. */
import { digest } from '../../identity/desired/digest.ts';
import { subjectOf, trustPolicy } from '../../identity/desired/trust.ts';
import { isRolePath } from '../../api/cluster-config.ts';
import { reservedTagPrefixes, type IdentityMode } from '../../api/linked-service-account.ts';
import { isReservedTag } from '../../identity/desired/tags.ts';
import type { ObservedRole, RoleSpec } from '../../identity/state/world.ts';
import { CliError, usageError } from '../framework/errors.ts';
import type { DiscoveredCluster } from './discover.ts';

/**
 * Tag on the operator's role and on the OIDC provider, if an installation created them. It differs from the ownership
 * tags of accounts' roles.
 */
export const installedTag = 'k11n.dev/installed-for';
export const operatorPolicyName = 'konstellation-operator';

/** Properties that an organization requires of the operator's role, in addition to what the operator needs. */
export type RoleDemands = {
  readonly path?: string | undefined;
  readonly permissionsBoundaryArn?: string | undefined;
  readonly tags?: Readonly<Record<string, string>>;
};

export function operatorRoleName(cluster: Pick<DiscoveredCluster, 'name' | 'clusterArn'>): string {
  // The name has at most 64 characters: 23 of the prefix, 28 of the cluster's name, a dash, and 12 of the digest.
  return `konstellation-operator-${cluster.name.slice(0, 28)}-${digest([cluster.clusterArn, 'operator'], 12)}`;
}

export function operatorRole(
  cluster: DiscoveredCluster,
  operator: { readonly namespace: string; readonly serviceAccount: string },
  mode: IdentityMode = 'IRSA',
  { path = '/', permissionsBoundaryArn, tags = {} }: RoleDemands = {},
  /**
   * Previous mode, while pods of the operator still use it. Until these pods are replaced, the role trusts both modes.
   */
  former?: IdentityMode,
): RoleSpec {
  const modes = [mode, former];
  return {
    name: operatorRoleName(cluster),
    path,
    ...(permissionsBoundaryArn === undefined ? {} : { permissionsBoundaryArn }),
    description: `Konstellation's operator on the cluster ${cluster.name}`,
    maxSessionDuration: 3600,
    trustPolicy: trustPolicy({
      providerArn: cluster.providerArn,
      issuer: cluster.issuer,
      subjects: modes.includes('IRSA') ? [subjectOf(operator.namespace, operator.serviceAccount)] : [],
      ...(modes.includes('PodIdentity')
        ? {
            podIdentity: {
              clusterArn: cluster.clusterArn,
              namespaces: [operator.namespace],
              serviceAccount: operator.serviceAccount,
            },
          }
        : {}),
    }),
    tags: { ...tags, [installedTag]: cluster.clusterArn },
  };
}

/**
 * Combines the requested options with an existing role. The path of a role cannot be changed; an existing role keeps its
 * boundary and tags unless the options specify others.
 * @param rolePath path of the accounts' roles; the operator may change roles under this path, so its own role has to be
 * outside
 * @throws CliError of code USAGE for an invalid path; of code CONFLICT when the role has another path
 */
export function roleDemands(
  asked: RoleDemands,
  live: Pick<ObservedRole, 'arn' | 'path' | 'permissionsBoundaryArn'> | undefined,
  rolePath: string,
): RoleDemands {
  const { path, tags = {} } = asked;
  if (path !== undefined && path !== '/' && !isRolePath(path))
    throw usageError(`"${path}" is not an IAM role path`, 'Pass a path like /platform/operators/.');
  if (path !== undefined && rolePath !== '/' && path.startsWith(rolePath))
    throw usageError(
      `the operator's own role cannot be under ${rolePath}, where the operator is permitted to change roles`,
      'Choose another --operator-role-path.',
    );
  const reserved = Object.keys(tags).filter(isReservedTag);
  if (reserved.length > 0)
    throw usageError(
      `the tag keys ${reserved.join(', ')} are reserved`,
      `Choose keys that do not begin with ${reservedTagPrefixes.join(', ')}.`,
    );
  if (live && path !== undefined && path !== live.path)
    throw new CliError('CONFLICT', `the operator's role ${live.arn} exists at another path than ${path}`, {
      details: ['IAM cannot move a role.'],
      next: [
        'Omit --operator-role-path to keep the role where it is.',
        'Or delete the role and run kon install again. Between these steps, the operator has no credentials; pods of accounts keep theirs.',
      ],
    });
  return {
    path: path ?? live?.path,
    permissionsBoundaryArn: asked.permissionsBoundaryArn ?? live?.permissionsBoundaryArn,
    tags,
  };
}
