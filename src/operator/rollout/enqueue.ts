/** Enqueues the accounts whose workloads are affected by a change in the cluster. */
import { appLabel } from '../../api/index.ts';
import type { Controller, KubeObject } from '../../kube/index.ts';
import { deployedAccount, serviceAccountOf } from '../../workloads/index.ts';
import type { Informers } from '../context.ts';
import type { DryRunBackoff } from './dry-run-backoff.ts';
import type { LabelledWorkloads } from './labelled-workloads.ts';

/**
 * Delay in milliseconds after a change of a pod. The pods of a rollout change in bursts, and the delay lets the rollout
 * slots be assigned once per burst.
 */
const slotDelayMs = 100;

export function enqueueOnChanges(
  controller: Pick<Controller, 'enqueue'>,
  informers: Informers,
  labelled: LabelledWorkloads,
  backoff: DryRunBackoff,
): void {
  const enqueue = (account: string | undefined, afterMs = 0): void => {
    if (account === undefined || !informers.accounts.store.get(account)) return;
    backoff.reset(account);
    controller.enqueue(account, { afterMs });
  };
  const accountOfApp = ({ metadata }: KubeObject): string | undefined =>
    informers.apps.store.get(metadata.labels?.[appLabel] ?? '')?.spec.serviceAccount;
  const enqueueAll = (): void => {
    for (const account of informers.accounts.store.keys()) enqueue(account);
  };

  informers.apps.onChange(({ old, new: present }) => {
    for (const account of new Set([old?.spec.serviceAccount, present?.spec.serviceAccount])) enqueue(account);
  });
  informers.accounts.onChange(({ key }) => enqueue(key));
  informers.serviceAccounts.onChange(({ old, new: present }) => enqueue((present ?? old)?.metadata.name));
  informers.clusterConfigs.onChange(enqueueAll);
  informers.namespaces.onChange(({ old, new: present }) => {
    if (old?.metadata.deletionTimestamp !== present?.metadata.deletionTimestamp || !old || !present)
      enqueueAll();
  });
  informers.deployments.onChange(({ old, new: present }) => {
    for (const object of [old, present])
      if (object) for (const account of [deployedAccount(object), accountOfApp(object)]) enqueue(account);
  });
  for (const informer of labelled.informers)
    informer.onChange(({ old, new: present }) => {
      for (const object of [old, present]) if (object) enqueue(deployedAccount(object));
    });
  informers.pods.onChange(({ old, new: present }) => {
    const pod = present ?? old;
    if (pod) for (const account of [serviceAccountOf(pod), accountOfApp(pod)]) enqueue(account, slotDelayMs);
  });
}
