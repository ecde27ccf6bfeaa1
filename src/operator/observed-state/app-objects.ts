/** The kinds of objects that Apps make: watched by our label, and read with our own latest writes on top. */
import { appLabel, type App } from '../../api/index.ts';
import type { Change, Informer, KubeObject, Resource } from '../../kube/index.ts';
import type { Manifest, ObservedObject } from '../../workloads/index.ts';
import { configMapsByApp, type OperatorContext } from '../context.ts';
import { createWriteThroughCache, type WriteThroughCache } from './write-through-cache.ts';

type Kind = {
  readonly resource: Resource;
  readonly informer: Informer<KubeObject>;
  readonly writes: WriteThroughCache<KubeObject>;
};

export type AppObjects = {
  /** Objects of an App in any namespace: those under the App's own name, and its ConfigMaps. */
  list(app: string): readonly ObservedObject[];
  /** The Deployments of an App on its targets. */
  deployments(app: App): readonly ObservedObject[];
  resourceOf(object: { readonly kind: string }): Resource;
  wrote(object: KubeObject): void;
  deleted(object: ObservedObject): void;
  /** Milliseconds until what we wrote of the App and have not seen yet has to be looked at again; absent when all was seen. */
  unseenForMs(app: string): number | undefined;
  onChange(listener: (change: Change<KubeObject>) => void): void;
};

export function createAppObjects(context: OperatorContext): AppObjects {
  const { informers, monotonic: now } = context;
  const watched: readonly Informer<KubeObject>[] = [
    informers.configMaps,
    informers.services,
    informers.podDisruptionBudgets,
    informers.horizontalPodAutoscalers,
    informers.ingresses,
    informers.deployments,
  ];
  const kinds = new Map<string, Kind>(
    watched.map((informer) => [
      informer.resource.kind,
      { resource: informer.resource, informer, writes: createWriteThroughCache<KubeObject>(informer, now) },
    ]),
  );
  const kindOf = ({ kind }: { readonly kind: string }): Kind => {
    const found = kinds.get(kind);
    if (!found) throw new TypeError(`Apps make no ${kind}`);
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
    list: (app) => [
      ...configMapsOf(app),
      ...informers.namespaces.store
        .keys()
        .flatMap((namespace) =>
          [...kinds.values()]
            .filter(({ writes }) => writes !== configMaps)
            .flatMap(({ writes }) => writes.get(`${namespace}/${app}`) ?? []),
        ),
    ],
    deployments: ({ metadata, spec }) =>
      spec.targets.flatMap(
        ({ name }) => kindOf({ kind: 'Deployment' }).writes.get(`${name}/${metadata.name}`) ?? [],
      ),
    resourceOf: (object) => kindOf(object).resource,
    wrote: (object) => kindOf(object).writes.wrote(keyOf(object), object),
    deleted: (object) => kindOf(object).writes.deleted(keyOf(object), object),
    unseenForMs(app) {
      const times = [...kinds.values()].flatMap(({ writes }) => {
        const keys = writes === configMaps ? configMapsOf(app).map(keyOf) : writes.recentOf(app);
        return writes.unseenForMs(keys) ?? [];
      });
      return times.length === 0 ? undefined : Math.min(...times);
    },
    onChange(listener) {
      for (const { informer } of kinds.values()) informer.onChange(listener);
    },
  };
}
