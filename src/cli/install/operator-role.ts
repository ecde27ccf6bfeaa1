/** The operator's own role in IAM: who may assume it, and how it is known. Pure. */
import { digest } from '../../identity/digest.ts';
import { subjectOf, trustPolicy } from '../../identity/trust.ts';
import type { IdentityMode } from '../../api/linked-service-account.ts';
import type { RoleSpec } from '../../identity/steps.ts';
import type { DiscoveredCluster } from './discover.ts';

/** On the operator's role and the provider, as far as an installation made them. Not one of the marks of accounts' roles. */
export const installedTag = 'k11n.dev/installed-for';
export const operatorPolicyName = 'konstellation-operator';
/** Outside the path of the roles that it keeps: it must not be able to change itself. */
const path = '/';

export function operatorRole(
  cluster: DiscoveredCluster,
  operator: { readonly namespace: string; readonly serviceAccount: string },
  mode: IdentityMode = 'IRSA',
): RoleSpec {
  // 64 characters at most: 23 of the prefix, 28, a dash and 12.
  const name = `konstellation-operator-${cluster.name.slice(0, 28)}-${digest([cluster.clusterArn, 'operator'], 12)}`;
  return {
    name,
    path,
    description: `Konstellation's operator on the cluster ${cluster.name}`,
    maxSessionDuration: 3600,
    trustPolicy: trustPolicy({
      providerArn: cluster.providerArn,
      issuer: cluster.issuer,
      ...(mode === 'PodIdentity'
        ? {
            subjects: [],
            podIdentity: {
              clusterArn: cluster.clusterArn,
              namespaces: [operator.namespace],
              serviceAccount: operator.serviceAccount,
            },
          }
        : { subjects: [subjectOf(operator.namespace, operator.serviceAccount)] }),
    }),
    tags: { [installedTag]: cluster.clusterArn },
  };
}
