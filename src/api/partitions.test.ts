import { IAMClient } from '@aws-sdk/client-iam';
import { STSClient } from '@aws-sdk/client-sts';
import { EKSClient } from '@aws-sdk/client-eks';
import { describe, expect, it } from 'vitest';
import { clusterConfigSpec } from './cluster-config.ts';
import { awsHosts, iamRegionOf, partitionOfRegion, regionOfEksUrl } from './partitions.ts';
import { partitionNames, type Partition } from './partition-names.ts';

const regions: readonly [string, Partition][] = [
  ['us-east-1', 'aws'],
  ['eu-west-1', 'aws'],
  ['mx-central-1', 'aws'],
  ['cn-north-1', 'aws-cn'],
  ['cn-northwest-1', 'aws-cn'],
  ['us-gov-west-1', 'aws-us-gov'],
  ['us-gov-east-1', 'aws-us-gov'],
  ['eusc-de-east-1', 'aws-eusc'],
  ['us-iso-east-1', 'aws-iso'],
  ['us-iso-west-1', 'aws-iso'],
  ['us-isob-east-1', 'aws-iso-b'],
  ['us-isob-west-1', 'aws-iso-b'],
  ['eu-isoe-west-1', 'aws-iso-e'],
  ['us-isof-east-1', 'aws-iso-f'],
  ['us-isof-south-1', 'aws-iso-f'],
];

it('the regions in these tests cover every partition', () => {
  expect([...new Set(regions.map(([, partition]) => partition))].toSorted()).toEqual(partitionNames);
});

describe.each(regions)('%s', (region, partition) => {
  it('is assigned to its partition', () => {
    expect(partitionOfRegion(region)).toBe(partition);
  });

  it('is accepted in a ClusterConfig', () => {
    expect(clusterConfigSpec.parse({ targets: [], aws: { region } }).aws.region).toBe(region);
  });

  it('has the hosts and the IAM signing region that the AWS SDK resolves', () => {
    const clients = [
      new IAMClient({ region }),
      new STSClient({ region }),
      new EKSClient({ region }),
    ] as const;
    const resolved = clients.map((client) => {
      const endpoint = client.config.endpointProvider({
        Region: region,
        UseFIPS: false,
        UseDualStack: false,
      });
      client.destroy();
      return endpoint;
    });
    const { iam, sts, eks } = awsHosts(region);
    expect(resolved.map(({ url }) => url.hostname)).toEqual([iam, sts, eks]);
    expect(resolved[0]?.properties?.authSchemes?.[0]?.signingRegion).toBe(iamRegionOf(partition));
  });

  it('has its EKS Auth hosts under the dual-stack DNS suffix that the SDK uses for EKS', () => {
    const client = new EKSClient({ region });
    const { url } = client.config.endpointProvider({ Region: region, UseFIPS: false, UseDualStack: true });
    client.destroy();
    const { eksAuth, eksAuthFips } = awsHosts(region);
    expect(eksAuth).toBe(url.hostname.replace(/^eks\./, 'eks-auth.'));
    expect(eksAuthFips).toBe(url.hostname.replace(/^eks\./, 'eks-auth-fips.'));
  });
});

it.each([
  ['an issuer', 'https://oidc.eks.eu-west-1.amazonaws.com/id/A', 'eu-west-1'],
  ['an IPv6 issuer', 'https://oidc-eks.eu-west-1.api.aws/id/A', 'eu-west-1'],
  ['an issuer in China', 'https://oidc.eks.cn-north-1.amazonaws.com.cn/id/A', 'cn-north-1'],
  ['an IPv6 issuer in China', 'https://oidc-eks.cn-north-1.api.amazonwebservices.com.cn/id/A', 'cn-north-1'],
  ['an issuer in GovCloud', 'https://oidc.eks.us-gov-west-1.amazonaws.com/id/A', 'us-gov-west-1'],
  [
    'an issuer in the EU sovereign cloud',
    'https://oidc.eks.eusc-de-east-1.amazonaws.eu/id/A',
    'eusc-de-east-1',
  ],
  ['an issuer in an isolated region', 'https://oidc.eks.us-iso-east-1.c2s.ic.gov/id/A', 'us-iso-east-1'],
  ['an API server', 'https://0123.gr7.us-west-2.eks.amazonaws.com', 'us-west-2'],
  ['an API server with a port', 'https://0123.gr7.us-west-2.eks.amazonaws.com:443/', 'us-west-2'],
  ['an IPv6 API server', 'https://0123.eks-cluster.us-west-2.api.aws', 'us-west-2'],
  ['an API server in China', 'https://0123.sk1.cn-north-1.eks.amazonaws.com.cn', 'cn-north-1'],
])('regionOfEksUrl returns the region for the URL of %s', (_, url, region) => {
  expect(regionOfEksUrl(url)).toBe(region);
});

it.each([
  ['another host', 'https://issuer.example/id/A'],
  ['the suffix of another partition', 'https://oidc.eks.cn-north-1.amazonaws.com/id/A'],
  ['the dual-stack name with the other suffix', 'https://oidc-eks.eu-west-1.amazonaws.com/id/A'],
  ['a host that continues after the suffix', 'https://oidc.eks.eu-west-1.amazonaws.com.example/id/A'],
  ['no URL', 'oidc.eks.eu-west-1.amazonaws.com'],
])('regionOfEksUrl returns no region for %s', (_, url) => {
  expect(regionOfEksUrl(url)).toBeUndefined();
});
