/** Enqueues the ClusterConfigs that a change in the cluster concerns. */
import { targetLabel, type ClusterConfig } from '../../api/index.ts';
import type { Controller, KubeObject } from '../../kube/index.ts';
import type { Informers } from '../context.ts';
import type { WriteThroughCache } from '../observed-state/write-through-cache.ts';
import { disallowedIn } from './observe.ts';

/**
 * Delay in milliseconds from a change of an account until the accounts with disallowed policies are counted again. A
 * narrower list of allowed policies changes many accounts in a short time, and the delay lets one count cover all of
 * them.
 */
const disallowedDelayMs = 5_000;

/** @param refresh enqueues a key and discards the stored AWS and API server responses */
export function enqueueOnChanges(
  controller: Pick<Controller, 'enqueue'>,
  refresh: (key: string) => void,
  informers: Informers,
  configs: WriteThroughCache<ClusterConfig>,
): void {
  const refreshAll = (): void => informers.clusterConfigs.store.keys().forEach((key) => refresh(key));
  // A status that this process wrote needs no reconcile. A status that another process wrote may be based on facts that
  // this process has not read, so these facts are read again.
  informers.clusterConfigs.onChange((change) => {
    if (change.old?.metadata.generation !== change.new?.metadata.generation || !change.new) refreshAll();
    else if (!configs.isOwn(change)) refresh(change.key);
  });
  informers.accounts.onChange((change) => {
    const count = (account: typeof change.new): number => disallowedIn(account ? [account] : []).policies;
    if (count(change.old) === count(change.new)) return;
    for (const key of informers.clusterConfigs.store.keys())
      controller.enqueue(key, { afterMs: disallowedDelayMs });
  });
  informers.namespaces.onChange((change) => {
    const isTarget = informers.clusterConfigs.store
      .list()
      .some((config) => config.spec.targets.includes(change.key));
    // The label matters because an admission policy denies the operator every write to a target without this label.
    const labelOf = (namespace: KubeObject | undefined): string | undefined =>
      namespace?.metadata.labels?.[targetLabel];
    if (isTarget && (!change.old || !change.new || labelOf(change.old) !== labelOf(change.new))) refreshAll();
  });
}
