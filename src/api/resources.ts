/** Names of this project's four kinds in the Kubernetes API. */

export const apiGroup = 'k11n.dev';
export const apiVersion = 'k11n.dev/v1alpha1';

type CustomResource = {
  readonly group: typeof apiGroup;
  readonly version: 'v1alpha1';
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly namespaced: false;
};

export const clusterConfigs = {
  group: apiGroup,
  version: 'v1alpha1',
  kind: 'ClusterConfig',
  plural: 'clusterconfigs',
  singular: 'clusterconfig',
  shortNames: ['kcc'],
  namespaced: false,
} as const satisfies CustomResource;

export const linkedServiceAccounts = {
  group: apiGroup,
  version: 'v1alpha1',
  kind: 'LinkedServiceAccount',
  plural: 'linkedserviceaccounts',
  singular: 'linkedserviceaccount',
  shortNames: ['lsa'],
  namespaced: false,
} as const satisfies CustomResource;

export const apps = {
  group: apiGroup,
  version: 'v1alpha1',
  kind: 'App',
  plural: 'apps',
  // The singular is not `app`, because kubectl resolves singulars before short names, and `app` is the short name of
  // Argo CD's Applications.
  singular: 'konstellationapp',
  shortNames: ['kapp'],
  namespaced: false,
} as const satisfies CustomResource;

export const quarantines = {
  group: apiGroup,
  version: 'v1alpha1',
  kind: 'Quarantine',
  plural: 'quarantines',
  singular: 'quarantine',
  shortNames: ['kq'],
  namespaced: false,
} as const satisfies CustomResource;
