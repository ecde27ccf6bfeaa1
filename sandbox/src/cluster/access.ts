/** Identities that the components of the sandbox use at the API server, and the permissions of each identity. */

export type Identity = { readonly user: string; readonly groups: readonly string[] };

/** User names of the components. Kubernetes binds default roles to the user names of its own components. */
export const identities = {
  'kube-controller-manager': { user: 'system:kube-controller-manager', groups: [] },
  'kube-scheduler': { user: 'system:kube-scheduler', groups: [] },
  kwok: { user: 'system:kwok', groups: [] },
  webhook: { user: 'system:pod-identity-webhook', groups: [] },
} as const satisfies Readonly<Record<string, Identity>>;

type Rule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
};

const rbac = 'rbac.authorization.k8s.io';
const read = ['get', 'list', 'watch'];

function role(name: string, rules: readonly Rule[]): AccessObject {
  return { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules };
}

function binding(
  name: string,
  roleName: string,
  subject: { kind: 'User' | 'Group'; name: string },
): AccessObject {
  return {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: roleName },
    subjects: [{ apiGroup: rbac, ...subject }],
  };
}

export type AccessObject = {
  readonly apiVersion: string;
  readonly kind: 'ClusterRole' | 'ClusterRoleBinding';
  readonly metadata: { readonly name: string };
  readonly [field: string]: unknown;
};

export const accessObjects: readonly AccessObject[] = [
  // Permits anonymous reads of the signing keys, because STS fetches the keys without credentials. On EKS, a public
  // endpoint serves the keys.
  binding('sandbox:service-account-issuer-discovery', 'system:service-account-issuer-discovery', {
    kind: 'Group',
    name: 'system:unauthenticated',
  }),
  role('sandbox:kwok', [
    { apiGroups: [''], resources: ['nodes'], verbs: read },
    { apiGroups: [''], resources: ['nodes/status', 'pods/status'], verbs: ['patch', 'update'] },
    { apiGroups: [''], resources: ['pods'], verbs: [...read, 'patch', 'update', 'delete'] },
    { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
    {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      verbs: [...read, 'create', 'patch', 'update'],
    },
  ]),
  binding('sandbox:kwok', 'sandbox:kwok', { kind: 'User', name: identities.kwok.user }),
  role('sandbox:pod-identity-webhook', [{ apiGroups: [''], resources: ['serviceaccounts'], verbs: read }]),
  binding('sandbox:pod-identity-webhook', 'sandbox:pod-identity-webhook', {
    kind: 'User',
    name: identities.webhook.user,
  }),
];
