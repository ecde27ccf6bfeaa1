/**
 * Observed objects of Apps: for each object with the app label, the state from the watch, or a newer state from a write
 * of this process.
 */
import { appLabel, type App } from '../../api/index.ts';
import type { Change, Informer, KubeObject, Resource } from '../../kube/index.ts';
import type { Manifest, ObservedObject } from '../../workloads/index.ts';
import { configMapsByApp, type OperatorContext } from '../context.ts';
import { createWriteThroughCache } from './write-through-cache.ts';

export type AppObjects = ReturnType<typeof createAppObjects>;

export function createAppObjects(context: OperatorContext) {
  const { informers, monotonic: now } = context;
  const watched: readonly Informer<KubeObject>[] = [
    informers.configMaps,
    informers.services,
    informers.podDisruptionBudgets,
    informers.horizontalPodAutoscalers,
    informers.ingresses,
    informers.deployments,
  ];
  const kinds = new Map(
    watched.map((informer) => [
      informer.resource.kind,
      { informer, writes: createWriteThroughCache<KubeObject>(informer, now) },
    ]),
  );
  const kindOf = ({ kind }: { readonly kind: string }) => {
    const found = kinds.get(kind);
    if (!found) throw new TypeError(`Apps have no objects of the kind ${kind}`);
    return found;
  };
  const keyOf = ({ metadata }: Manifest | ObservedObject | KubeObject): string =>
    `${metadata.namespace ?? ''}/${metadata.name}`;

  const configMaps = kindOf({ kind: 'ConfigMap' }).writes;
  const configMapsOf = (app: string): readonly KubeObject[] => {
    const seen = informers.configMaps.store.byIndex(configMapsByApp, app).map(keyOf);
    return [...new Set([...seen, ...configMaps.recent()])]
      .flatMap((key) => configMaps.get(key) ?? [])
      .filter(({ metadata }) => metadata.labels?.[appLabel] === app);
  };

  return {
    /** Returns all objects of an App: its ConfigMaps, and the objects with the App's name in any namespace. */
    list: (app: string): readonly ObservedObject[] => [
      ...configMapsOf(app),
      ...informers.namespaces.store
        .keys()
        .flatMap((namespace) =>
          [...kinds.values()]
            .filter(({ writes }) => writes !== configMaps)
            .flatMap(({ writes }) => writes.get(`${namespace}/${app}`) ?? []),
        ),
    ],
    /** Returns the Deployments of an App on its targets. */
    deployments: ({ metadata, spec }: App): readonly ObservedObject[] =>
      spec.targets.flatMap(
        ({ name }) => kindOf({ kind: 'Deployment' }).writes.get(`${name}/${metadata.name}`) ?? [],
      ),
    resourceOf: (object: { readonly kind: string }): Resource => kindOf(object).informer.resource,
    wrote: (object: KubeObject): void => kindOf(object).writes.wrote(keyOf(object), object),
    deleted: (object: ObservedObject): void => kindOf(object).writes.deleted(keyOf(object), object),
    /**
     * Returns the milliseconds until the first unseen write to an object of the App reaches its maximum age, or
     * undefined if there is no unseen write. A write is unseen until the informer has reported it.
     */
    unseenForMs(app: string): number | undefined {
      const times = [...kinds.values()].flatMap(({ writes }) => {
        const keys = writes === configMaps ? configMapsOf(app).map(keyOf) : writes.recentOf(app);
        return writes.unseenForMs(keys) ?? [];
      });
      return times.length === 0 ? undefined : Math.min(...times);
    },
    onChange(listener: (change: Change<KubeObject>) => void): void {
      for (const { informer } of kinds.values()) informer.onChange(listener);
    },
  };
}
