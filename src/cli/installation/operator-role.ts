/** The operator's own role in IAM: who may assume it, and how it is known. Pure. */
import { digest } from '../../identity/desired/digest.ts';
import { subjectOf, trustPolicy } from '../../identity/desired/trust.ts';
import type { IdentityMode } from '../../api/linked-service-account.ts';
import { isRolePath } from '../../api/cluster-config.ts';
import { reservedTagPrefixes } from '../../api/linked-service-account.ts';
import { isReservedTag } from '../../identity/desired/tags.ts';
import type { RoleSpec } from '../../identity/state/world.ts';
import type { ObservedRole } from '../../identity/state/world.ts';
import { CliError, usageError } from '../framework/errors.ts';
import type { DiscoveredCluster } from './discover.ts';

/** Tag of the operator's role and the provider if an installation created them. Not one of the ownership tags of accounts' roles. */
export const installedTag = 'k11n.dev/installed-for';
export const operatorPolicyName = 'konstellation-operator';

/** Demands of an organization on a role, beside the operator's needs. */
export type RoleDemands = {
  readonly path?: string | undefined;
  readonly permissionsBoundaryArn?: string | undefined;
  readonly tags?: Readonly<Record<string, string>>;
};

export function operatorRoleName(cluster: Pick<DiscoveredCluster, 'name' | 'clusterArn'>): string {
  // 64 characters at most: 23 of the prefix, 28, a dash and 12.
  return `konstellation-operator-${cluster.name.slice(0, 28)}-${digest([cluster.clusterArn, 'operator'], 12)}`;
}

export function operatorRole(
  cluster: DiscoveredCluster,
  operator: { readonly namespace: string; readonly serviceAccount: string },
  mode: IdentityMode = 'IRSA',
  { path = '/', permissionsBoundaryArn, tags = {} }: RoleDemands = {},
  /** Mode of the pods that still run: until they are replaced, the role trusts both ways. */
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
 * Combines what was asked for with a role that exists. The path of a role cannot be changed; boundary and tags of a role
 * that exists stay unless others are asked for.
 *
 * @param rolePath of accounts' roles: the operator's own role stands outside, as it must not be able to change itself
 * @throws CliError of code USAGE for a path that cannot be; of code CONFLICT when the role has another
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
      `the operator's own role cannot be under ${rolePath}, where it may change roles`,
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
        'Or delete the role and run kon install again: until then the operator has no credentials, and running pods keep theirs.',
      ],
    });
  return {
    path: path ?? live?.path,
    permissionsBoundaryArn: asked.permissionsBoundaryArn ?? live?.permissionsBoundaryArn,
    tags,
  };
}
