/** Gathers all that the planner looks at. The only reader of stores and memories on the account's behalf. */
import type { LinkedServiceAccount } from '../../api/index.ts';
import {
  accountLabelValue,
  accountRoleNames,
  clusterState,
  type AccountWorld,
  type CachedAssociation,
  type CachedRole,
  type TargetObservation,
} from '../../identity/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import { podsByRole, podsByServiceAccount, serviceAccountsByAccount, type Informers } from '../context.ts';
import type { WriteThroughCache } from '../observed-state/write-through-cache.ts';
import type { Pod } from '../../workloads/index.ts';
import type { AccountMemory } from './account-memory.ts';
import type { AssociationCache } from '../observed-state/associations.ts';
import type { RoleCache } from '../observed-state/roles.ts';
import { roleHolders, targetObservation } from './target-observation.ts';
import type { Monotonic, Wall } from '../../k8s/time.ts';

/** How the workloads of an account take up its identity. */
export type AccountRollouts = Pick<AccountWorld, 'rolloutBlocker' | 'unsettledWorkload'> & {
  /** Workloads whose pods are replaced when the identity changes. */
  readonly replacing: readonly string[];
  /** Whether the pod is of one of these. */
  readonly isReplaced: (pod: Pod) => boolean;
};

export type AccountSources = {
  readonly informers: Informers;
  readonly accounts: WriteThroughCache<LinkedServiceAccount>;
  readonly serviceAccounts: WriteThroughCache<KubeObject>;
  readonly beliefs: RoleCache;
  readonly associationBeliefs: AssociationCache;
  readonly now: () => Monotonic;
  readonly wallClock: () => Wall;
  readonly rolloutsOf: (account: string) => AccountRollouts;
  readonly operatorNamespace?: string;
  readonly admittedSince?: () => number;
};

/** Undefined when there is no such account. */
export function observeAccount(
  name: string,
  sources: AccountSources,
  memory: AccountMemory,
): AccountWorld | undefined {
  const account = sources.accounts.get(name);
  if (!account) return undefined;
  const cluster = clusterState(sources.informers.clusterConfigs.store.list(), sources.operatorNamespace);
  const clusterTargets = cluster.ok ? cluster.facts.targets : [];
  const linked = sources.informers.serviceAccounts.store
    .byIndex(serviceAccountsByAccount, accountLabelValue(name))
    .filter((object) => object.metadata.name === name)
    .map((object) => object.metadata.namespace ?? '');
  // Where we have just linked it, and no watch tells of that yet, the target may be none any more.
  const justLinked = sources.serviceAccounts
    .recentOf(name)
    .filter((key) => sources.serviceAccounts.get(key) !== undefined)
    .map((key) => key.slice(0, -name.length - 1));
  const targets = new Set([
    ...clusterTargets,
    ...(account.spec.targets ?? []),
    ...linked,
    // A target that drains may have lost its ServiceAccount.
    ...(account.status?.targets ?? []).flatMap((row) => (row.linked ? [row.name] : [])),
    ...justLinked,
    ...sources.associationBeliefs.namespacesOf(name),
  ]);
  const associations = sources.associationBeliefs.of(name, targets);
  const roles = cluster.ok
    ? sources.beliefs.forAccount({
        clusterArn: cluster.facts.clusterArn,
        account: name,
        names: accountRoleNames(account, cluster.facts),
        isLast: account.metadata.deletionTimestamp !== undefined,
      })
    : new Map<string, CachedRole>();
  const { adopt, roleName } = account.spec.aws;
  const adoptee = adopt === true && roleName !== undefined ? roles.get(roleName)?.role?.arn : undefined;
  const { rolloutBlocker, unsettledWorkload, isReplaced } = sources.rolloutsOf(name);
  return {
    now: sources.now(),
    date: sources.wallClock(),
    account,
    ...(sources.admittedSince ? { admittedSince: sources.admittedSince() } : {}),
    cluster,
    targets: [...targets].map((target) =>
      observeTarget(target, name, sources, isReplaced, associations.get(target)),
    ),
    roles,
    associations,
    holders:
      adoptee === undefined ? [] : roleHolders(sources.informers.pods.store.byIndex(podsByRole, adoptee)),
    failures: memory.failures,
    proofs: memory.proofs,
    lastSynced: memory.aims,
    ...(rolloutBlocker ? { rolloutBlocker } : {}),
    ...(unsettledWorkload === undefined ? {} : { unsettledWorkload }),
  };
}

function observeTarget(
  target: string,
  account: string,
  sources: AccountSources,
  isReplaced: AccountRollouts['isReplaced'],
  association: CachedAssociation | undefined,
): TargetObservation {
  const { informers, serviceAccounts } = sources;
  return targetObservation({
    target,
    account,
    namespace: informers.namespaces.store.get(target),
    serviceAccount: serviceAccounts.get(`${target}/${account}`),
    pods: informers.pods.store.byIndex(podsByServiceAccount, `${target}/${account}`),
    association,
    isReplaced,
  });
}
