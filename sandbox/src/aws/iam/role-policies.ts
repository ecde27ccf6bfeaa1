/** Permissions of a role: attached managed policies and inline policies. */
import { readPolicy } from './documents.ts';
import type { IamAction } from './env.ts';
import { iamAction } from './env.ts';
import { invalidInput, limitExceeded, noSuchEntity, notAttachable, quotaExceeded } from './errors.ts';
import * as fields from './fields.ts';
import type { InlinePolicy, Role } from './model.ts';
import { pageOfList } from './paging.ts';
import { sizeWithoutWhitespace } from './quotas.ts';
import { attachedPolicy } from './render.ts';
import { existingRole } from './roles.ts';
import type { IamState } from './state.ts';
import { roleSubject } from './subjects.ts';

const attachRolePolicy = iamAction({
  name: 'AttachRolePolicy',
  access: 'write',
  input: { RoleName: fields.roleName, PolicyArn: fields.arn },
  subject: (input, state) => roleSubject(input.RoleName, state, { 'iam:PolicyARN': input.PolicyArn }),
  run: (input, { state, now }) => {
    checkPolicyArn(input.PolicyArn);
    const role = existingRole(input.RoleName, state);
    if (!state.policy(input.PolicyArn)) throw notAttachable(input.PolicyArn);
    if (role.attachedPolicies.includes(input.PolicyArn)) return undefined;
    const limit = state.quotas.attachedPoliciesPerRole;
    if (role.attachedPolicies.length >= limit) throw quotaExceeded('PoliciesPerRole', limit);
    state.putRole({ ...role, attachedPolicies: [...role.attachedPolicies, input.PolicyArn].sort() }, now);
    return undefined;
  },
});

const detachRolePolicy = iamAction({
  name: 'DetachRolePolicy',
  access: 'write',
  input: { RoleName: fields.roleName, PolicyArn: fields.arn },
  subject: (input, state) => roleSubject(input.RoleName, state, { 'iam:PolicyARN': input.PolicyArn }),
  run: (input, { state, now }) => {
    checkPolicyArn(input.PolicyArn);
    const role = existingRole(input.RoleName, state);
    if (!role.attachedPolicies.includes(input.PolicyArn)) {
      throw noSuchEntity(`Policy ${input.PolicyArn} was not found.`);
    }
    state.putRole(
      { ...role, attachedPolicies: role.attachedPolicies.filter((arn) => arn !== input.PolicyArn) },
      now,
    );
    return undefined;
  },
});

const listAttachedRolePolicies = iamAction({
  name: 'ListAttachedRolePolicies',
  access: 'read',
  input: { RoleName: fields.roleName, PathPrefix: fields.pathPrefix, ...fields.paging },
  subject: (input, state) => roleSubject(input.RoleName, state),
  run: (input, { state, at }) => {
    const arns = existingRole(input.RoleName, state, at).attachedPolicies.filter((arn) =>
      pathOfPolicy(arn).startsWith(input.PathPrefix),
    );
    const page = pageOfList(input, arns, (arn) => arn);
    return { AttachedPolicies: page.items.map(attachedPolicy), ...page.end };
  },
});

const putRolePolicy = iamAction({
  name: 'PutRolePolicy',
  access: 'write',
  input: {
    RoleName: fields.roleName,
    PolicyName: fields.policyName,
    PolicyDocument: fields.policyDocument,
  },
  subject: (input, state) => roleSubject(input.RoleName, state),
  run: (input, { state, now }) => {
    const role = existingRole(input.RoleName, state);
    const policy = readPolicy(input.PolicyDocument, 'identity');
    const others = role.inlinePolicies.filter((inline) => inline.name !== input.PolicyName);
    checkInlineSize(role, [...others, { name: input.PolicyName, policy }], state);
    if (inlinePolicy(role, input.PolicyName)?.policy.text === policy.text) return undefined;
    const inlinePolicies = [...others, { name: input.PolicyName, policy }].sort(byName);
    state.putRole({ ...role, inlinePolicies }, now);
    return undefined;
  },
});

const getRolePolicy = iamAction({
  name: 'GetRolePolicy',
  access: 'read',
  input: { RoleName: fields.roleName, PolicyName: fields.policyName },
  subject: (input, state) => roleSubject(input.RoleName, state),
  run: (input, { state, at }) => {
    const role = existingRole(input.RoleName, state, at);
    const { name, policy } = existingInlinePolicy(role, input.PolicyName);
    return { RoleName: role.name, PolicyName: name, PolicyDocument: policy.encoded };
  },
});

const deleteRolePolicy = iamAction({
  name: 'DeleteRolePolicy',
  access: 'write',
  input: { RoleName: fields.roleName, PolicyName: fields.policyName },
  subject: (input, state) => roleSubject(input.RoleName, state),
  run: (input, { state, now }) => {
    const role = existingRole(input.RoleName, state);
    const { name } = existingInlinePolicy(role, input.PolicyName);
    state.putRole(
      { ...role, inlinePolicies: role.inlinePolicies.filter((inline) => inline.name !== name) },
      now,
    );
    return undefined;
  },
});

const listRolePolicies = iamAction({
  name: 'ListRolePolicies',
  access: 'read',
  input: { RoleName: fields.roleName, ...fields.paging },
  subject: (input, state) => roleSubject(input.RoleName, state),
  run: (input, { state, at }) => {
    const names = existingRole(input.RoleName, state, at).inlinePolicies.map(({ name }) => name);
    const page = pageOfList(input, names, (name) => name);
    return { PolicyNames: page.items, ...page.end };
  },
});

/** @throws InvalidInput if the text cannot be the ARN of a managed policy in any account */
export function checkPolicyArn(arn: string): void {
  if (!/^arn:[^:]+:iam::(?:aws|\d{12}):policy\/\S+$/.test(arn))
    throw invalidInput(`ARN ${arn} is not valid.`);
}

const inlinePolicy = (role: Role, name: string): InlinePolicy | undefined =>
  role.inlinePolicies.find((inline) => inline.name === name);

function existingInlinePolicy(role: Role, name: string): InlinePolicy {
  const found = inlinePolicy(role, name);
  if (!found) throw noSuchEntity(`The role policy with name ${name} cannot be found.`);
  return found;
}

function checkInlineSize(role: Role, policies: readonly InlinePolicy[], state: IamState): void {
  const limit = state.quotas.rolePolicySize;
  const size = policies.reduce((sum, { policy }) => sum + sizeWithoutWhitespace(policy.text), 0);
  if (size > limit) {
    throw limitExceeded(`Maximum policy size of ${limit} bytes exceeded for role ${role.name}`);
  }
}

const byName = (left: InlinePolicy, right: InlinePolicy): number => (left.name < right.name ? -1 : 1);

const pathOfPolicy = (arn: string): string =>
  arn.slice(arn.indexOf(':policy/') + ':policy'.length, arn.lastIndexOf('/') + 1);

export const rolePolicyActions: readonly IamAction[] = [
  attachRolePolicy,
  detachRolePolicy,
  listAttachedRolePolicies,
  putRolePolicy,
  getRolePolicy,
  deleteRolePolicy,
  listRolePolicies,
];
