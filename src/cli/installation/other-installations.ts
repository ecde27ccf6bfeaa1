/**
 * Finds installations in other namespaces. A cluster can have only one installation, because a single ServiceAccount is
 * named in the ClusterRoleBinding, the admission policies and the trust policy of the operator's role. A second
 * installation would replace this ServiceAccount with its own.
 */
import { orMissing } from '../cluster/objects.ts';
import { managedByLabel } from '../../api/labels.ts';
import { resources, type KubeClient, type KubeObject, type Lease } from '../../kube/index.ts';
import { leaseSign, listLeases, serverTime } from '../cluster/operator-lease.ts';
import { CliError } from '../framework/errors.ts';
import { operatorName } from './operator-objects.ts';

/** Object that indicates an operator in a namespace: a Deployment, a bound ServiceAccount or a fresh Lease. */
export type FoundOperator = {
  readonly namespace: string;
  /** Display name: `Deployment x/y`. */
  readonly object: string;
  /** Helm release, if Helm installed the operator. */
  readonly release?: string;
  /** Whether the ClusterRoleBinding names an existing ServiceAccount of this namespace. */
  readonly hasRights: boolean;
};

type Binding = KubeObject & {
  readonly subjects?: readonly {
    readonly kind: string;
    readonly namespace?: string;
    readonly name: string;
  }[];
};

const releaseName = 'meta.helm.sh/release-name';

export async function findOperators(
  client: KubeClient,
  signal: AbortSignal,
): Promise<readonly FoundOperator[]> {
  const labelSelector = `app.kubernetes.io/name=${operatorName}`;
  const [deployments, bindings, leases, now] = await Promise.all([
    client.list<KubeObject>(resources.deployments, { labelSelector, signal }),
    client.list<Binding>(resources.clusterRoleBindings, { labelSelector, signal }),
    listLeases(client, signal),
    serverTime(client, signal),
  ]);
  const fresh = now === undefined ? [] : leases.filter((lease) => leaseSign(lease, now).fresh);
  const held = await inLivingNamespaces(client, fresh, signal);
  const subjects = bindings.items.flatMap(({ subjects = [] }) =>
    subjects.flatMap(({ kind, namespace, name }) =>
      kind === 'ServiceAccount' && namespace !== undefined ? [{ namespace, name }] : [],
    ),
  );
  const accounts = await Promise.all(
    subjects.map((ref) => orMissing(client.get<KubeObject>(resources.serviceAccounts, ref, { signal }))),
  );
  const withRights = new Set(accounts.flatMap((account) => account?.metadata.namespace ?? []));
  const found = (kind: string, { metadata }: KubeObject): FoundOperator => {
    const { name, namespace = '', annotations, labels } = metadata;
    const release = labels?.[managedByLabel] === 'Helm' ? (annotations?.[releaseName] ?? name) : undefined;
    return {
      namespace,
      object: `${kind} ${namespace}/${name}`,
      ...(release === undefined ? {} : { release }),
      hasRights: withRights.has(namespace),
    };
  };
  return [
    ...deployments.items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map((deployment) => found('Deployment', deployment)),
    ...accounts.flatMap((account) => (account ? [found('ServiceAccount', account)] : [])),
    ...held.map((lease) => found('Lease', lease)),
  ];
}

/** Excludes Leases in namespaces that are being deleted: these Leases disappear soon, and can no longer be renewed. */
async function inLivingNamespaces(
  client: KubeClient,
  leases: readonly Lease[],
  signal: AbortSignal,
): Promise<readonly Lease[]> {
  const isLiving = async (name: string): Promise<boolean> => {
    const found = await orMissing(client.get<KubeObject>(resources.namespaces, { name }, { signal }));
    return found !== undefined && found.metadata.deletionTimestamp === undefined;
  };
  const living = await Promise.all(leases.map(({ metadata }) => isLiving(metadata.namespace ?? '')));
  return leases.filter((_, index) => living[index]);
}

/** @throws CliError of code CONFLICT when another namespace has an installation */
export function refuseOthers(
  operators: readonly FoundOperator[],
  namespace: string,
  command: 'install' | 'uninstall',
): void {
  const others = operators.filter((operator) => operator.namespace !== namespace);
  const [other] = others;
  if (!other) return;
  throw new CliError('CONFLICT', `Konstellation is installed in the namespace ${other.namespace}`, {
    details: [
      `There: ${others.map(({ object }) => object).join(', ')}.`,
      'A cluster can have only one installation, because the permissions, the admission policies and the trust policy of the operator’s role each name one ServiceAccount.',
    ],
    next: [
      ...(command === 'install' ? [`Use that namespace: kon install --namespace ${other.namespace}`] : []),
      ...new Set(others.map((each) => removalOf(each))),
    ],
  });
}

/** Describes how to remove an operator. */
export function removalOf({ namespace, object, release, hasRights }: FoundOperator): string {
  if (release !== undefined)
    return `Remove what Helm installed there: helm uninstall ${release} --namespace ${namespace}`;
  if (hasRights) return `Remove that installation: kon uninstall --namespace ${namespace}`;
  // An operator without permissions manages no objects, so its namespace can be deleted at once.
  return object.startsWith('Lease ')
    ? `Stop the operator that renews the ${object}, then delete the Lease: kubectl delete lease --namespace ${namespace} ${operatorName}`
    : `Remove the leftover operator, which has no permissions any more: kubectl delete namespace ${namespace}`;
}
