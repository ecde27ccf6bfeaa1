/** The two configuration files of the API server, as data. */

/**
 * Limits anonymous requests to key discovery and health checks. Key discovery must be anonymous because STS fetches the
 * issuer's keys without credentials.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#anonymous-authenticator-configuration
 */
export const anonymousDiscovery = {
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AuthenticationConfiguration',
  anonymous: {
    enabled: true,
    conditions: [
      { path: '/.well-known/openid-configuration' },
      { path: '/openid/v1/jwks' },
      { path: '/livez' },
      { path: '/readyz' },
      { path: '/healthz' },
    ],
  },
} as const;

/**
 * Audits at the metadata level: bodies are not logged, so the log contains no tokens or Secrets. Reads by the cluster's
 * own components are omitted, because they would make up nearly all of the log.
 * https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/
 */
export const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', userGroups: ['system:nodes'] },
    {
      level: 'None',
      users: ['system:apiserver', 'system:kube-controller-manager', 'system:kube-scheduler', 'system:kwok'],
    },
    { level: 'None', userGroups: ['system:serviceaccounts:kube-system'], verbs: ['get', 'list', 'watch'] },
    {
      level: 'None',
      nonResourceURLs: ['/livez*', '/readyz*', '/healthz*', '/version', '/openapi/*', '/api*'],
    },
    { level: 'Metadata' },
  ],
} as const;
