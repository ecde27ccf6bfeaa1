/** Observes an account: gathers the planner's input from the stores, the observed state and the `AccountMemory`. */
import {
  accountLabelValue,
  accountRoleNames,
  clusterState,
  type AccountWorld,
  type CachedAssociation,
  type CachedRole,
  type TargetObservation,
} from '../../identity/index.ts';
import {
  podsByNode,
  podsByRole,
  podsByServiceAccount,
  quarantinesByAccount,
  serviceAccountsByAccount,
  type OperatorContext,
} from '../context.ts';
import { isAgent } from '../../workloads/index.ts';
import { defined } from '../../k8s/defined.ts';
import type { ObservedState } from '../observed-state/index.ts';
import type { AccountRollouts } from '../rollout/observe.ts';
import type { AccountMemory } from './account-memory.ts';
import { quarantinesOf, roleHolders, targetNames, targetObservation } from './target-observation.ts';

export type AccountSources = Pick<
  OperatorContext,
  'informers' | 'monotonic' | 'now' | 'operatorNamespace' | 'admittedSince'
> & {
  readonly observed: ObservedState;
  readonly rolloutsOf: (account: string) => AccountRollouts;
};

/** Returns the planner's input, or undefined if the account does not exist. */
export function observeAccount(
  name: string,
  sources: AccountSources,
  memory: AccountMemory,
): AccountWorld | undefined {
  const { informers, observed } = sources;
  const account = observed.accounts.get(name);
  if (!account) return undefined;
  const cluster = clusterState(informers.clusterConfigs.store.list(), sources.operatorNamespace);
  const linked = informers.serviceAccounts.store
    .byIndex(serviceAccountsByAccount, accountLabelValue(name))
    .filter((object) => object.metadata.name === name)
    .map((object) => object.metadata.namespace ?? '');
  // Namespaces of ServiceAccounts that this process has just written and that the watch has not reported yet. Some of
  // these namespaces may no longer be targets.
  const justLinked = observed.serviceAccounts
    .recentOf(name)
    .filter((key) => observed.serviceAccounts.get(key) !== undefined)
    .map((key) => key.slice(0, -name.length - 1));
  const targets = targetNames({
    account,
    clusterTargets: cluster.ok ? cluster.facts.targets : [],
    linked: [...linked, ...justLinked],
    associated: observed.associations.namespacesOf(name),
  });
  const associations = observed.associations.of(name, targets);
  const roles = cluster.ok
    ? observed.roles.forAccount({
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
    now: sources.monotonic(),
    date: sources.now(),
    account,
    cluster,
    quarantines: quarantinesOf(informers.quarantines.store.byIndex(quarantinesByAccount, name)),
    targets: [...targets].map((target) =>
      observeTarget(target, name, sources, isReplaced, associations.get(target)),
    ),
    roles,
    associations,
    holders: adoptee === undefined ? [] : roleHolders(informers.pods.store.byIndex(podsByRole, adoptee)),
    failures: memory.failures,
    proofs: memory.proofs,
    lastSynced: memory.lastSynced,
    ...defined({ admittedSince: sources.admittedSince?.(), rolloutBlocker, unsettledWorkload }),
  };
}

function observeTarget(
  target: string,
  account: string,
  sources: AccountSources,
  isReplaced: AccountRollouts['isReplaced'],
  association: CachedAssociation | undefined,
): TargetObservation {
  const { informers, observed } = sources;
  return targetObservation({
    target,
    account,
    namespace: informers.namespaces.store.get(target),
    serviceAccount: observed.serviceAccounts.get(`${target}/${account}`),
    pods: informers.pods.store.byIndex(podsByServiceAccount, `${target}/${account}`),
    association,
    isReplaced,
    agents: {
      agentsOn: (node) => informers.pods.store.byIndex(podsByNode, node).filter(isAgent),
      nodeOf: (name) => observed.nodes.get(name),
    },
  });
}
