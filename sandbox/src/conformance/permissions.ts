/** Minimum permissions for a conformance run, as an IAM policy for the user or role that performs the run. */
import type { Partition } from '../../../src/api/partition-names.ts';
import { commonPath, commonPrefix, deniesAll, madeUpIssuerSuffix, tagKey, walkSuffix } from './place.ts';

type Statement = {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: object;
};

/**
 * AWS managed policies that the scenarios attach to roles, and `NoSuchPolicy`, which does not exist but which a
 * scenario tries to attach.
 */
const attached = [
  '*ReadOnlyAccess',
  'AmazonS3FullAccess',
  'AWSLambdaBasicExecutionRole',
  'service-role/AWSLambdaBasicExecutionRole',
  'NoSuchPolicy',
];

/**
 * @param cluster whether the run uses a cluster, which requires permissions in EKS and for the OIDC provider of its
 *   issuer
 */
export function runPolicy({
  partition,
  accountId,
  cluster,
}: {
  readonly partition: Partition;
  readonly accountId: string;
  readonly cluster: boolean;
}): { readonly Version: string; readonly Statement: readonly Statement[] } {
  const iam = (rest: string): string => `arn:${partition}:iam::${accountId}:${rest}`;
  const awsPolicy = (name: string): string => `arn:${partition}:iam::aws:policy/${name}`;
  // If a role does not exist, IAM authorizes the call for an ARN without a path, so these ARNs are listed too.
  const roles = [iam(`role${commonPath}*`), iam(`role/${commonPrefix}*`)];
  const policies = iam(`policy${commonPath}*`);
  const walked = iam(`role/*-${commonPrefix}*-${walkSuffix}-*`);
  // The asterisk also matches slashes, so the ARN covers the buckets and their objects.
  const buckets = `arn:${partition}:s3:::${commonPrefix}*`;
  const providers = [
    iam(`oidc-provider/*${madeUpIssuerSuffix}`),
    ...(cluster ? [iam('oidc-provider/oidc*eks*/id/*')] : []),
  ];
  return {
    Version: '2012-10-17',
    Statement: [
      allow(
        'Read',
        [
          'iam:GetAccountAuthorizationDetails',
          'iam:GetAccountSummary',
          'iam:GetServiceLastAccessedDetails',
          'iam:ListOpenIDConnectProviders',
          'iam:ListPolicies',
          'iam:ListRoles',
          'iam:SimulateCustomPolicy',
          's3:ListAllMyBuckets',
        ],
        '*',
      ),
      allow('ReadPoliciesOfAws', ['iam:GetPolicy', 'iam:GetPolicyVersion'], awsPolicy('*')),
      allow(
        'Roles',
        [
          'iam:CreateRole',
          'iam:DeleteRole',
          'iam:DeleteRolePermissionsBoundary',
          'iam:DeleteRolePolicy',
          'iam:GenerateServiceLastAccessedDetails',
          'iam:GetRole',
          'iam:GetRolePolicy',
          'iam:ListAttachedRolePolicies',
          'iam:ListRolePolicies',
          'iam:ListRoleTags',
          'iam:PutRolePermissionsBoundary',
          'iam:PutRolePolicy',
          'iam:SimulatePrincipalPolicy',
          'iam:TagRole',
          'iam:UntagRole',
          'iam:UpdateAssumeRolePolicy',
          'iam:UpdateRole',
          'sts:AssumeRole',
        ],
        roles,
      ),
      allow('Attachments', ['iam:AttachRolePolicy', 'iam:DetachRolePolicy'], roles, {
        ArnLike: { 'iam:PolicyARN': [...attached.map(awsPolicy), policies] },
      }),
      allow(
        'Policies',
        [
          'iam:CreatePolicy',
          'iam:CreatePolicyVersion',
          'iam:DeletePolicy',
          'iam:DeletePolicyVersion',
          'iam:GetPolicy',
          'iam:GetPolicyVersion',
          'iam:ListEntitiesForPolicy',
          'iam:ListPolicyTags',
          'iam:ListPolicyVersions',
          'iam:SetDefaultPolicyVersion',
          'iam:TagPolicy',
        ],
        policies,
      ),
      allow('NewProviders', ['iam:CreateOpenIDConnectProvider', 'iam:TagOpenIDConnectProvider'], providers, {
        Null: { [`aws:RequestTag/${tagKey}`]: 'false' },
      }),
      allow(
        'Providers',
        [
          'iam:AddClientIDToOpenIDConnectProvider',
          'iam:DeleteOpenIDConnectProvider',
          'iam:GetOpenIDConnectProvider',
          'iam:ListOpenIDConnectProviderTags',
        ],
        providers,
      ),
      allow(
        'Buckets',
        [
          's3:CreateBucket',
          's3:DeleteBucket',
          's3:DeleteObject',
          's3:GetBucketLocation',
          's3:GetObject',
          's3:ListBucket',
          's3:PutObject',
        ],
        buckets,
      ),
      ...(cluster
        ? [
            allow(
              'Cluster',
              [
                'eks:CreatePodIdentityAssociation',
                'eks:DescribeCluster',
                'eks:ListPodIdentityAssociations',
                'eks:ListTagsForResource',
              ],
              `arn:${partition}:eks:*:${accountId}:cluster/*`,
            ),
            allow(
              'Associations',
              ['eks:DeletePodIdentityAssociation', 'eks:DescribePodIdentityAssociation', 'eks:TagResource'],
              `arn:${partition}:eks:*:${accountId}:podidentityassociation/*`,
            ),
            allow('PassRoles', ['iam:PassRole'], iam(`role${commonPath}*`)),
            allow('ReadWalkthrough', ['iam:ListAttachedRolePolicies'], walked),
            allow('DriftOfWalkthrough', ['iam:DetachRolePolicy'], walked, {
              ArnEquals: { 'iam:PolicyARN': awsPolicy(deniesAll) },
            }),
          ]
        : []),
    ],
  };
}

const allow = (
  Sid: string,
  Action: readonly string[],
  Resource: string | readonly string[],
  Condition?: object,
): Statement => ({ Sid, Effect: 'Allow', Action, Resource, ...(Condition ? { Condition } : {}) });
