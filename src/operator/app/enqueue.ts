/** Enqueues the Apps that a change in the cluster concerns. */
import { appLabel, type App } from '../../api/index.ts';
import type { Controller, KubeObject } from '../../kube/index.ts';
import type { Informers } from '../context.ts';
import type { AppObjects } from '../observed-state/app-objects.ts';
import type { DryRunBackoff } from '../rollout/dry-run-backoff.ts';

/** Priority of Apps that a person edited. Reconciles that follow from other changes have priority 0. */
const editPriority = 10;

/**
 * Delay in milliseconds after a change of a pod. Pods change in bursts, and the delay lets one reconcile observe a
 * whole burst.
 */
const podBurstDelayMs = 250;

export function enqueueOnChanges(
  controller: Pick<Controller, 'enqueue'>,
  informers: Informers,
  objects: AppObjects,
  backoff: DryRunBackoff,
): void {
  const enqueue = (
    app: string | undefined,
    options: { readonly afterMs?: number; readonly priority?: number } = {},
  ): void => {
    if (app === undefined) return;
    backoff.reset(app);
    controller.enqueue(app, options);
  };
  const enqueueWhere = (concerns: (app: App) => boolean): void => {
    for (const app of informers.apps.store.list()) if (concerns(app)) enqueue(app.metadata.name);
  };
  informers.apps.onChange((change) => {
    const edited = change.old?.metadata.generation !== change.new?.metadata.generation;
    if (!edited) return controller.enqueue(change.key);
    enqueue(change.key, { priority: editPriority });
    // Apps that depend on the changed App are enqueued too, since the address of the changed App may be new or
    // different.
    enqueueWhere((app) => app.spec.dependencies?.some(({ name }) => name === change.key) ?? false);
  });
  informers.accounts.onChange((change) => enqueueWhere((app) => app.spec.serviceAccount === change.key));
  informers.serviceAccounts.onChange((change) => {
    const { name, namespace } = (change.new ?? change.old)?.metadata ?? {};
    enqueueWhere(
      ({ spec }) => spec.serviceAccount === name && spec.targets.some((target) => target.name === namespace),
    );
  });
  informers.clusterConfigs.onChange(() => enqueueWhere(() => true));
  informers.namespaces.onChange((change) => {
    if (isBeingDeleted(change.old) === isBeingDeleted(change.new)) return;
    enqueueWhere((app) => app.spec.targets.some((target) => target.name === change.key));
  });
  // When an object loses the app label, the watch reports a deletion. The object's last state, `change.old`, still
  // names the App.
  objects.onChange((change) => enqueue(appOf(change.new ?? change.old)));
  informers.pods.onChange((change) => enqueue(appOf(change.new ?? change.old), { afterMs: podBurstDelayMs }));
}

function appOf(object: Pick<KubeObject, 'metadata'> | undefined): string | undefined {
  return object?.metadata.labels?.[appLabel];
}

/** Whether the namespace is being deleted. Undefined if the namespace does not exist. */
function isBeingDeleted(namespace: KubeObject | undefined): boolean | undefined {
  return namespace && namespace.metadata.deletionTimestamp !== undefined;
}
