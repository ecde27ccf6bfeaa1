/**
 * What the operator may do in an AWS account, as an IAM policy: the calls that it makes and no others, and those only on
 * roles of its own cluster. What is its own is said by the marks of ownership.ts, which only the call that creates a
 * role can set: `aws:ResourceTag` of a role that is being created has the tags of the request.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourcetag
 *
 * Associations stand in the one cluster, and are told from others' by the same marks. EKS hands the associated role on, which
 * asks for `iam:PassRole`. That right knows no tags of the role, so its fence is the path, also where roles outside it may be
 * taken over: a role that trusts every cluster's pods, as EKS's guide makes them, would otherwise be up for association.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html
 */
import { isRolePath, partitionOfRegion, podIdentityAudience, type ClusterConfig } from '../../api/index.ts';
import { clusterArn, oidcProviderArn, partitionOf } from './arn.ts';
import { clusterTags, clusterTag } from './ownership.ts';
import { isReservedTag, settableTags } from './tags.ts';

/**
 * Every call of the operator to AWS, by what it is about. A test holds this against the commands which the adapters
 * send, and against what a running operator was seen to call.
 */
export const operatorCalls = {
  iam: {
    GetAccountSummary: 'account',
    GetAccountAuthorizationDetails: 'account',
    GetOpenIDConnectProvider: 'provider',
    GetRole: 'anyRole',
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
  /** AWS asks for no permission for these. */
  sts: { GetCallerIdentity: 'free', AssumeRoleWithWebIdentity: 'free' },
} as const;

type ScopesOf<S extends keyof typeof operatorCalls> =
  (typeof operatorCalls)[S][keyof (typeof operatorCalls)[S]];
export type OperatorScope = Exclude<ScopesOf<'iam'> | ScopesOf<'eks'> | ScopesOf<'eks-auth'>, 'free'>;

export type OperatorPolicyOptions = {
  /** `arn:aws:eks:eu-west-1:123456789012:cluster/NAME`: names partition and account, and is the mark of ownership. */
  readonly clusterArn: string;
  /** `/konstellation/main/` */
  readonly rolePath: string;
  /** The IAM OIDC provider of the cluster; any of the account when absent. */
  readonly providerArn?: string | undefined;
  /** With them, every role bears one of these boundaries, and no boundary can be taken off. */
  readonly permissionsBoundaryArns?: readonly string[] | undefined;
  /** Patterns (`*` and `?`) of policies which may be attached; any when absent. */
  readonly allowedPolicyArns?: readonly string[] | undefined;
  /** Keys of tags that roles may get beside the ownership tags. Reserved keys among them are left out. */
  readonly tagKeys?: readonly string[] | undefined;
  /**
   * Whether roles outside the path may be taken over. Each needs the consent of somebody who may tag it: the tag
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
 * Builds the policy. Text from a ClusterConfig enters it as literal text: a policy variable or a wildcard in a name would
 * widen a statement.
 *
 * @throws RangeError when the role path has anything but literal characters below `/`
 */
export function operatorPolicy(options: OperatorPolicyOptions): PolicyDocument {
  const { clusterArn: cluster, rolePath, adoption = false } = options;
  if (!isRolePath(rolePath))
    throw new RangeError(`"${rolePath}" cannot fence roles: it is not a literal path below /`);
  const providerArn = options.providerArn === undefined ? undefined : literal(options.providerArn);
  const allowedPolicyArns = options.allowedPolicyArns?.map(withoutVariables);
  const boundaries = options.permissionsBoundaryArns?.length
    ? options.permissionsBoundaryArns.map(withoutVariables)
    : undefined;
  const tagged: Condition = tagKeysCondition(options.tagKeys ?? []);
  const account = `arn:${partitionOf(cluster)}:iam::${cluster.split(':')[4] ?? ''}`;
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
      // Of any role, so that one which stands in the way can be told from one that is not there.
      statement('ReadRoles', 'anyRole', anyRole),
      statement('CreateMarkedRoles', 'newRole', atPath, {
        StringEquals: { ...keyed('aws:RequestTag', marks), ...bounded },
        ...tagged,
      }),
      // The mark of the cluster alone, as it is also the consent to take a role over; and no mark of another cluster is set.
      statement('TagMarkedRoles', 'marks', ownRole, {
        StringEquals: keyed('aws:ResourceTag', { [clusterTag]: cluster }),
        StringEqualsIfExists: keyed('aws:RequestTag', marks),
        ...tagged,
      }),
      statement('ChangeOwnRoles', 'ownRole', ownRole, own),
      // A condition with no value at all is malformed, and no policy allowed is what it would say.
      ...(allowedPolicyArns?.length === 0
        ? []
        : [
            statement('AttachToOwnRoles', 'attachment', ownRole, {
              StringEquals: { ...own['StringEquals'], ...bounded },
              ...(allowedPolicyArns ? { StringLike: { 'iam:PolicyARN': allowedPolicyArns } } : {}),
            }),
          ]),
      statement('BoundOwnRoles', 'boundary', ownRole, {
        StringEquals: { ...own['StringEquals'], ...bounded },
      }),
      ...(boundaries ? [] : [statement('UnboundOwnRoles', 'boundaryRemoval', ownRole, own)]),
      statement('UseAssociations', 'cluster', cluster),
      // Of any ServiceAccount, so that one which stands in the way can be told from one of ours.
      statement('ReadAssociations', 'anyAssociation', anyAssociation),
      statement('CreateMarkedAssociations', 'newAssociation', cluster, {
        StringEquals: keyed('aws:RequestTag', marks),
        ...tagKeysCondition([]),
      }),
      // Also asked for by the call that creates with tags. What bears no marks yet cannot be told from what is being made.
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
 * What the policy follows from. Nothing of it needs an operator that has run, so that the policy can be made first.
 * @returns undefined when neither the ClusterConfig nor the caller says which AWS account it is
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
    ...(aws.tags || aws.allowedTagKeys
      ? { tagKeys: [...Object.keys(aws.tags ?? {}), ...(aws.allowedTagKeys ?? [])] }
      : {}),
    ...(given.adoption === undefined ? {} : { adoption: given.adoption }),
  };
}

/** The most characters, white space aside, that IAM takes as an inline policy of a role. Source: IAM User Guide, "IAM and STS quotas". */
export const largestInlinePolicy = 10_240;

/** Keys of an account's tags that the policy does not admit. */
export function keysNotAdmitted(
  tags: Readonly<Record<string, string>> | undefined,
  tagKeys: readonly string[],
): readonly string[] {
  return Object.keys(settableTags(tags)).filter((key) => !tagKeys.includes(key));
}

/** Keys of the ownership tags. Exact in case, so that no key in another case can stand in their place. */
const ownershipKeys = 'k11n.dev/*';

/**
 * A role's tags become `aws:PrincipalTag` of its pods, by which other policies grant access. `Null` is needed beside
 * `ForAllValues`, which holds when a request has no tags at all.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
 */
function tagKeysCondition(keys: readonly string[]): Condition {
  const allowed = [...new Set(keys)].filter((key) => !isReservedTag(key)).map(literal);
  return {
    'ForAllValues:StringLike': { 'aws:TagKeys': [ownershipKeys, ...allowed.toSorted()] },
    Null: { 'aws:TagKeys': 'false' },
  };
}

/** Text that IAM compares character by character. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-specialchars */
function literal(text: string): string {
  return text.replaceAll(/[$*?]/g, '${$&}');
}

/** A pattern whose wildcards keep their meaning, and which names no policy variable. */
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
