/** Converts IAM records to response elements. */
import type { XmlValue } from '../wire/xml.ts';
import type {
  InstanceProfile,
  ManagedPolicy,
  OidcProvider,
  PolicyVersion,
  Role,
  Tag,
  User,
} from './model.ts';
import type { IamState } from './state.ts';

type Element = { readonly [element: string]: XmlValue };

/** Formats a time. Times in IAM responses have no fractional seconds. */
export const timestamp = (time: number): string => `${new Date(time).toISOString().slice(0, 19)}Z`;

/** Elements of a role that all responses share. */
function roleCore(role: Role): Element {
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.id,
    Arn: role.arn,
    CreateDate: timestamp(role.createdAt),
    AssumeRolePolicyDocument: role.trust.encoded,
  };
}

/** Renders the role as ListRoles returns it: without tags, boundary and last use. */
export const roleInList = (role: Role): Element => ({
  ...roleCore(role),
  Description: role.description,
  MaxSessionDuration: role.maxSessionDuration,
});

export const roleInFull = (role: Role, state: IamState): Element => ({
  ...roleInList(role),
  PermissionsBoundary: boundary(role),
  Tags: tagList(role.tags),
  RoleLastUsed: lastUsed(role, state),
});

/** Renders the role as GetAccountAuthorizationDetails returns it. */
export const roleDetail = (role: Role, state: IamState, profiles: readonly InstanceProfile[]): Element => ({
  ...roleCore(role),
  InstanceProfileList: profiles.map((profile) => instanceProfile(profile, state)),
  RolePolicyList: role.inlinePolicies.map(({ name, policy }) => ({
    PolicyName: name,
    PolicyDocument: policy.encoded,
  })),
  AttachedManagedPolicies: role.attachedPolicies.map((arn) => attachedPolicy(arn)),
  PermissionsBoundary: boundary(role),
  Tags: role.tags.map(tag),
  RoleLastUsed: lastUsed(role, state),
});

export const userDetail = (user: User): Element => ({
  ...userCore(user),
  UserPolicyList: user.inlinePolicies.map(({ name, policy }) => ({
    PolicyName: name,
    PolicyDocument: policy.encoded,
  })),
  GroupList: [],
  AttachedManagedPolicies: [],
  Tags: [],
});

export const userCore = (user: User): Element => ({
  Path: user.path,
  UserName: user.name,
  UserId: user.id,
  Arn: user.arn,
  CreateDate: timestamp(user.createdAt),
});

const policyCore = (policy: ManagedPolicy, state: IamState): Element => ({
  PolicyName: policy.name,
  PolicyId: policy.id,
  Arn: policy.arn,
  Path: policy.path,
  DefaultVersionId: policy.defaultVersionId,
  AttachmentCount: state.attachmentCount(policy.arn),
  PermissionsBoundaryUsageCount: state.boundaryCount(policy.arn),
  IsAttachable: true,
  CreateDate: timestamp(policy.createdAt),
  UpdateDate: timestamp(policy.updatedAt),
});

export const policyInList = policyCore;

export const policyInFull = (policy: ManagedPolicy, state: IamState): Element => ({
  ...policyCore(policy, state),
  Description: policy.description,
  Tags: policy.tags.map(tag),
});

export const policyDetail = (policy: ManagedPolicy, state: IamState): Element => ({
  ...policyCore(policy, state),
  PolicyVersionList: [...policy.versions].reverse().map((version) => policyVersion(policy, version, true)),
});

/** Renders a policy version. IAM omits the document in lists and in the response to a creation. */
export const policyVersion = (
  policy: ManagedPolicy,
  version: PolicyVersion,
  withDocument: boolean,
): Element => ({
  Document: withDocument ? version.policy.encoded : undefined,
  VersionId: version.id,
  IsDefaultVersion: version.id === policy.defaultVersionId,
  CreateDate: timestamp(version.createdAt),
});

export const attachedPolicy = (arn: string): Element => ({
  PolicyName: arn.slice(arn.lastIndexOf('/') + 1),
  PolicyArn: arn,
});

export const provider = (given: OidcProvider): Element => ({
  Url: given.url,
  ClientIDList: given.clientIds,
  ThumbprintList: given.thumbprints,
  CreateDate: timestamp(given.createdAt),
  Tags: given.tags.map(tag),
});

export function instanceProfile(profile: InstanceProfile, state: IamState): Element {
  const role = profile.roleName === undefined ? undefined : state.role(profile.roleName);
  return {
    InstanceProfileName: profile.name,
    InstanceProfileId: profile.id,
    Arn: profile.arn,
    Path: profile.path,
    CreateDate: timestamp(profile.createdAt),
    Roles: role ? [roleInList(role)] : [],
    Tags: tagList(profile.tags),
  };
}

export const tag = (given: Tag): Element => ({ Key: given.Key, Value: given.Value });

const tagList = (tags: readonly Tag[]): XmlValue => (tags.length === 0 ? undefined : tags.map(tag));

const boundary = (role: Role): XmlValue =>
  role.boundaryArn === undefined
    ? undefined
    : { PermissionsBoundaryType: 'Policy', PermissionsBoundaryArn: role.boundaryArn };

function lastUsed(role: Role, state: IamState): XmlValue {
  const used = state.lastUsed(role);
  return used ? { LastUsedDate: timestamp(used.time), Region: used.region } : {};
}
