/**
 * IAM policy of the operator. The policy allows exactly the calls that the operator makes, and only on roles of its own cluster.
 * These roles are identified by the ownership tags (see ownership.ts). Only the call that creates a role can set the ownership
 * tags: during the creation, `aws:ResourceTag` contains the tags of the request.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourcetag
 *
 * Pod Identity associations belong to one cluster and are identified by the same tags. Creating an association requires
 * `iam:PassRole`. IAM offers no condition on the role's tags for `iam:PassRole`, so the policy limits this action to
 * roles at the cluster's path, even if roles outside the path may be adopted. Without this limit, the operator could
 * associate any role whose trust policy admits the pods of every cluster. The trust policy in EKS's guide does so.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html
 */
import { isRolePath, partitionOfRegion, podIdentityAudience, type ClusterConfig } from '../../api/index.ts';
import { defined } from '../../k8s/defined.ts';
import { clusterArn, oidcProviderArn, partitionOf } from './arn.ts';
import { clusterTags, clusterTag } from './ownership.ts';
import { denyAllArn } from './quarantine.ts';
import { isReservedTag, settableTags } from './tags.ts';

/**
 * AWS calls of the operator, each with its scope: the kind of resource that the call acts on. Tests compare this list with the
 * commands that the AWS adapters send, and with the recorded calls of a running operator.
 */
export const operatorCalls = {
  iam: {
    GetAccountSummary: 'account',
    GetAccountAuthorizationDetails: 'account',
    GetOpenIDConnectProvider: 'provider',
    GetRole: 'anyRole',
    GetRolePolicy: 'anyRole',
    ListAttachedRolePolicies: 'anyRole',
    ListRolePolicies: 'anyRole',
    CreateRole: 'newRole',
    TagRole: 'roleTags',
    UntagRole: 'ownRole',
    UpdateRole: 'ownRole',
    UpdateAssumeRolePolicy: 'ownRole',
    DetachRolePolicy: 'ownRole',
    DeleteRolePolicy: 'ownRole',
    DeleteRole: 'ownRole',
    AttachRolePolicy: 'attachment',
    PutRolePolicy: 'inlinePolicy',
    PutRolePermissionsBoundary: 'boundary',
    DeleteRolePermissionsBoundary: 'boundaryRemoval',
  },
  eks: {
    ListPodIdentityAssociations: 'cluster',
    DescribePodIdentityAssociation: 'anyAssociation',
    CreatePodIdentityAssociation: 'newAssociation',
    UpdatePodIdentityAssociation: 'ownAssociation',
    DeletePodIdentityAssociation: 'ownAssociation',
    TagResource: 'associationTags',
  },
  'eks-auth': { AssumeRoleForPodIdentity: 'cluster' },
  /** AWS requires no IAM permission for these calls. */
  sts: { GetCallerIdentity: 'free', AssumeRoleWithWebIdentity: 'free' },
} as const;

type ScopesOf<S extends keyof typeof operatorCalls> =
  (typeof operatorCalls)[S][keyof (typeof operatorCalls)[S]];
export type OperatorScope = Exclude<ScopesOf<'iam'> | ScopesOf<'eks'> | ScopesOf<'eks-auth'>, 'free'>;

export type OperatorPolicyOptions = {
  /** ARN of the cluster, which is also the value of the cluster tag: `arn:aws:eks:eu-west-1:123456789012:cluster/NAME`. */
  readonly clusterArn: string;
  /** Path of the roles, for example `/konstellation/main/`. */
  readonly rolePath: string;
  /** ARN of the cluster's IAM OIDC provider. Default: the operator may read any provider in the AWS account. */
  readonly providerArn?: string | undefined;
  /** Allowed boundaries. If set, every role must have one of these boundaries, and the operator cannot remove a boundary. */
  readonly permissionsBoundaryArns?: readonly string[] | undefined;
  /** Patterns (with `*` and `?`) of policies that the operator may attach. Default: any policy. */
  readonly allowedPolicyArns?: readonly string[] | undefined;
  /**
   * Whether the operator may write inline policies of roles that have one of the boundaries. IAM has no condition on the name or
   * content of an inline policy, so writing one is never allowed without boundaries: a role with an unlimited inline policy could
   * control the AWS account.
   * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
   */
  readonly statements?: boolean | undefined;
  /** Tag keys that roles may have in addition to the ownership tags. Reserved keys are ignored. */
  readonly tagKeys?: readonly string[] | undefined;
  /**
   * Whether the operator may adopt roles outside the path. Each adoption requires the consent of a person who is permitted to tag
   * the role. The consent is the tag `k11n.dev/cluster` with the cluster's ARN.
   */
  readonly adoption?: boolean | undefined;
};

type Condition = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

export type PolicyStatement = {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: string;
  readonly Condition?: Condition;
};

export type PolicyDocument = {
  readonly Version: '2012-10-17';
  readonly Statement: readonly PolicyStatement[];
};

/**
 * Builds the operator's IAM policy. Text from a ClusterConfig is escaped, because a policy variable or a wildcard in a name would
 * widen a statement.
 *
 * @throws RangeError if the role path is not below `/` or has characters that are not literal
 */
export function operatorPolicy(options: OperatorPolicyOptions): PolicyDocument {
  const { clusterArn: cluster, rolePath, adoption = false } = options;
  if (!isRolePath(rolePath))
    throw new RangeError(
      `the role path "${rolePath}" does not limit the operator to its own roles: use a path such as /konstellation/, without wildcards or variables`,
    );
  const providerArn = options.providerArn === undefined ? undefined : literal(options.providerArn);
  const allowedPolicyArns = options.allowedPolicyArns?.map(withoutVariables);
  const boundaries = options.permissionsBoundaryArns?.length
    ? options.permissionsBoundaryArns.map(withoutVariables)
    : undefined;
  const tagged: Condition = tagKeysCondition(options.tagKeys ?? []);
  const account = `arn:${partitionOf(cluster)}:iam::${cluster.split(':')[4] ?? ''}`;
  const denyAll = denyAllArn(partitionOf(cluster));
  const anyRole = `${account}:role/*`;
  const atPath = `${account}:role${rolePath}*`;
  const ownRole = adoption ? anyRole : atPath;
  const anyAssociation = `${cluster.replace(':cluster/', ':podidentityassociation/')}/*`;
  const requiredTags = clusterTags(cluster);
  const own: Condition = { StringEquals: keyed('aws:ResourceTag', requiredTags) };
  const bounded = boundaries ? { 'iam:PermissionsBoundary': boundaries } : {};

  const statement = (
    Sid: string,
    scope: OperatorScope,
    Resource: string,
    Condition?: Condition,
  ): PolicyStatement => ({
    Sid,
    Effect: 'Allow',
    Action: actionsOf(scope),
    Resource,
    ...(Condition ? { Condition } : {}),
  });
  return {
    Version: '2012-10-17',
    Statement: [
      statement('ReadAccount', 'account', '*'),
      statement('ReadProvider', 'provider', providerArn ?? `${account}:oidc-provider/*`),
      // Allows reads of all roles of the AWS account, so that the operator can distinguish a foreign role with the
      // wanted name from a missing role.
      statement('ReadRoles', 'anyRole', anyRole),
      statement('CreateMarkedRoles', 'newRole', atPath, {
        StringEquals: { ...keyed('aws:RequestTag', requiredTags), ...bounded },
        ...tagged,
      }),
      // Permits tagging only of roles that already have the cluster's tag. On a role that someone else created, this
      // tag is the consent to an adoption. The operator cannot set another cluster's tag.
      statement('TagMarkedRoles', 'roleTags', ownRole, {
        StringEquals: keyed('aws:ResourceTag', { [clusterTag]: cluster }),
        StringEqualsIfExists: keyed('aws:RequestTag', requiredTags),
        ...tagged,
      }),
      statement('ChangeOwnRoles', 'ownRole', ownRole, own),
      // A quarantine attaches AWSDenyAll or makes it the boundary, even if the list of allowed policies does not
      // contain it. This is safe, because AWSDenyAll gives no permission to a role.
      statement('AttachToOwnRoles', 'attachment', ownRole, {
        StringEquals: { ...own['StringEquals'], ...bounded },
        ...(allowedPolicyArns ? { StringLike: { 'iam:PolicyARN': [...allowedPolicyArns, denyAll] } } : {}),
      }),
      ...(options.statements === true && boundaries
        ? [
            statement('WriteStatementsOfBoundRoles', 'inlinePolicy', ownRole, {
              StringEquals: { ...own['StringEquals'], ...bounded },
            }),
          ]
        : []),
      statement('BoundOwnRoles', 'boundary', ownRole, {
        StringEquals: {
          ...own['StringEquals'],
          ...(boundaries ? { 'iam:PermissionsBoundary': [...boundaries, denyAll] } : {}),
        },
      }),
      ...(boundaries ? [] : [statement('UnboundOwnRoles', 'boundaryRemoval', ownRole, own)]),
      statement('UseAssociations', 'cluster', cluster),
      // Covers the associations of all ServiceAccounts, so that the operator can detect foreign associations.
      statement('ReadAssociations', 'anyAssociation', anyAssociation),
      statement('CreateMarkedAssociations', 'newAssociation', cluster, {
        StringEquals: keyed('aws:RequestTag', requiredTags),
        ...tagKeysCondition([]),
      }),
      // Creating an association with tags also requires the permission to tag associations. IAM has no condition that
      // distinguishes a new association from an existing one without tags.
      statement('MarkAssociations', 'associationTags', anyAssociation, {
        StringEquals: keyed('aws:RequestTag', requiredTags),
        ...tagKeysCondition([]),
      }),
      statement('ChangeOwnAssociations', 'ownAssociation', anyAssociation, own),
      {
        Sid: 'PassRolesToPods',
        Effect: 'Allow',
        Action: ['iam:PassRole'],
        Resource: atPath,
        Condition: { StringEquals: { 'iam:PassedToService': podIdentityAudience } },
      },
    ],
  };
}

/**
 * Derives the options of the policy from a ClusterConfig. No running operator is needed, so the policy can be created before the
 * installation.
 * @returns undefined if neither the ClusterConfig nor the caller names the AWS account
 */
export function operatorPolicyOptions(
  { metadata, spec: { aws }, status }: Pick<ClusterConfig, 'metadata' | 'spec' | 'status'>,
  given: { readonly accountId?: string | undefined; readonly adoption?: boolean } = {},
): OperatorPolicyOptions | undefined {
  const accountId = given.accountId ?? aws.accountId ?? status?.accountId;
  if (accountId === undefined) return undefined;
  const partition = status?.partition ?? partitionOfRegion(aws.region);
  const issuer = status?.oidcIssuer ?? aws.oidcIssuer;
  const name = aws.clusterName ?? metadata.name;
  return {
    clusterArn: clusterArn({ partition, region: aws.region, accountId, name }),
    rolePath: aws.rolePath,
    ...defined({
      providerArn: issuer === undefined ? undefined : oidcProviderArn({ partition, accountId, issuer }),
      permissionsBoundaryArns:
        aws.permissionsBoundaryArn === undefined ? undefined : [aws.permissionsBoundaryArn],
      allowedPolicyArns: aws.allowedPolicyArns,
      statements: aws.allowStatements,
      tagKeys:
        aws.tags || aws.allowedTagKeys
          ? [...Object.keys(aws.tags ?? {}), ...(aws.allowedTagKeys ?? [])]
          : undefined,
      adoption: given.adoption,
    }),
  };
}

/**
 * Maximum size of all inline policies of one role together, in characters without white space. Source: IAM User Guide, "IAM and
 * STS quotas".
 */
export const largestInlinePolicy = 10_240;

/** Tag keys of an account that the operator's policy does not allow, because they are not among `tagKeys`. */
export function keysNotAdmitted(
  tags: Readonly<Record<string, string>> | undefined,
  tagKeys: readonly string[],
): readonly string[] {
  return Object.keys(settableTags(tags)).filter((key) => !tagKeys.includes(key));
}

/**
 * Pattern of the ownership tag keys. The pattern must be compared case-sensitively. If it matched a key in another
 * case, a permitted call could replace the ownership tag, because IAM treats both keys as the same tag.
 */
const ownershipKeys = 'k11n.dev/*';

/**
 * Condition on tag keys. Tags of a role become `aws:PrincipalTag` of its pods, and other policies may use them to grant access. `Null` is
 * needed in addition to `ForAllValues`, which is true for a request without tags.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
 */
function tagKeysCondition(keys: readonly string[]): Condition {
  const allowed = [...new Set(keys)].filter((key) => !isReservedTag(key)).map(literal);
  return {
    'ForAllValues:StringLike': { 'aws:TagKeys': [ownershipKeys, ...allowed.toSorted()] },
    Null: { 'aws:TagKeys': 'false' },
  };
}

/** Escapes text, so that IAM compares it literally. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-specialchars */
function literal(text: string): string {
  return text.replaceAll(/[$*?]/g, '${$&}');
}

/** Escapes policy variables of a pattern and keeps its wildcards. */
function withoutVariables(pattern: string): string {
  return pattern.replaceAll('$', '${$$}');
}

function actionsOf(scope: OperatorScope): readonly string[] {
  return Object.entries(operatorCalls).flatMap(([service, calls]) =>
    Object.entries(calls).flatMap(([action, of]) => (of === scope ? `${service}:${action}` : [])),
  );
}

function keyed(key: string, tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(tags).map(([tag, value]) => [`${key}/${tag}`, value]));
}
