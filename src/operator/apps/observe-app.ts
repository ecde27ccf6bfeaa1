/** Gathers all that the planner looks at. The only reader of stores on the App's behalf. */
import type { App } from '../../api/index.ts';
import { effectiveConfig } from '../../identity/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import type { AppObservation } from '../../workloads/index.ts';
import { podsByApp, type Informers } from '../context.ts';
import type { OwnWrites } from '../own-writes.ts';
import type { AppObjects } from './app-objects.ts';

export type AppSources = {
  readonly informers: Informers;
  readonly apps: OwnWrites<App>;
  readonly objects: AppObjects;
};

/** Undefined when there is no such App. */
export function observeApp(name: string, sources: AppSources): AppObservation | undefined {
  const { informers } = sources;
  const app = sources.apps.get(name);
  if (!app) return undefined;
  const { serviceAccount } = app.spec;
  return {
    app,
    account: serviceAccount === undefined ? undefined : informers.accounts.store.get(serviceAccount),
    knownTargets: new Set(effectiveConfig(informers.clusterConfigs.store.list())?.spec.targets),
    namespaces: new Map(
      informers.namespaces.store
        .list()
        .map((namespace) => [namespace.metadata.name, isTerminating(namespace) ? 'terminating' : 'present']),
    ),
    objects: sources.objects.list(name),
    pods: informers.pods.store.byIndex(podsByApp, name),
  };
}

function isTerminating(namespace: KubeObject & { readonly status?: { readonly phase?: string } }): boolean {
  return namespace.metadata.deletionTimestamp !== undefined || namespace.status?.phase === 'Terminating';
}
