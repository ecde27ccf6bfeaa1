/** Gathers what the planner looks at, by reads alone: from the API server and from IAM, with a person's own rights. */
import type { LinkedServiceAccount } from '../../api/linked-service-account.ts';
import { accountLabel } from '../../api/labels.ts';
import {
  accountLabelValue,
  accountRoleNames,
  type AccountWorld,
  type ClusterFacts,
  type RoleBelief,
  type RoleStore,
  type TargetObservation,
} from '../../identity/index.ts';
import { resources, type KubeClient, type KubeObject } from '../../kube/index.ts';
import { targetObservation, type Namespace } from '../../operator/accounts/target-observation.ts';
import { trimServiceAccount } from '../../operator/context.ts';
import type { Pod } from '../../workloads/index.ts';

export async function observeAccount(
  account: LinkedServiceAccount,
  of: {
    readonly facts: ClusterFacts;
    readonly client: KubeClient;
    readonly roles: RoleStore;
    readonly now: number;
    readonly signal: AbortSignal;
  },
): Promise<AccountWorld> {
  const { facts, client, signal } = of;
  const [targets, roles] = await Promise.all([
    observeTargets(account, facts, client, signal),
    readRoles(accountRoleNames(account, facts), of.roles, signal),
  ]);
  return {
    now: of.now,
    account,
    cluster: { ok: true, facts },
    targets,
    roles,
    failures: new Map(),
    proofs: new Map(),
  };
}

async function observeTargets(
  account: LinkedServiceAccount,
  facts: ClusterFacts,
  client: KubeClient,
  signal: AbortSignal,
): Promise<readonly TargetObservation[]> {
  const { name } = account.metadata;
  const [namespaces, serviceAccounts, pods] = await Promise.all([
    client.list<Namespace>(resources.namespaces, { signal }),
    client.list(resources.serviceAccounts, { fieldSelector: `metadata.name=${name}`, signal }),
    client.list<Pod & KubeObject>(resources.pods, {
      fieldSelector: `spec.serviceAccountName=${name}`,
      signal,
    }),
  ]);
  const linked = serviceAccounts.items
    .filter((object) => object.metadata.labels?.[accountLabel] === accountLabelValue(name))
    .map((object) => object.metadata.namespace ?? '');
  const names = new Set([...facts.targets, ...(account.spec.targets ?? []), ...linked]);
  return [...names].map((target) => {
    const serviceAccount = serviceAccounts.items.find((object) => object.metadata.namespace === target);
    return targetObservation({
      target,
      account: name,
      namespace: namespaces.items.find((namespace) => namespace.metadata.name === target),
      serviceAccount: serviceAccount && trimServiceAccount(serviceAccount),
      pods: pods.items.filter((pod) => pod.metadata.namespace === target),
    });
  });
}

async function readRoles(
  names: readonly string[],
  store: RoleStore,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, RoleBelief>> {
  const read = names.map(async (name): Promise<[string, RoleBelief]> => [
    name,
    { role: (await store.read(name, signal)) ?? null, source: 'read' },
  ]);
  return new Map(await Promise.all(read));
}
