/** Actions that create, read, update and delete roles. */
import type { InputOf } from '../wire/shape.ts';
import { optional } from '../wire/shape.ts';
import { readTrustPolicy } from './documents.ts';
import type { IamAction, IamCall } from './env.ts';
import { iamAction, requirement } from './env.ts';
import {
  alreadyExists,
  deleteConflict,
  invalidInput,
  noSuchEntity,
  noSuchRole,
  quotaExceeded,
} from './errors.ts';
import * as fields from './fields.ts';
import type { Role } from './model.ts';
import { pageOf } from './paging.ts';
import { roleInFull, roleInList, tag } from './render.ts';
import type { IamState } from './state.ts';
import { roleSubject } from './subjects.ts';
import { addTags, newResourceTagContext, removeTags, requestTagContext, sameTags } from './tags.ts';

const defaultMaxSessionDuration = 3600;

const createRoleInput = {
  RoleName: fields.roleName,
  Path: fields.path,
  AssumeRolePolicyDocument: fields.policyDocument,
  Description: fields.description,
  MaxSessionDuration: fields.maxSessionDuration,
  PermissionsBoundary: optional(fields.arn),
  Tags: fields.tags,
};

const createRole = iamAction({
  name: 'CreateRole',
  access: 'write',
  input: createRoleInput,
  subject: (input, state) => ({
    arn: state.arn(`role${input.Path}${input.RoleName}`),
    context: {
      ...requestTagContext(input.Tags),
      ...newResourceTagContext(input.Tags),
      ...(input.PermissionsBoundary === undefined
        ? {}
        : { 'iam:PermissionsBoundary': input.PermissionsBoundary }),
    },
  }),
  also: (input, subject) => (input.Tags.length > 0 ? [requirement('iam:TagRole', subject)] : []),
  run: (input, call) => {
    const role = newRole(input, call);
    call.state.putRole(role, call.now);
    return { Role: roleInFull(role, call.state) };
  },
});

function newRole(input: InputOf<typeof createRoleInput>, { state, identifiers, now }: IamCall): Role {
  const trust = readTrustPolicy(input.AssumeRolePolicyDocument, state);
  const tags = addTags([], input.Tags, state.quotas.tags);
  if (input.PermissionsBoundary !== undefined) checkBoundary(input.PermissionsBoundary, state);
  if (state.role(input.RoleName)) throw alreadyExists(`Role with name ${input.RoleName} already exists.`);
  if (state.roleCount() >= state.quotas.roles) throw quotaExceeded('RolesPerAccount', state.quotas.roles);
  return {
    name: input.RoleName,
    path: input.Path,
    id: identifiers.uniqueId('AROA'),
    arn: state.arn(`role${input.Path}${input.RoleName}`),
    createdAt: now,
    description: input.Description,
    maxSessionDuration: input.MaxSessionDuration ?? defaultMaxSessionDuration,
    trust,
    tags,
    attachedPolicies: [],
    inlinePolicies: [],
    boundaryArn: input.PermissionsBoundary,
  };
}

const getRole = iamAction({
  name: 'GetRole',
  access: 'read',
  input: { RoleName: fields.roleName },
  subject: (input, state) => roleSubject(input.RoleName, state),
  run: (input, { state, at }) => ({ Role: roleInFull(existingRole(input.RoleName, state, at), state) }),
});

const listRoles = iamAction({
  name: 'ListRoles',
  access: 'read',
  input: { PathPrefix: fields.pathPrefix, ...fields.paging },
  subject: (input, state) => ({ arn: state.arn(`role${input.PathPrefix}`) }),
  run: (input, { state, at }) => {
    const page = pageOf(input, function* (after) {
      for (const entry of state.roles(at, after)) {
        if (entry[1].path.startsWith(input.PathPrefix)) yield entry;
      }
    });
    return { Roles: page.items.map(roleInList), ...page.end };
  },
});

const deleteRole = iamAction({
  name: 'DeleteRole',
  access: 'write',
  input: { RoleName: fields.roleName },
  subject: (input, state) => roleSubject(input.RoleName, state),
  run: (input, { state, now }) => {
    const role = existingRole(input.RoleName, state);
    for (const [, profile] of state.instanceProfiles()) {
      if (profile.roleName === role.name) {
        throw deleteConflict('Cannot delete entity, must remove roles from instance profile first.');
      }
    }
    if (role.attachedPolicies.length > 0) {
      throw deleteConflict('Cannot delete entity, must detach all policies first.');
    }
    if (role.inlinePolicies.length > 0) {
      throw deleteConflict('Cannot delete entity, must delete policies first.');
    }
    state.deleteRole(role, now);
    return undefined;
  },
});

const updateAssumeRolePolicy = iamAction({
  name: 'UpdateAssumeRolePolicy',
  access: 'write',
  input: { RoleName: fields.roleName, PolicyDocument: fields.policyDocument },
  subject: (input, state) => roleSubject(input.RoleName, state),
  run: (input, { state, now }) => {
    const role = existingRole(input.RoleName, state);
    const trust = readTrustPolicy(input.PolicyDocument, state);
    if (trust.text !== role.trust.text) state.putRole({ ...role, trust }, now);
    return undefined;
  },
});

const updateRole = iamAction({
  name: 'UpdateRole',
  access: 'write',
  input: {
    RoleName: fields.roleName,
    Description: fields.description,
    MaxSessionDuration: fields.maxSessionDuration,
  },
  subject: (input, state) => roleSubject(input.RoleName, state),
  run: (input, { state, now }) => {
    const role = existingRole(input.RoleName, state);
    const description = input.Description ?? role.description;
    const maxSessionDuration = input.MaxSessionDuration ?? role.maxSessionDuration;
    if (description !== role.description || maxSessionDuration !== role.maxSessionDuration) {
      state.putRole({ ...role, description, maxSessionDuration }, now);
    }
    return {};
  },
});

const updateRoleDescription = iamAction({
  name: 'UpdateRoleDescription',
  access: 'write',
  input: { RoleName: fields.roleName, Description: fields.descriptionText },
  subject: (input, state) => roleSubject(input.RoleName, state),
  run: (input, { state, now }) => {
    const role = { ...existingRole(input.RoleName, state), description: input.Description };
    state.putRole(role, now);
    return { Role: roleInList(role) };
  },
});

const putRolePermissionsBoundary = iamAction({
  name: 'PutRolePermissionsBoundary',
  access: 'write',
  input: { RoleName: fields.roleName, PermissionsBoundary: fields.arn },
  subject: (input, state) =>
    roleSubject(input.RoleName, state, { 'iam:PermissionsBoundary': input.PermissionsBoundary }),
  run: (input, { state, now }) => {
    const role = existingRole(input.RoleName, state);
    checkBoundary(input.PermissionsBoundary, state);
    if (role.boundaryArn !== input.PermissionsBoundary) {
      state.putRole({ ...role, boundaryArn: input.PermissionsBoundary }, now);
    }
    return undefined;
  },
});

const deleteRolePermissionsBoundary = iamAction({
  name: 'DeleteRolePermissionsBoundary',
  access: 'write',
  input: { RoleName: fields.roleName },
  subject: (input, state) => roleSubject(input.RoleName, state),
  run: (input, { state, now }) => {
    const role = existingRole(input.RoleName, state);
    if (role.boundaryArn !== undefined) state.putRole({ ...role, boundaryArn: undefined }, now);
    return undefined;
  },
});

const tagRole = iamAction({
  name: 'TagRole',
  access: 'write',
  input: { RoleName: fields.roleName, Tags: fields.tags },
  subject: (input, state) => roleSubject(input.RoleName, state, requestTagContext(input.Tags)),
  run: (input, { state, now }) => {
    const role = existingRole(input.RoleName, state);
    putTags(role, addTags(role.tags, input.Tags, state.quotas.tags), state, now);
    return undefined;
  },
});

const untagRole = iamAction({
  name: 'UntagRole',
  access: 'write',
  input: { RoleName: fields.roleName, TagKeys: fields.tagKeys },
  subject: (input, state) => roleSubject(input.RoleName, state, { 'aws:TagKeys': input.TagKeys }),
  run: (input, { state, now }) => {
    const role = existingRole(input.RoleName, state);
    putTags(role, removeTags(role.tags, input.TagKeys), state, now);
    return undefined;
  },
});

const listRoleTags = iamAction({
  name: 'ListRoleTags',
  access: 'read',
  input: { RoleName: fields.roleName, ...fields.paging },
  subject: (input, state) => roleSubject(input.RoleName, state),
  run: (input, { state, at }) => {
    const { tags } = existingRole(input.RoleName, state, at);
    const page = pageOf(input, (after) =>
      tags
        .map((item, index) => [positionKey(index), item] as const)
        .filter(([key]) => after === undefined || key > after),
    );
    return { Tags: page.items.map(tag), ...page.end };
  },
});

/** @throws NoSuchEntity */
export function existingRole(name: string, state: IamState, at?: number): Role {
  const role = state.role(name, at);
  if (!role) throw noSuchRole(name);
  return role;
}

function putTags(role: Role, tags: Role['tags'], state: IamState, now: number): void {
  if (!sameTags(role.tags, tags)) state.putRole({ ...role, tags }, now);
}

function checkBoundary(arn: string, state: IamState): void {
  if (!/^arn:[^:]+:iam::(?:aws|\d{12}):policy\/.+$/.test(arn)) throw invalidInput(`ARN ${arn} is not valid.`);
  if (!state.policy(arn)) throw noSuchEntity(`Scope ARN: ${arn} does not exist or is not attachable.`);
}

/** Returns a key for an item of a list without keys. Sorting by this key preserves the order of the list. */
const positionKey = (index: number): string => String(index).padStart(4, '0');

export const roleActions: readonly IamAction[] = [
  createRole,
  getRole,
  listRoles,
  deleteRole,
  updateAssumeRolePolicy,
  updateRole,
  updateRoleDescription,
  putRolePermissionsBoundary,
  deleteRolePermissionsBoundary,
  tagRole,
  untagRole,
  listRoleTags,
];
