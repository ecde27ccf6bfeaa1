/**
 * Watches objects that the installation creates along with the operator: its CRDs, and the admission policies that
 * guard grants.
 */
import { crds, linkedServiceAccounts, schemaVersionAnnotation } from '../api/index.ts';
import { youngestCreation } from '../k8s/admitted.ts';
import type { Wall } from '../k8s/time.ts';
import { grantPolicyNames } from '../rbac/index.ts';
import {
  createInformer,
  resources,
  type Informer,
  type InformerOptions,
  type KubeObject,
} from '../kube/index.ts';

type Sources = Pick<InformerOptions<KubeObject>, 'client' | 'logger' | 'now' | 'random' | 'setTimer'>;

export type InstalledObjects = {
  /** Informers, each of a single object. RBAC rules with `resourceNames` allow only watches of a single name. */
  readonly informers: readonly Informer<KubeObject>[];
};

export type GrantPolicies = InstalledObjects & {
  /**
   * Returns the creation time of the youngest policy or binding, in milliseconds since the epoch. Returns Infinity if a
   * policy or binding is missing.
   */
  readonly admittedSince: () => Wall;
};

export type InstalledCrds = InstalledObjects & {
  /** Returns the highest schema version that any CRD states, or 0 if no CRD states a version. */
  readonly schemaVersion: () => number;
  /**
   * Returns the schema version that the LinkedServiceAccount CRD states, or 0 if it states no version, as in version
   * 0.1.0.
   */
  readonly accountSchemaVersion: () => number;
};

const trim = ({ apiVersion, kind, metadata }: KubeObject): KubeObject => {
  const { name, uid, resourceVersion, creationTimestamp, annotations } = metadata;
  const version = annotations?.[schemaVersionAnnotation];
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
      ...(version === undefined ? {} : { annotations: { [schemaVersionAnnotation]: version } }),
    },
  };
};

const follow = (
  sources: Sources,
  resource: Informer<KubeObject>['resource'],
  names: readonly string[],
): readonly Informer<KubeObject>[] =>
  names.map((name) =>
    createInformer<KubeObject>({
      ...sources,
      resource,
      fieldSelector: `metadata.name=${name}`,
      omitManagedFields: true,
      trim,
    }),
  );

export function followGrantPolicies(sources: Sources): GrantPolicies {
  const informers = [
    ...follow(sources, resources.validatingAdmissionPolicies, grantPolicyNames),
    ...follow(sources, resources.validatingAdmissionPolicyBindings, grantPolicyNames),
  ];
  return {
    informers,
    admittedSince: () => youngestCreation(informers.map(({ store }) => store.list()[0])),
  };
}

export function followCrds(sources: Sources): InstalledCrds {
  const informers = follow(
    sources,
    resources.customResourceDefinitions,
    crds().map(({ metadata }) => metadata.name),
  );
  const highest = (isIncluded: (name: string) => boolean): number =>
    Math.max(
      0,
      ...informers
        .flatMap(({ store }) => store.list())
        .filter(({ metadata }) => isIncluded(metadata.name))
        .map(({ metadata }) => Number(metadata.annotations?.[schemaVersionAnnotation]))
        .filter(Number.isSafeInteger),
    );
  const { plural, group } = linkedServiceAccounts;
  return {
    informers,
    schemaVersion: () => highest(() => true),
    accountSchemaVersion: () => highest((name) => name === `${plural}.${group}`),
  };
}
