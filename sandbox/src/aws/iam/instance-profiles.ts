/** Instance profiles, limited to their effect on roles: a role in a profile cannot be deleted. */
import type { IamAction } from './env.ts';
import { iamAction, requirement } from './env.ts';
import { alreadyExists, deleteConflict, limitExceeded, noSuchEntity, quotaExceeded } from './errors.ts';
import * as fields from './fields.ts';
import type { InstanceProfile } from './model.ts';
import { pageOf } from './paging.ts';
import { instanceProfile as render } from './render.ts';
import { existingRole } from './roles.ts';
import type { IamState } from './state.ts';
import { instanceProfileSubject, roleSubject } from './subjects.ts';
import { addTags, newResourceTagContext, requestTagContext } from './tags.ts';

const named = { InstanceProfileName: fields.instanceProfileName } as const;

const createInstanceProfile = iamAction({
  name: 'CreateInstanceProfile',
  access: 'write',
  input: { ...named, Path: fields.path, Tags: fields.tags },
  subject: (input, state) => ({
    arn: state.arn(`instance-profile${input.Path}${input.InstanceProfileName}`),
    context: { ...requestTagContext(input.Tags), ...newResourceTagContext(input.Tags) },
  }),
  also: (input, subject) => (input.Tags.length > 0 ? [requirement('iam:TagInstanceProfile', subject)] : []),
  run: (input, { state, identifiers, now }) => {
    const name = input.InstanceProfileName;
    if (state.instanceProfile(name)) throw alreadyExists(`Instance Profile ${name} already exists.`);
    const limit = state.quotas.instanceProfiles;
    if (state.instanceProfileCount() >= limit) throw quotaExceeded('InstanceProfilesPerAccount', limit);
    const profile: InstanceProfile = {
      name,
      path: input.Path,
      id: identifiers.uniqueId('AIPA'),
      arn: state.arn(`instance-profile${input.Path}${name}`),
      createdAt: now,
      tags: addTags([], input.Tags, state.quotas.tags),
      roleName: undefined,
    };
    state.putInstanceProfile(profile, now);
    return { InstanceProfile: render(profile, state) };
  },
});

const getInstanceProfile = iamAction({
  name: 'GetInstanceProfile',
  access: 'read',
  input: named,
  subject: (input, state) => instanceProfileSubject(input.InstanceProfileName, state),
  run: (input, { state, at }) => ({
    InstanceProfile: render(existingProfile(input.InstanceProfileName, state, at), state),
  }),
});

const deleteInstanceProfile = iamAction({
  name: 'DeleteInstanceProfile',
  access: 'write',
  input: named,
  subject: (input, state) => instanceProfileSubject(input.InstanceProfileName, state),
  run: (input, { state, now }) => {
    const profile = existingProfile(input.InstanceProfileName, state);
    if (profile.roleName !== undefined) {
      throw deleteConflict('Cannot delete entity, must remove roles from instance profile first.');
    }
    state.deleteInstanceProfile(profile, now);
    return undefined;
  },
});

const addRoleToInstanceProfile = iamAction({
  name: 'AddRoleToInstanceProfile',
  access: 'write',
  input: { ...named, RoleName: fields.roleName },
  subject: (input, state) => instanceProfileSubject(input.InstanceProfileName, state),
  run: (input, { state, now }) => {
    const profile = existingProfile(input.InstanceProfileName, state);
    const role = existingRole(input.RoleName, state);
    if (profile.roleName !== undefined) {
      throw limitExceeded('Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1');
    }
    state.putInstanceProfile({ ...profile, roleName: role.name }, now);
    return undefined;
  },
});

const removeRoleFromInstanceProfile = iamAction({
  name: 'RemoveRoleFromInstanceProfile',
  access: 'write',
  input: { ...named, RoleName: fields.roleName },
  subject: (input, state) => instanceProfileSubject(input.InstanceProfileName, state),
  run: (input, { state, now }) => {
    const profile = existingProfile(input.InstanceProfileName, state);
    const role = existingRole(input.RoleName, state);
    if (profile.roleName !== role.name) {
      throw noSuchEntity(`Role ${role.name} in Instance Profile ${profile.name} cannot be found.`);
    }
    state.putInstanceProfile({ ...profile, roleName: undefined }, now);
    return undefined;
  },
});

const listInstanceProfilesForRole = iamAction({
  name: 'ListInstanceProfilesForRole',
  access: 'read',
  input: { RoleName: fields.roleName, ...fields.paging },
  subject: (input, state) => roleSubject(input.RoleName, state),
  run: (input, { state, at }) => {
    const role = existingRole(input.RoleName, state, at);
    const page = pageOf(input, function* (after) {
      for (const entry of state.instanceProfiles(at, after)) {
        if (entry[1].roleName === role.name) yield entry;
      }
    });
    return { InstanceProfiles: page.items.map((profile) => render(profile, state)), ...page.end };
  },
});

function existingProfile(name: string, state: IamState, at?: number): InstanceProfile {
  const profile = state.instanceProfile(name, at);
  if (!profile) throw noSuchEntity(`Instance Profile ${name} cannot be found.`);
  return profile;
}

export const instanceProfileActions: readonly IamAction[] = [
  createInstanceProfile,
  getInstanceProfile,
  deleteInstanceProfile,
  addRoleToInstanceProfile,
  removeRoleFromInstanceProfile,
  listInstanceProfilesForRole,
];
