/** Managed policies: customer managed policies, which can be changed, and AWS managed policies, which are read-only. */
import { AwsError } from '../wire/service.ts';
import { flag, oneOf, optional, shape, text } from '../wire/shape.ts';
import type { QueryResult } from '../wire/query-service.ts';
import { readPolicy } from './documents.ts';
import type { IamAction } from './env.ts';
import { iamAction, requirement } from './env.ts';
import {
  alreadyExists,
  deleteConflict,
  limitExceeded,
  noSuchEntity,
  notAttachable,
  quotaExceeded,
} from './errors.ts';
import * as fields from './fields.ts';
import type { ManagedPolicy, PolicyText, PolicyVersion } from './model.ts';
import { pageOf, pageOfList } from './paging.ts';
import { sizeWithoutWhitespace } from './quotas.ts';
import { policyInFull, policyInList, policyVersion, tag } from './render.ts';
import { checkPolicyArn } from './role-policies.ts';
import type { IamState } from './state.ts';
import { policySubject } from './subjects.ts';
import { addTags, removeTags, requestTagContext, sameTags } from './tags.ts';

const versionId = text({ pattern: { test: /^v[1-9][0-9]*$/, shown: 'v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?' } });

const createPolicy = iamAction({
  name: 'CreatePolicy',
  access: 'write',
  input: shape({
    PolicyName: fields.policyName,
    Path: fields.path,
    PolicyDocument: fields.policyDocument,
    Description: optional(text({ max: 1000 })),
    Tags: fields.tags,
  }),
  subject: (input, state) => ({
    arn: state.arn(`policy${input.Path}${input.PolicyName}`),
    shown: `policy ${input.PolicyName}`,
    context: requestTagContext(input.Tags),
  }),
  also: (input, subject) => (input.Tags.length > 0 ? [requirement('iam:TagPolicy', subject)] : []),
  run: (input, { state, identifiers, now }) => {
    const document = readManagedDocument(input.PolicyDocument, state);
    const tags = addTags([], input.Tags, state.quotas.tags);
    if (state.customerPolicyNamed(input.PolicyName)) {
      throw alreadyExists(
        `A policy called ${input.PolicyName} already exists. Duplicate names are not allowed.`,
      );
    }
    const limit = state.quotas.customerManagedPolicies;
    if (state.customerPolicyCount() >= limit) throw quotaExceeded('PoliciesPerAccount', limit);
    const policy: ManagedPolicy = {
      name: input.PolicyName,
      path: input.Path,
      id: identifiers.uniqueId('ANPA'),
      arn: state.arn(`policy${input.Path}${input.PolicyName}`),
      owner: 'customer',
      description: input.Description,
      createdAt: now,
      updatedAt: now,
      tags,
      defaultVersionId: 'v1',
      versions: [{ id: 'v1', createdAt: now, policy: document }],
      nextVersion: 2,
    };
    state.putPolicy(policy, now);
    return { Policy: policyInFull(policy, state) };
  },
});

const getPolicy = iamAction({
  name: 'GetPolicy',
  access: 'read',
  input: shape({ PolicyArn: fields.arn }),
  subject: (input, state) => policySubject(input.PolicyArn, state),
  run: (input, { state, at }) => ({
    Policy: policyInFull(existingPolicy(input.PolicyArn, state, at), state),
  }),
});

const getPolicyVersion = iamAction({
  name: 'GetPolicyVersion',
  access: 'read',
  input: shape({ PolicyArn: fields.arn, VersionId: versionId }),
  subject: (input, state) => policySubject(input.PolicyArn, state),
  run: (input, { state, at }) => {
    const policy = existingPolicy(input.PolicyArn, state, at);
    const version = existingVersion(policy, input.VersionId);
    return { PolicyVersion: policyVersion(policy, version, true) };
  },
});

const listPolicies = iamAction({
  name: 'ListPolicies',
  access: 'read',
  input: shape({
    Scope: optional(oneOf(['All', 'AWS', 'Local'])),
    OnlyAttached: optional(flag),
    PathPrefix: fields.pathPrefix,
    PolicyUsageFilter: optional(oneOf(['PermissionsPolicy', 'PermissionsBoundary'])),
    ...fields.paging,
  }),
  subject: (input, state) => ({
    arn: state.arn(`policy${input.PathPrefix}`),
    shown: `policy path ${input.PathPrefix}`,
  }),
  run: (input, { state, at }) => {
    const scope = input.Scope ?? 'All';
    const wanted = (policy: ManagedPolicy): boolean =>
      policy.path.startsWith(input.PathPrefix) &&
      (input.OnlyAttached !== true || isUsed(policy, input.PolicyUsageFilter, state));
    const page = pageOf(input, function* (after) {
      for (const [key, policy] of policiesInOrder(scope, state, at, after)) {
        if (wanted(policy)) yield [key, policy] as const;
      }
    });
    return { Policies: page.items.map((policy) => policyInList(policy, state)), ...page.end };
  },
});

/**
 * Yields the customer managed policies first, and then the AWS managed policies. Keys are unique across both kinds, so
 * a marker locates the next item.
 */
function* policiesInOrder(
  scope: 'All' | 'AWS' | 'Local',
  state: IamState,
  at: number,
  after: string | undefined,
): Generator<readonly [string, ManagedPolicy]> {
  if (scope !== 'AWS' && !after?.startsWith('aws ')) {
    for (const [name, policy] of state.customerPolicies(at, after?.slice('own '.length))) {
      yield [`own ${name}`, policy];
    }
  }
  if (scope === 'Local') return;
  for (const policy of state.awsPolicies()) {
    const key = `aws ${policy.name}`;
    if (after === undefined || after.startsWith('own ') || key > after) yield [key, policy];
  }
}

function isUsed(
  policy: ManagedPolicy,
  usage: 'PermissionsPolicy' | 'PermissionsBoundary' | undefined,
  state: IamState,
): boolean {
  const attached = usage !== 'PermissionsBoundary' && state.attachmentCount(policy.arn) > 0;
  const boundary = usage !== 'PermissionsPolicy' && state.boundaryCount(policy.arn) > 0;
  return attached || boundary;
}

const listPolicyVersions = iamAction({
  name: 'ListPolicyVersions',
  access: 'read',
  input: shape({ PolicyArn: fields.arn, ...fields.paging }),
  subject: (input, state) => policySubject(input.PolicyArn, state),
  run: (input, { state, at }) => {
    const policy = existingPolicy(input.PolicyArn, state, at);
    // Lists the newest version first, as IAM does.
    const page = pageOfList(input, policy.versions, (version) =>
      String(1_000_000 - Number(version.id.slice(1))),
    );
    return { Versions: page.items.map((version) => policyVersion(policy, version, false)), ...page.end };
  },
});

const createPolicyVersion = iamAction({
  name: 'CreatePolicyVersion',
  access: 'write',
  input: shape({
    PolicyArn: fields.arn,
    PolicyDocument: fields.policyDocument,
    SetAsDefault: optional(flag),
  }),
  subject: (input, state) => policySubject(input.PolicyArn, state),
  run: (input, { state, now }) => {
    const policy = ownPolicy(input.PolicyArn, state);
    const document = readManagedDocument(input.PolicyDocument, state);
    const limit = state.quotas.versionsPerPolicy;
    if (policy.versions.length >= limit) {
      throw limitExceeded(
        `A managed policy can have up to ${limit} versions. Before you create a new version, you must delete an existing version.`,
      );
    }
    const version: PolicyVersion = { id: `v${policy.nextVersion}`, createdAt: now, policy: document };
    const changed: ManagedPolicy = {
      ...policy,
      updatedAt: now,
      versions: [...policy.versions, version],
      nextVersion: policy.nextVersion + 1,
      defaultVersionId: input.SetAsDefault === true ? version.id : policy.defaultVersionId,
    };
    state.putPolicy(changed, now);
    return { PolicyVersion: policyVersion(changed, version, false) };
  },
});

const setDefaultPolicyVersion = iamAction({
  name: 'SetDefaultPolicyVersion',
  access: 'write',
  input: shape({ PolicyArn: fields.arn, VersionId: versionId }),
  subject: (input, state) => policySubject(input.PolicyArn, state),
  run: (input, { state, now }) => {
    const policy = ownPolicy(input.PolicyArn, state);
    const { id } = existingVersion(policy, input.VersionId);
    if (id !== policy.defaultVersionId) {
      state.putPolicy({ ...policy, defaultVersionId: id, updatedAt: now }, now);
    }
    return undefined;
  },
});

const deletePolicyVersion = iamAction({
  name: 'DeletePolicyVersion',
  access: 'write',
  input: shape({ PolicyArn: fields.arn, VersionId: versionId }),
  subject: (input, state) => policySubject(input.PolicyArn, state),
  run: (input, { state, now }) => {
    const policy = ownPolicy(input.PolicyArn, state);
    const { id } = existingVersion(policy, input.VersionId);
    if (id === policy.defaultVersionId) {
      throw deleteConflict('Cannot delete the default version of a policy.');
    }
    state.putPolicy({ ...policy, versions: policy.versions.filter((version) => version.id !== id) }, now);
    return undefined;
  },
});

const deletePolicy = iamAction({
  name: 'DeletePolicy',
  access: 'write',
  input: shape({ PolicyArn: fields.arn }),
  subject: (input, state) => policySubject(input.PolicyArn, state),
  run: (input, { state, now }) => {
    const policy = ownPolicy(input.PolicyArn, state);
    if (isUsed(policy, undefined, state)) {
      throw deleteConflict('Cannot delete a policy attached to entities.');
    }
    if (policy.versions.length > 1) {
      throw deleteConflict(
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
      );
    }
    state.deletePolicy(policy, now);
    return undefined;
  },
});

const listEntitiesForPolicy = iamAction({
  name: 'ListEntitiesForPolicy',
  access: 'read',
  input: shape({
    PolicyArn: fields.arn,
    EntityFilter: optional(oneOf(['User', 'Role', 'Group', 'LocalManagedPolicy', 'AWSManagedPolicy'])),
    PathPrefix: fields.pathPrefix,
    PolicyUsageFilter: optional(oneOf(['PermissionsPolicy', 'PermissionsBoundary'])),
    ...fields.paging,
  }),
  subject: (input, state) => policySubject(input.PolicyArn, state),
  run: (input, { state }): QueryResult => {
    const { arn } = existingPolicy(input.PolicyArn, state);
    const { EntityFilter: filter, PolicyUsageFilter: usage } = input;
    const roles =
      filter !== undefined && filter !== 'Role'
        ? []
        : [
            ...(usage === 'PermissionsBoundary' ? [] : state.attachedTo(arn)),
            ...(usage === 'PermissionsPolicy' ? [] : state.boundaryOf(arn)),
          ];
    const unique = [...new Map(roles.map((role) => [role.id, role])).values()].filter((role) =>
      role.path.startsWith(input.PathPrefix),
    );
    const page = pageOfList(input, unique, (role) => role.name.toLowerCase());
    return {
      PolicyGroups: [],
      PolicyUsers: [],
      PolicyRoles: page.items.map((role) => ({ RoleName: role.name, RoleId: role.id })),
      ...page.end,
    };
  },
});

const tagPolicy = iamAction({
  name: 'TagPolicy',
  access: 'write',
  input: shape({ PolicyArn: fields.arn, Tags: fields.tags }),
  subject: (input, state) => policySubject(input.PolicyArn, state, requestTagContext(input.Tags)),
  run: (input, { state, now }) => {
    const policy = ownPolicy(input.PolicyArn, state);
    putTags(policy, addTags(policy.tags, input.Tags, state.quotas.tags), state, now);
    return undefined;
  },
});

const untagPolicy = iamAction({
  name: 'UntagPolicy',
  access: 'write',
  input: shape({ PolicyArn: fields.arn, TagKeys: fields.tagKeys }),
  subject: (input, state) => policySubject(input.PolicyArn, state, { 'aws:TagKeys': input.TagKeys }),
  run: (input, { state, now }) => {
    const policy = ownPolicy(input.PolicyArn, state);
    putTags(policy, removeTags(policy.tags, input.TagKeys), state, now);
    return undefined;
  },
});

const listPolicyTags = iamAction({
  name: 'ListPolicyTags',
  access: 'read',
  input: shape({ PolicyArn: fields.arn, ...fields.paging }),
  subject: (input, state) => policySubject(input.PolicyArn, state),
  run: (input, { state, at }) => {
    const page = pageOfList(input, existingPolicy(input.PolicyArn, state, at).tags, ({ Key }) => Key);
    return { Tags: page.items.map(tag), ...page.end };
  },
});

function existingPolicy(arn: string, state: IamState, at?: number): ManagedPolicy {
  checkPolicyArn(arn);
  const policy = state.policy(arn, at);
  if (!policy) throw notFound(arn);
  return policy;
}

/** Returns a customer managed policy that the caller wants to change. AWS managed policies cannot be changed. */
function ownPolicy(arn: string, state: IamState): ManagedPolicy {
  const policy = existingPolicy(arn, state);
  if (policy.owner === 'aws') throw new AwsError('AccessDenied', 'Policy is outside your own account.', 403);
  return policy;
}

const notFound = (arn: string): AwsError =>
  arn.includes(':iam::aws:') ? notAttachable(arn) : noSuchEntity(`Policy ${arn} was not found.`);

function existingVersion(policy: ManagedPolicy, id: string): PolicyVersion {
  const version = policy.versions.find((candidate) => candidate.id === id);
  if (!version) throw noSuchEntity(`Policy ${policy.arn} version ${id} does not exist or is not attachable.`);
  return version;
}

function readManagedDocument(document: string, state: IamState): PolicyText {
  const policy = readPolicy(document, 'managed');
  const limit = state.quotas.policySize;
  if (sizeWithoutWhitespace(document) > limit) throw quotaExceeded('PolicySize', limit);
  return policy;
}

function putTags(policy: ManagedPolicy, tags: ManagedPolicy['tags'], state: IamState, now: number): void {
  if (!sameTags(policy.tags, tags)) state.putPolicy({ ...policy, tags }, now);
}

export const managedPolicyActions: readonly IamAction[] = [
  createPolicy,
  getPolicy,
  getPolicyVersion,
  listPolicies,
  listPolicyVersions,
  createPolicyVersion,
  setDefaultPolicyVersion,
  deletePolicyVersion,
  deletePolicy,
  listEntitiesForPolicy,
  tagPolicy,
  untagPolicy,
  listPolicyTags,
];
