/**
 * The place of one run: the AWS account, and the path, name prefix and tag of everything that the run creates. The
 * scenarios take all names from here.
 */
import type { Partition } from '../../../src/api/partition-names.ts';

/** Start of the IAM paths of all roles and policies that runs create. */
export const commonPath = '/konstellation-conformance/';
/**
 * Prefix of the names of all roles, policies, buckets and namespaces that runs create. Buckets have no path, so this
 * prefix identifies them. OIDC providers are identified by `madeUpIssuerSuffix` or by their tag.
 */
export const commonPrefix = 'k11n-conf-';
/**
 * Suffix of the invented issuers of a run. The top-level domain is reserved, so no host with this name can exist and
 * sign tokens.
 */
export const madeUpIssuerSuffix = '.konstellation-conformance.invalid';
/** Key of the tag whose value is the id of the run. */
export const tagKey = 'konstellation-conformance';
/** Suffix of the name of the walkthrough's account. The name begins with the run's prefix. */
export const walkSuffix = 'walk';
/** AWS managed policy that denies everything. The walkthrough's account has no other policy. */
export const deniesAll = 'AWSDenyAll';
export type PlaceOptions = {
  readonly partition: Partition;
  readonly accountId: string;
  /** Region for IAM, STS and S3. */
  readonly region: string;
  /**
   * Id of the run: eight lower-case letters and digits, so that a name with its prefix stays within the length limits
   * of IAM and S3.
   */
  readonly run: string;
  /** ARN of the caller, as AWS reports it. */
  readonly callerArn: string;
  /** Random external id. The trust policies of roles that have permissions require this id. */
  readonly externalId: string;
  readonly cluster?: ClusterOfPlace | undefined;
};

export type ClusterOfPlace = {
  readonly name: string;
  readonly region: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Issuer of the cluster's tokens, without `https://`. */
  readonly issuerHost: string;
  /**
   * Whether the AWS account already has an OIDC provider for the issuer. If so, the run must not delete this provider.
   */
  readonly hasProvider: boolean;
};

export type Place = ReturnType<typeof createPlace>;

export const policyText = (statement: object | readonly object[], version = '2012-10-17'): string =>
  JSON.stringify({ Version: version, Statement: statement });

export function createPlace(options: PlaceOptions) {
  const { partition, accountId, run, externalId } = options;
  const prefix = `${commonPrefix}${run}-`;
  const path = `${commonPath}${run}/`;
  const name = (short: string): string => `${prefix}${short}`;
  const folder = (short: string): string => `${path}${short}`;
  const tags = [{ Key: tagKey, Value: run }] as const;
  const arn = (service: string, rest: string): string => `arn:${partition}:${service}::${accountId}:${rest}`;
  /** @param under IAM path below the run's path, with a slash at the end, for example `apps/` */
  const roleArn = (short: string, under = ''): string => arn('iam', `role${path}${under}${name(short)}`);
  const providerArn = (host: string): string => arn('iam', `oidc-provider/${host}`);
  const trust = (principal: object, more: object = {}): string =>
    policyText({ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole', ...more });
  const madeUpIssuer = `${run}${madeUpIssuerSuffix}`;
  return {
    ...options,
    prefix,
    path,
    tags,
    name,
    folder,
    roleArn,
    providerArn,
    madeUpIssuer,
    policyArn: (short: string, under = ''): string => arn('iam', `policy${path}${under}${name(short)}`),
    /** Returns the ARN of an AWS managed policy. */
    managed: (policy: string): string => `arn:${partition}:iam::aws:policy/${policy}`,
    sessionArn: (role: string, session: string): string =>
      arn('sts', `assumed-role/${name(role)}/${session}`),
    trustAccount: trust({ AWS: arn('iam', 'root') }),
    /**
     * Trust policy of roles that have permissions. The policy requires the run's random external id, so it admits only
     * callers who can read the policy.
     */
    trustThisRun: trust(
      { AWS: arn('iam', 'root') },
      { Condition: { StringEquals: { 'sts:ExternalId': externalId } } },
    ),
    trustRole: (role: string): string => trust({ AWS: roleArn(role) }),
    trustNobody: trust({ Service: 'ec2.amazonaws.com' }),
    trustServiceAccount: ({ issuerHost, namespace, serviceAccount }: ClusterOfPlace): string =>
      policyText({
        Effect: 'Allow',
        Principal: { Federated: providerArn(issuerHost) },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: {
          StringEquals: {
            [`${issuerHost}:aud`]: 'sts.amazonaws.com',
            [`${issuerHost}:sub`]: `system:serviceaccount:${namespace}:${serviceAccount}`,
          },
        },
      }),
  };
}
