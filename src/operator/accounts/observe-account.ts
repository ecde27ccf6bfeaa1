/** Gathers all that the planner looks at. The only reader of stores and memories on the account's behalf. */
import {
  accountLabel,
  appLabel,
  audienceAnnotation,
  createdAnnotation,
  roleArnAnnotation,
  stsAudience,
  type LinkedServiceAccount,
} from '../../api/index.ts';
import {
  accountLabelValue,
  accountRoleNames,
  clusterState,
  type AccountUser,
  type AccountWorld,
  type ObservedServiceAccount,
  type RoleBelief,
  type TargetObservation,
} from '../../identity/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import { countPods, isRunning, type Pod } from '../../workloads/index.ts';
import {
  podsByServiceAccount,
  roleArnManagerOf,
  serviceAccountsByAccount,
  type Informers,
} from '../context.ts';
import type { OwnWrites } from '../own-writes.ts';
import type { AccountMemory } from './account-memory.ts';
import type { RoleBeliefs } from './role-beliefs.ts';

export type AccountSources = {
  readonly informers: Informers;
  readonly accounts: OwnWrites<LinkedServiceAccount>;
  readonly serviceAccounts: OwnWrites<KubeObject>;
  readonly beliefs: RoleBeliefs;
  readonly now: () => number;
};

/** Undefined when there is no such account. */
export function observeAccount(
  name: string,
  sources: AccountSources,
  memory: AccountMemory,
): AccountWorld | undefined {
  const account = sources.accounts.get(name);
  if (!account) return undefined;
  const cluster = clusterState(sources.informers.clusterConfigs.store.list());
  const clusterTargets = cluster.ok ? cluster.facts.targets : [];
  const linked = sources.informers.serviceAccounts.store
    .byIndex(serviceAccountsByAccount, accountLabelValue(name))
    .filter((object) => object.metadata.name === name)
    .map((object) => object.metadata.namespace ?? '');
  const targets = new Set([...clusterTargets, ...(account.spec.targets ?? []), ...linked]);
  const roles = cluster.ok
    ? sources.beliefs.forAccount({
        clusterArn: cluster.facts.clusterArn,
        account: name,
        names: accountRoleNames(account, cluster.facts),
      })
    : new Map<string, RoleBelief>();
  return {
    now: sources.now(),
    account,
    cluster,
    targets: [...targets].map((target) => observeTarget(target, name, sources)),
    roles,
    failures: memory.failures,
    proofs: memory.proofs,
  };
}

function observeTarget(target: string, account: string, sources: AccountSources): TargetObservation {
  const namespace = sources.informers.namespaces.store.get(target);
  const object = sources.serviceAccounts.get(`${target}/${account}`);
  const serviceAccount = object ? observeServiceAccount(object) : undefined;
  const pods = sources.informers.pods.store
    .byIndex(podsByServiceAccount, `${target}/${account}`)
    .filter(isRunning);
  // A pod of a ServiceAccount that is not ours uses that one, not this account.
  const ours = serviceAccount?.account === accountLabelValue(account);
  const carried = ours ? serviceAccount?.roleArn : undefined;
  return {
    name: target,
    namespace: !namespace ? 'missing' : isTerminating(namespace) ? 'terminating' : 'present',
    ...(serviceAccount ? { serviceAccount } : {}),
    users: ours ? pods.map(describeUser) : [],
    pods:
      carried === undefined
        ? { current: 0, stale: 0, uninjected: 0 }
        : countPods(pods, { roleArn: carried, audience: serviceAccount?.audience ?? stsAudience }),
  };
}

function observeServiceAccount(object: KubeObject): ObservedServiceAccount {
  const { uid = '', resourceVersion = '', labels = {}, annotations = {} } = object.metadata;
  const account = labels[accountLabel];
  const roleArn = annotations[roleArnAnnotation];
  const audience = annotations[audienceAnnotation];
  const roleArnManager = roleArnManagerOf(object);
  return {
    uid,
    resourceVersion,
    created: annotations[createdAnnotation] !== undefined,
    ...(account === undefined ? {} : { account }),
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(roleArnManager === undefined ? {} : { roleArnManager }),
    ...(audience === undefined ? {} : { audience }),
  };
}

function isTerminating(namespace: KubeObject & { readonly status?: { readonly phase?: string } }): boolean {
  return namespace.metadata.deletionTimestamp !== undefined || namespace.status?.phase === 'Terminating';
}

function describeUser(pod: Pod): AccountUser {
  const app = pod.metadata.labels?.[appLabel];
  if (app !== undefined) return { pod: pod.metadata.name, workload: `app ${app}` };
  const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller);
  return { pod: pod.metadata.name, ...(owner ? { workload: `${owner.kind}/${owner.name}` } : {}) };
}
