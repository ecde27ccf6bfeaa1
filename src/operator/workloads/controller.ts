/** Passes on the turn: whatever changes among the workloads of an account, those are looked at whose turn it changes. */
import { appLabel } from '../../api/index.ts';
import { createController, type Controller, type KubeObject } from '../../kube/index.ts';
import { deployedAccount, serviceAccountOf } from '../../workloads/index.ts';
import type { OperatorContext } from '../context.ts';
import type { Fleet } from './fleet.ts';

/** Pods come and go in bursts; they are looked at together. Milliseconds. */
const podDelayMs = 100;

export type TurnControllerOptions = {
  readonly fleet: Fleet;
  readonly lookAtApp: (name: string) => void;
};

/** Its keys are names of accounts. */
export function createTurnController(context: OperatorContext, options: TurnControllerOptions): Controller {
  const { informers } = context;
  const { fleet } = options;
  const controller = createController({
    name: 'turns',
    reconcile: async (account) => {
      for (const app of fleet.changedApps(account)) options.lookAtApp(app);
      return undefined;
    },
    concurrency: 1,
    now: context.monotonic,
    random: context.random,
    setTimer: context.setTimer,
    logger: context.logger,
  });

  const enqueue = (account: string | undefined, afterMs = 0): void => {
    if (account !== undefined && informers.accounts.store.get(account))
      controller.enqueue(account, { afterMs });
  };
  const accountOfApp = (object: KubeObject): string | undefined =>
    informers.apps.store.get(object.metadata.labels?.[appLabel] ?? '')?.spec.serviceAccount;
  const enqueueAll = (): void => {
    for (const account of informers.accounts.store.keys()) enqueue(account);
  };

  informers.apps.onChange(({ old, new: present }) => {
    for (const account of new Set([old?.spec.serviceAccount, present?.spec.serviceAccount])) enqueue(account);
  });
  informers.accounts.onChange(({ key }) => enqueue(key));
  informers.clusterConfigs.onChange(enqueueAll);
  informers.namespaces.onChange(({ old, new: present }) => {
    if (old?.metadata.deletionTimestamp !== present?.metadata.deletionTimestamp || !old || !present)
      enqueueAll();
  });
  informers.deployments.onChange(({ old, new: present }) => {
    for (const object of [old, present])
      if (object) for (const account of [deployedAccount(object), accountOfApp(object)]) enqueue(account);
  });
  informers.pods.onChange(({ old, new: present }) => {
    const pod = present ?? old;
    if (pod) for (const account of [serviceAccountOf(pod), accountOfApp(pod)]) enqueue(account, podDelayMs);
  });
  return controller;
}
