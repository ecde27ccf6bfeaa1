/** Enqueues the accounts that a change in the cluster concerns. */
import { targetLabel, type LinkedServiceAccount } from '../../api/index.ts';
import { roleNameOf } from '../../identity/index.ts';
import type { EnqueueOptions } from '../../kube/index.ts';
import { isAgent, rolesHeld, serviceAccountOf } from '../../workloads/index.ts';
import { podsByNode, type Informers } from '../context.ts';
import type { ObservedState } from '../observed-state/index.ts';
import { priorities } from './priority.ts';

/**
 * Delay in milliseconds after a namespace gets the target label. The API server needs this time until its admission
 * policies see the label.
 */
const labelDelayMs = 250;

/**
 * Delay in milliseconds after a change of a pod. Pods come and go in bursts, and the delay lets one reconcile observe a
 * whole burst.
 */
const podDelayMs = 500;

export function enqueueOnChange(of: {
  readonly informers: Informers;
  readonly observed: ObservedState;
  readonly enqueue: (account: string, options?: EnqueueOptions) => void;
  /** Called for a changed account before the account is enqueued. */
  readonly onAccountChange: (
    name: string,
    account: LinkedServiceAccount | undefined,
    isEdited: boolean,
  ) => void;
  readonly onTargetOpened: (account: string, target: string) => void;
}): void {
  const { informers, observed, enqueue } = of;
  const enqueueKnown = (name: string, options?: EnqueueOptions): void => {
    if (informers.accounts.store.get(name)) enqueue(name, options);
  };

  informers.accounts.onChange((change) => {
    const isEdited = change.old?.metadata.generation !== change.new?.metadata.generation;
    // The reconcile that wrote this change has already observed the change.
    if (!isEdited && observed.accounts.isOwn(change)) return;
    of.onAccountChange(change.key, change.new, isEdited);
    const priority = !change.old ? priorities.created : isEdited ? priorities.edited : 0;
    enqueue(change.key, { priority });
  });
  informers.clusterConfigs.onChange(() => {
    for (const key of informers.accounts.store.keys()) enqueue(key);
  });
  informers.quarantines.onChange((change) => {
    const name = (change.new ?? change.old)?.spec.account;
    if (name !== undefined) enqueueKnown(name, { priority: priorities.edited });
  });
  informers.namespaces.onChange((change) => {
    const phase = (namespace: typeof change.new): string | undefined =>
      namespace && `${namespace.status?.phase} ${namespace.metadata.deletionTimestamp ?? ''}`;
    const isLabelled = (namespace: typeof change.new): boolean =>
      namespace?.metadata.labels?.[targetLabel] !== undefined;
    const opened = isLabelled(change.new) && !isLabelled(change.old);
    if (phase(change.old) === phase(change.new) && !opened) return;
    for (const { metadata, spec } of informers.accounts.store.list()) {
      if (spec.targets?.includes(change.key) === false) continue;
      if (opened) of.onTargetOpened(metadata.name, change.key);
      enqueue(metadata.name, opened ? { afterMs: labelDelayMs } : {});
    }
  });
  informers.serviceAccounts.onChange((change) => {
    const name = (change.new ?? change.old)?.metadata.name;
    if (name !== undefined && !observed.serviceAccounts.isOwn(change)) enqueueKnown(name);
  });
  informers.pods.onChange((change) => {
    const pod = change.new ?? change.old;
    if (!pod) return;
    const { nodeName } = pod.spec ?? {};
    if (isAgent(pod) && nodeName !== undefined) {
      // A change of the agent affects the pods on its node that use Pod Identity.
      for (const served of informers.pods.store.byIndex(podsByNode, nodeName))
        enqueueKnown(serviceAccountOf(served), { afterMs: podDelayMs });
      return;
    }
    // An account may wait to adopt a role until no pod of any ServiceAccount holds the role. A change of a pod
    // therefore also enqueues the accounts of the roles that the pod holds.
    const holding = rolesHeld(pod).flatMap((arn) => [...observed.roles.concernedBy(roleNameOf(arn))]);
    for (const name of new Set([serviceAccountOf(pod), ...holding]))
      enqueueKnown(name, { afterMs: podDelayMs });
  });
}
