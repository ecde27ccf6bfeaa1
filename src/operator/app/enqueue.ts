/** Which changes in the cluster concern which Apps. */
import { appLabel, type App } from '../../api/index.ts';
import type { Controller, KubeObject } from '../../kube/index.ts';
import type { Informers } from '../context.ts';
import type { AppObjects } from '../observed-state/app-objects.ts';

/** A person's edit goes before everything that merely follows from something else. */
const editPriority = 10;

/** Pods come and go in bursts; they are looked at together. Milliseconds. */
const podDelayMs = 250;

export function enqueueOnChanges(
  controller: Pick<Controller, 'enqueue'>,
  informers: Informers,
  objects: AppObjects,
): void {
  const enqueueWhere = (concerns: (app: App) => boolean): void => {
    for (const app of informers.apps.store.list()) if (concerns(app)) controller.enqueue(app.metadata.name);
  };
  informers.apps.onChange((change) => {
    const edited = change.old?.metadata.generation !== change.new?.metadata.generation;
    controller.enqueue(change.key, edited ? { priority: editPriority } : {});
    // Its address may have become another one, or there is one now.
    if (edited)
      enqueueWhere((app) => app.spec.dependencies?.some(({ name }) => name === change.key) ?? false);
  });
  informers.accounts.onChange((change) => enqueueWhere((app) => app.spec.serviceAccount === change.key));
  informers.clusterConfigs.onChange(() => enqueueWhere(() => true));
  informers.namespaces.onChange((change) => {
    if (isGoing(change.old) === isGoing(change.new)) return;
    enqueueWhere((app) => app.spec.targets.some((target) => target.name === change.key));
  });
  // An object that has lost our label is reported as gone: what it was tells whose it is.
  objects.onChange((change) => enqueueByLabel(controller, change.new ?? change.old));
  informers.pods.onChange((change) =>
    enqueueByLabel(controller, change.new ?? change.old, { afterMs: podDelayMs }),
  );
}

function enqueueByLabel(
  controller: Pick<Controller, 'enqueue'>,
  object: { readonly metadata: { readonly labels?: Readonly<Record<string, string>> } } | undefined,
  options: { readonly afterMs?: number } = {},
): void {
  const app = object?.metadata.labels?.[appLabel];
  if (app !== undefined) controller.enqueue(app, options);
}

/** Undefined when there is no such namespace. */
function isGoing(namespace: KubeObject | undefined): boolean | undefined {
  return namespace && namespace.metadata.deletionTimestamp !== undefined;
}
