/**
 * Watches objects that the installation creates along with the operator: its CRDs, and the admission policies that
 * check new permissions.
 */
import { crds, linkedServiceAccounts, schemaVersionAnnotation } from '../api/index.ts';
import { youngestCreation } from '../k8s/admitted.ts';
import type { Wall } from '../k8s/time.ts';
import { grantPolicyNames } from '../rbac/index.ts';
import { createInformer, resources, type Informer, type KubeObject } from '../kube/index.ts';
import { defined } from '../k8s/defined.ts';
import type { InformerSources } from './context.ts';

const trim = ({ apiVersion, kind, metadata }: KubeObject): KubeObject => {
  const { name, uid, resourceVersion, creationTimestamp, annotations } = metadata;
  const version = annotations?.[schemaVersionAnnotation];
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...defined({ uid, resourceVersion, creationTimestamp }),
      ...(version === undefined ? {} : { annotations: { [schemaVersionAnnotation]: version } }),
    },
  };
};

/** Creates one informer per object, because RBAC rules with `resourceNames` allow only watches of a single name. */
const follow = (
  sources: InformerSources,
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

export function followGrantPolicies(sources: InformerSources) {
  const informers = [
    ...follow(sources, resources.validatingAdmissionPolicies, grantPolicyNames),
    ...follow(sources, resources.validatingAdmissionPolicyBindings, grantPolicyNames),
  ];
  return {
    informers,
    /**
     * Returns the creation time of the youngest policy or binding, in milliseconds since the epoch. Returns Infinity if
     * a policy or binding is missing.
     */
    admittedSince: (): Wall => youngestCreation(informers.map(({ store }) => store.list()[0])),
  };
}

export function followCrds(sources: InformerSources) {
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
    /** Returns the highest schema version that any CRD states, or 0 if no CRD states a version. */
    schemaVersion: () => highest(() => true),
    /**
     * Returns the schema version that the LinkedServiceAccount CRD states, or 0 if it states no version, as in version
     * 0.1.0.
     */
    accountSchemaVersion: () => highest((name) => name === `${plural}.${group}`),
  };
}
