/**
 * Reads, from the API server and AWS, the state that the planner needs. The reads use the permissions of the user.
 * Writes nothing.
 */
import type { LinkedServiceAccount } from '../../../../api/linked-service-account.ts';
import type { Quarantine } from '../../../../api/quarantine.ts';
import { quarantines } from '../../../../api/resources.ts';
import { accountLabel, restartLabel } from '../../../../api/labels.ts';
import {
  accountLabelValue,
  accountRoleNames,
  proofsFromStatus,
  IdentityError,
  isManaged,
  wantedMode,
  type AccountWorld,
  type CachedAssociation,
  type AssociationStore,
  type ClusterFacts,
  type CachedRole,
  type RoleStore,
  type TargetObservation,
} from '../../../../identity/index.ts';
import { resources, type KubeClient, type KubeObject } from '../../../../kube/index.ts';
import {
  quarantinesOf,
  roleHolders,
  targetNames,
  targetObservation,
} from '../../../../operator/account/target-observation.ts';
import { trimServiceAccount, type Namespace } from '../../../../operator/context.ts';
import { lookUpAgents } from '../../../cluster/agents.ts';
import { unlessDenied } from '../../../framework/denied.ts';
import { podsWithServiceAccount } from '../../../pods/account-pods.ts';
import { rolesHeld, type AgentLookup, type Pod, type Workload } from '../../../../workloads/index.ts';
import type { Monotonic, Wall } from '../../../../k8s/time.ts';
import { replacedPods } from './changes.ts';

type Sources = {
  readonly facts: ClusterFacts;
  readonly client: KubeClient;
  readonly roles: RoleStore;
  readonly associations: AssociationStore;
  readonly signal: AbortSignal;
};

export async function observeAccount(
  account: LinkedServiceAccount,
  of: Sources & {
    readonly now: Monotonic;
    readonly date: Wall;
    readonly admittedSince: Wall | undefined;
  },
): Promise<AccountWorld> {
  const { facts, client, signal } = of;
  const [associations, roles] = await Promise.all([readAssociations(account, of), readRoles(account, of)]);
  const targets = await observeTargets(account, associations, of);
  const { items } = await client.list<Quarantine>(quarantines, { signal });
  return {
    now: of.now,
    date: of.date,
    account,
    ...(of.admittedSince === undefined ? {} : { admittedSince: of.admittedSince }),
    cluster: { ok: true, facts },
    quarantines: quarantinesOf(items.filter(({ spec }) => spec.account === account.metadata.name)),
    targets,
    roles,
    associations,
    holders: await observeHolders(account, roles, of),
    failures: new Map(),
    proofs: proofsFromStatus(account, of.now),
    lastSynced: new Map(),
  };
}

/** Returns, as `namespace/name`, the account's pods that the operator replaces when their identity changes. */
export async function observeReplacedPods(
  account: string,
  client: KubeClient,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const [pods, ...labelled] = await Promise.all([
    podsWithServiceAccount(client, account, { signal }),
    ...[resources.deployments, resources.statefulSets, resources.daemonSets].map((resource) =>
      client.list<Workload & KubeObject>(resource, { labelSelector: `${restartLabel}=true`, signal }),
    ),
  ]);
  return replacedPods(
    pods,
    labelled.flatMap(({ items }) => items),
  );
}

/**
 * Finds the pods that hold the role that the account adopts. Lists the pods of all namespaces only if the account
 * adopts a role.
 */
async function observeHolders(
  { spec: { aws } }: LinkedServiceAccount,
  roles: ReadonlyMap<string, CachedRole>,
  { client, signal }: Sources,
): Promise<AccountWorld['holders']> {
  const role = aws.adopt === true ? roles.get(aws.roleName ?? '')?.role : undefined;
  if (!role || isManaged(role.tags)) return [];
  const pods = await client.list<Pod & KubeObject>(resources.pods, { signal });
  return roleHolders(pods.items.filter((pod) => rolesHeld(pod).includes(role.arn)));
}

async function observeTargets(
  account: LinkedServiceAccount,
  associations: ReadonlyMap<string, CachedAssociation>,
  { facts, client, signal }: Sources,
): Promise<readonly TargetObservation[]> {
  const { name } = account.metadata;
  const [namespaces, serviceAccounts, pods] = await Promise.all([
    client.list<Namespace>(resources.namespaces, { signal }),
    client.list(resources.serviceAccounts, { fieldSelector: `metadata.name=${name}`, signal }),
    podsWithServiceAccount(client, name, { signal }),
  ]);
  const linked = serviceAccounts.items
    .filter((object) => object.metadata.labels?.[accountLabel] === accountLabelValue(name))
    .map((object) => object.metadata.namespace ?? '');
  const agents = (await unlessDenied(lookUpAgents(client, pods, signal))) ?? assumedAgents;
  const names = targetNames({
    account,
    clusterTargets: facts.targets,
    linked,
    associated: associations.keys(),
  });
  return [...names].map((target) => {
    const serviceAccount = serviceAccounts.items.find((object) => object.metadata.namespace === target);
    return targetObservation({
      target,
      account: name,
      namespace: namespaces.items.find((namespace) => namespace.metadata.name === target),
      serviceAccount: serviceAccount && trimServiceAccount(serviceAccount),
      pods: pods.filter((pod) => pod.metadata.namespace === target),
      association: associations.get(target),
      // Assumes that pods have been replaced, because the plan also contains the steps that the operator delays until
      // the pods are replaced.
      isReplaced: () => true,
      agents,
    });
  });
}

/** Used if the user is not permitted to read nodes. Assumes that every node has a Pod Identity agent. */
const assumedAgents: AgentLookup = { agentsOn: () => [], nodeOf: () => ({ computeType: 'auto' }) };

async function readRoles(
  account: LinkedServiceAccount,
  { facts, roles, signal }: Sources,
): Promise<ReadonlyMap<string, CachedRole>> {
  const read = accountRoleNames(account, facts).map(async (name): Promise<[string, CachedRole]> => [
    name,
    { role: (await roles.read(name, signal)) ?? null, source: 'read' },
  ]);
  return new Map(await Promise.all(read));
}

/** Returns the associations of the account's ServiceAccount, keyed by namespace, with all details from EKS. */
async function readAssociations(
  account: LinkedServiceAccount,
  { facts, associations: store, signal }: Sources,
): Promise<ReadonlyMap<string, CachedAssociation>> {
  const { name } = account.metadata;
  try {
    const { associations } = await store.list(signal);
    const read = associations
      .filter(({ serviceAccount }) => serviceAccount === name)
      .map(async (listed): Promise<[string, CachedAssociation]> => [
        listed.namespace,
        { association: (await store.read(listed, signal, listed.id)) ?? null, source: 'read' },
      ]);
    return new Map(await Promise.all(read));
  } catch (error) {
    // An account that uses IRSA needs no associations. Its plan therefore also works on a cluster outside EKS, and
    // without permission to read EKS.
    const isBeside =
      error instanceof IdentityError && (error.code === 'AccessDenied' || error.code === 'ClusterUnknown');
    if (isBeside && wantedMode(account, facts) === 'IRSA') return new Map();
    throw error;
  }
}
