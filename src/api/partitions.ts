/**
 * AWS partitions: how their regions and hosts are named. Source: `partitions.json` and the endpoint rules of IAM, STS, EKS and
 * EKS Auth in the AWS SDKs. A test compares the table with the SDK in use.
 *
 * Assumed to be the same in all partitions: the STS audience (`sts.amazonaws.com`, reported for China in
 * https://github.com/eksctl-io/eksctl/issues/1910) and the service principal of Pod Identity.
 * No source is known for `aws-eusc` and the ISO partitions.
 */
import type { Partition } from './partition-names.ts';

type PartitionFacts = {
  /** Prefix of the region names. */
  readonly prefix: string;
  readonly dnsSuffix: string;
  /** DNS suffix of hosts with IPv4 and IPv6 addresses. EKS Auth has no other hosts. */
  readonly dualStackDnsSuffix: string;
  /** Region in the signatures of requests to IAM. */
  readonly iamRegion: string;
  /** Host name of IAM, if it contains no region. */
  readonly iamHost?: string;
};

/** Partitions by name. If one region prefix starts with another, the longer prefix comes first. */
const partitions = {
  'aws-cn': {
    prefix: 'cn-',
    dnsSuffix: 'amazonaws.com.cn',
    dualStackDnsSuffix: 'api.amazonwebservices.com.cn',
    iamRegion: 'cn-north-1',
  },
  'aws-us-gov': {
    prefix: 'us-gov-',
    dnsSuffix: 'amazonaws.com',
    dualStackDnsSuffix: 'api.aws',
    iamRegion: 'us-gov-west-1',
    iamHost: 'iam.us-gov.amazonaws.com',
  },
  'aws-eusc': {
    prefix: 'eusc-',
    dnsSuffix: 'amazonaws.eu',
    dualStackDnsSuffix: 'api.amazonwebservices.eu',
    iamRegion: 'eusc-de-east-1',
  },
  'aws-iso': {
    prefix: 'us-iso-',
    dnsSuffix: 'c2s.ic.gov',
    dualStackDnsSuffix: 'api.aws.ic.gov',
    iamRegion: 'us-iso-east-1',
  },
  'aws-iso-b': {
    prefix: 'us-isob-',
    dnsSuffix: 'sc2s.sgov.gov',
    dualStackDnsSuffix: 'api.aws.scloud',
    iamRegion: 'us-isob-east-1',
  },
  'aws-iso-e': {
    prefix: 'eu-isoe-',
    dnsSuffix: 'cloud.adc-e.uk',
    dualStackDnsSuffix: 'api.cloud-aws.adc-e.uk',
    iamRegion: 'eu-isoe-west-1',
  },
  'aws-iso-f': {
    prefix: 'us-isof-',
    dnsSuffix: 'csp.hci.ic.gov',
    dualStackDnsSuffix: 'api.aws.hci.ic.gov',
    iamRegion: 'us-isof-south-1',
  },
  aws: {
    prefix: '',
    dnsSuffix: 'amazonaws.com',
    dualStackDnsSuffix: 'api.aws',
    iamRegion: 'us-east-1',
    iamHost: 'iam.amazonaws.com',
  },
} as const satisfies Readonly<Record<Partition, PartitionFacts>>;

/** Assigns a region with an unknown prefix to `aws`, as the AWS SDKs do, because most new regions belong to `aws`. */
export function partitionOfRegion(region: string): Partition {
  const found = Object.entries<PartitionFacts>(partitions).find(([, { prefix }]) =>
    region.startsWith(prefix),
  );
  return (found?.[0] ?? 'aws') as Partition;
}

function factsOf(region: string): PartitionFacts {
  return partitions[partitionOfRegion(region)];
}

/** Region of IAM in a partition. */
export function iamRegionOf(partition: Partition): string {
  return partitions[partition].iamRegion;
}

/** Hosts that the operator and `kon` send requests to, unless environment variables set other endpoints. */
export function awsHosts(region: string): {
  readonly iam: string;
  readonly sts: string;
  readonly eks: string;
  readonly eksAuth: string;
  readonly eksAuthFips: string;
} {
  const { dnsSuffix, dualStackDnsSuffix, iamRegion, iamHost } = factsOf(region);
  return {
    iam: iamHost ?? `iam.${iamRegion}.${dnsSuffix}`,
    sts: `sts.${region}.${dnsSuffix}`,
    eks: `eks.${region}.${dnsSuffix}`,
    eksAuth: `eks-auth.${region}.${dualStackDnsSuffix}`,
    eksAuthFips: `eks-auth-fips.${region}.${dualStackDnsSuffix}`,
  };
}

/**
 * Region of the EKS cluster with this token issuer or API server URL; undefined if the host does not belong to EKS. The host names
 * differ between IPv4 and IPv6 clusters. Source: EKS User Guide, "Cluster API server endpoint".
 */
export function regionOfEksUrl(url: string): string | undefined {
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  const [, region, suffix] =
    /^oidc\.eks\.([a-z0-9-]+)\.(.+)$/.exec(host) ??
    /^oidc-eks\.([a-z0-9-]+)\.(.+)$/.exec(host) ??
    /^[^.]+\.[^.]+\.([a-z0-9-]+)\.eks\.(.+)$/.exec(host) ??
    /^[^.]+\.eks-cluster\.([a-z0-9-]+)\.(.+)$/.exec(host) ??
    [];
  if (region === undefined) return undefined;
  const { dnsSuffix, dualStackDnsSuffix } = factsOf(region);
  const isDualStack = host.startsWith('oidc-eks.') || host.includes('.eks-cluster.');
  return suffix === (isDualStack ? dualStackDnsSuffix : dnsSuffix) ? region : undefined;
}
