/** Names of this project's four kinds in the Kubernetes API. */
import type { ObjectMeta } from '../k8s/metadata.ts';

export const apiGroup = 'k11n.dev';
export const apiVersion = 'k11n.dev/v1alpha1';

/** Fields that all four kinds share. */
const common = { group: apiGroup, version: 'v1alpha1', namespaced: false } as const;

export const clusterConfigs = {
  ...common,
  kind: 'ClusterConfig',
  plural: 'clusterconfigs',
  singular: 'clusterconfig',
  shortNames: ['kcc'],
} as const;

export const linkedServiceAccounts = {
  ...common,
  kind: 'LinkedServiceAccount',
  plural: 'linkedserviceaccounts',
  singular: 'linkedserviceaccount',
  shortNames: ['lsa'],
} as const;

export const apps = {
  ...common,
  kind: 'App',
  plural: 'apps',
  // The singular is not `app`, because kubectl resolves singulars before short names, and `app` is the short name of
  // Argo CD's Applications.
  singular: 'konstellationapp',
  shortNames: ['kapp'],
} as const;

export const quarantines = {
  ...common,
  kind: 'Quarantine',
  plural: 'quarantines',
  singular: 'quarantine',
  shortNames: ['kq'],
} as const;

/** Object of one of this project's kinds, without its status. */
export type KonstellationObject<Kind extends string, Spec> = {
  readonly apiVersion: typeof apiVersion;
  readonly kind: Kind;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
};
