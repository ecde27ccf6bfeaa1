/**
 * IAM policy of the operator. It allows exactly the calls that the operator makes, and only on roles of its own cluster. The
 * ownership tags of ownership.ts identify these roles, and only the call that creates a role can set them: during the creation,
 * `aws:ResourceTag` contains the tags of the request.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourcetag
 *
 * Associations belong to one cluster and are identified by the same tags. Creating an association requires `iam:PassRole`. IAM
 * offers no condition on the role's tags for this action, so it is limited by path, even if roles outside the path may be adopted.
 * Otherwise a role that trusts the pods of every cluster, as in EKS's guide, could be associated.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html
 */
import { isRolePath, partitionOfRegion, podIdentityAudience, type ClusterConfig } from '../../api/index.ts';
import { clusterArn, oidcProviderArn, partitionOf } from './arn.ts';
import { clusterTags, clusterTag } from './ownership.ts';
import { denyAllArn } from './quarantine.ts';
import { isReservedTag, settableTags } from './tags.ts';

/**
 * Every AWS call of the operator, grouped by resource. Tests compare the list with the commands that the adapters send and with the
 * recorded calls of a running operator.
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
    TagRole: 'marks',
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
    TagResource: 'associationMarks',
  },
  'eks-auth': { AssumeRoleForPodIdentity: 'cluster' },
  /** AWS requires no IAM permission for these calls. */
  sts: { GetCallerIdentity: 'free', AssumeRoleWithWebIdentity: 'free' },
} as const;

type ScopesOf<S extends keyof typeof operatorCalls> =
  (typeof operatorCalls)[S][keyof (typeof operatorCalls)[S]];
export type OperatorScope = Exclude<ScopesOf<'iam'> | ScopesOf<'eks'> | ScopesOf<'eks-auth'>, 'free'>;

export type OperatorPolicyOptions = {
  /** `arn:aws:eks:eu-west-1:123456789012:cluster/NAME`. It contains partition and AWS account, and is the value of the ownership tag. */
  readonly clusterArn: string;
  /** Path of the roles, for example `/konstellation/main/`. */
  readonly rolePath: string;
  /** IAM OIDC provider of the cluster; if absent, any provider of the AWS account. */
  readonly providerArn?: string | undefined;
  /** If present, every role must have one of these boundaries, and boundaries cannot be removed. */
  readonly permissionsBoundaryArns?: readonly string[] | undefined;
  /** Patterns (`*` and `?`) of policies that may be attached; if absent, any policy. */
  readonly allowedPolicyArns?: readonly string[] | undefined;
  /**
   * Whether inline policies of roles with one of the boundaries may be written. Without boundaries this is never allowed: a role
   * with an inline policy of any content would control the AWS account. IAM has no condition on the name or content of the policy.
   * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
   */
  readonly statements?: boolean | undefined;
  /** Allowed tag keys of roles in addition to the ownership tags. Reserved keys are ignored. */
  readonly tagKeys?: readonly string[] | undefined;
  /**
   * Whether roles outside the path may be adopted. Each adoption requires the consent of a person who may tag the role: the tag
   * `k11n.dev/cluster` with the cluster's ARN.
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
 * Builds the policy. Text from a ClusterConfig is treated as literal text, because a policy variable or a wildcard in a name would
 * widen a statement.
 *
 * @throws RangeError if the role path is not below `/` or has characters that are not literal
 */
export function operatorPolicy(options: OperatorPolicyOptions): PolicyDocument {
  const { clusterArn: cluster, rolePath, adoption = false } = options;
  if (!isRolePath(rolePath))
    throw new RangeError(
      `"${rolePath}" does not limit the operator to its own roles: it must be a path below / without wildcards or variables`,
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
  const marks = clusterTags(cluster);
  const own: Condition = { StringEquals: keyed('aws:ResourceTag', marks) };
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
      // Applies to all roles, so that a foreign role of the same name can be distinguished from a missing role.
      statement('ReadRoles', 'anyRole', anyRole),
      statement('CreateMarkedRoles', 'newRole', atPath, {
        StringEquals: { ...keyed('aws:RequestTag', marks), ...bounded },
        ...tagged,
      }),
      // Tags only roles with the cluster's tag, which is also the consent to an adoption. Tags of another cluster cannot be set.
      statement('TagMarkedRoles', 'marks', ownRole, {
        StringEquals: keyed('aws:ResourceTag', { [clusterTag]: cluster }),
        StringEqualsIfExists: keyed('aws:RequestTag', marks),
        ...tagged,
      }),
      statement('ChangeOwnRoles', 'ownRole', ownRole, own),
      // A quarantine attaches AWSDenyAll, or makes it the boundary, whichever policies are allowed otherwise. This adds no
      // permission to a role.
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
      // Applies to the associations of all ServiceAccounts, so that foreign associations can be detected.
      statement('ReadAssociations', 'anyAssociation', anyAssociation),
      statement('CreateMarkedAssociations', 'newAssociation', cluster, {
        StringEquals: keyed('aws:RequestTag', marks),
        ...tagKeysCondition([]),
      }),
      // Also required by the call that creates an association with tags. A condition cannot distinguish an existing untagged
      // association from a new one.
      statement('MarkAssociations', 'associationMarks', anyAssociation, {
        StringEquals: keyed('aws:RequestTag', marks),
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
 * Derives the input of the policy. This requires no running operator, so the policy can be created first.
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
  return {
    clusterArn: clusterArn({
      partition,
      region: aws.region,
      accountId,
      name: aws.clusterName ?? metadata.name,
    }),
    rolePath: aws.rolePath,
    ...(issuer === undefined ? {} : { providerArn: oidcProviderArn({ partition, accountId, issuer }) }),
    ...(aws.permissionsBoundaryArn === undefined
      ? {}
      : { permissionsBoundaryArns: [aws.permissionsBoundaryArn] }),
    ...(aws.allowedPolicyArns === undefined ? {} : { allowedPolicyArns: aws.allowedPolicyArns }),
    ...(aws.allowStatements === undefined ? {} : { statements: aws.allowStatements }),
    ...(aws.tags || aws.allowedTagKeys
      ? { tagKeys: [...Object.keys(aws.tags ?? {}), ...(aws.allowedTagKeys ?? [])] }
      : {}),
    ...(given.adoption === undefined ? {} : { adoption: given.adoption }),
  };
}

/** Maximum size in IAM of the inline policies of a role, in characters without white space. Source: IAM User Guide, "IAM and STS quotas". */
export const largestInlinePolicy = 10_240;

/** Keys of an account's tags that the policy does not allow. */
export function keysNotAdmitted(
  tags: Readonly<Record<string, string>> | undefined,
  tagKeys: readonly string[],
): readonly string[] {
  return Object.keys(settableTags(tags)).filter((key) => !tagKeys.includes(key));
}

/** Pattern of the ownership tag keys. The policy matches it case-sensitively: IAM would treat the same key in another case as the same tag. */
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
