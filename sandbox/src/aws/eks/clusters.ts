/** EKS clusters, which can be read but not changed. */
import { answer, pageOf, type Json } from '../wire/rest-json-service.ts';
import type { EksAction } from './env.ts';
import type { EksCluster, EksState } from './state.ts';

export const describeCluster: EksAction = {
  name: 'DescribeCluster',
  access: 'read',
  method: 'GET',
  path: /^\/clusters\/(?<name>[^/]+)$/,
  subject: ({ path: { name = '' }, env }) => env.eks.clusterArn(name),
  run: ({ path: { name = '' }, env: { eks } }) => answer({ cluster: renderCluster(eks.cluster(name), eks) }),
};

export const listClusters: EksAction = {
  name: 'ListClusters',
  access: 'read',
  method: 'GET',
  path: /^\/clusters\/?$/,
  subject: () => '*',
  run: ({ request, env }) => {
    const { items, nextToken } = pageOf(
      env.eks.clusters.map(({ name }) => [name, name] as const),
      request.query,
    );
    return answer({ clusters: items, nextToken });
  },
};

const renderCluster = (cluster: EksCluster, eks: EksState): Json => ({
  name: cluster.name,
  arn: eks.clusterArn(cluster.name),
  createdAt: Math.floor(eks.createdAt / 1000),
  version: cluster.version,
  endpoint: cluster.endpoint,
  identity: { oidc: { issuer: cluster.issuer } },
  certificateAuthority: { data: cluster.certificateAuthorityData },
  status: 'ACTIVE',
  platformVersion: 'eks.1',
  accessConfig: { authenticationMode: 'API' },
  tags: {},
});
