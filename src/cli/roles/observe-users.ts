/**
 * Finds pods and ServiceAccounts that use a role, with the user's own permissions. Reports objects that the user is not
 * permitted to read.
 */
import { roleArnAnnotation } from '../../api/labels.ts';
import {
  IdentityError,
  principalsOf,
  type AssociationStore,
  type ObservedRole,
} from '../../identity/index.ts';
import { isForbidden, resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { roleHolders } from '../../operator/account/target-observation.ts';
import { identitiesHeld, isRunning, rolesHeld, serviceAccountOf, type Pod } from '../../workloads/index.ts';
import { admitsAssociations, usersByServiceAccount, type RoleUse, type RoleUser } from './excluded-users.ts';

/**
 * Running pods and ServiceAccounts of the cluster, whatever their roles, so that one observation suffices for several
 * roles.
 */
export type ClusterUse = {
  readonly running: readonly (Pod & KubeObject)[];
  readonly serviceAccounts: readonly KubeObject[];
  readonly unseen: readonly string[];
  readonly associations: AssociationStore;
  readonly signal: AbortSignal;
};

type Sources = {
  readonly client: KubeClient;
  readonly associations: AssociationStore;
  readonly signal: AbortSignal;
};

export async function gatherUse({ client, associations, signal }: Sources): Promise<ClusterUse> {
  const unseen: string[] = [];
  const listed = async <T extends KubeObject>(
    resource: typeof resources.pods,
    what: string,
  ): Promise<readonly T[]> => {
    try {
      return (await client.list<T>(resource, { signal })).items;
    } catch (error) {
      if (!isForbidden(error)) throw error;
      unseen.push(`cannot list ${what} of all namespaces (${error.message})`);
      return [];
    }
  };
  const [pods, serviceAccounts] = await Promise.all([
    listed<Pod & KubeObject>(resources.pods, 'pods'),
    listed<KubeObject>(resources.serviceAccounts, 'ServiceAccounts'),
  ]);
  return { running: pods.filter(isRunning), serviceAccounts, unseen, associations, signal };
}

export async function usersOf(
  role: ObservedRole,
  { running, serviceAccounts, unseen, associations, signal }: ClusterUse,
): Promise<RoleUse> {
  const users = usersByServiceAccount(
    roleHolders(running.filter((pod) => rolesHeld(pod).includes(role.arn))),
    serviceAccounts
      .filter(({ metadata }) => metadata.annotations?.[roleArnAnnotation] === role.arn)
      .map(({ metadata }) => ({ namespace: metadata.namespace ?? '', serviceAccount: metadata.name })),
  );
  if (!principalsOf(role.trustPolicy).some(admitsAssociations)) return { users, unseen };
  try {
    return { users: [...users, ...(await associated(role, running, associations, signal))], unseen };
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error;
    // A cluster outside EKS has no Pod Identity associations.
    if (error.code === 'ClusterUnknown') return { users, unseen };
    return {
      users,
      unseen: [...unseen, `cannot list EKS Pod Identity associations (${error.message})`],
    };
  }
}

async function associated(
  role: ObservedRole,
  running: readonly Pod[],
  store: AssociationStore,
  signal: AbortSignal,
): Promise<readonly RoleUser[]> {
  const { associations } = await store.list(signal);
  const read = await Promise.all(associations.map((listed) => store.read(listed, signal, listed.id)));
  return read
    .filter((association) => association?.details?.roleArn === role.arn)
    .map((association) => {
      const { namespace = '', serviceAccount = '' } = association ?? {};
      const pods = running.filter(
        (pod) =>
          pod.metadata.namespace === namespace &&
          serviceAccountOf(pod) === serviceAccount &&
          identitiesHeld(pod).some(({ kind }) => kind === 'podIdentity'),
      );
      return {
        namespace,
        serviceAccount,
        pods: pods.map(({ metadata }) => metadata.name),
        byAssociation: true,
      };
    });
}
