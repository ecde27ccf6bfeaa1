/**
 * Who may give which AWS permissions to whom, decided by Kubernetes RBAC when an account is written. Only what a request
 * adds is asked for: whoever edits an account needs no right to what it had before. A policy is added to a target when
 * either of the two is new, so a new policy asks for the right to all of the account's targets, and a new target for the
 * right to all of its policies.
 *
 * | right                                  | who                                                              |
 * |----------------------------------------|------------------------------------------------------------------|
 * | `attach` on `iampolicies` named ARN    | adds the policy, or adds a target to an account which has it      |
 * | `link` on `targets` named TARGET       | adds the target, or adds a policy to an account which has it      |
 * | `bound` on `iampolicies` named ARN     | makes the policy the account's permissions boundary              |
 * | `bound` on `iampolicies` named `*`     | takes the boundary off, or the cluster's comes back in its place |
 * | `claim` on `iamroles` named ROLE       | names the role of an account, or lets it be taken over           |
 * | `tag` on `iamtags` named KEY           | sets, changes or removes a tag: roles are told apart by them     |
 *
 * Names are exact; a rule of RBAC without `resourceNames` gives the right to all, `*` among them. An account without
 * `targets` is for all targets, also those to come, which is named `*`.
 */
import { linkedServiceAccounts } from '../api/index.ts';
import { admissionPolicy, rightToEach, type AdmissionPolicy, type NamedRight } from './admission-policy.ts';
import { useRight } from './app-admission.ts';

/** As many as an account can list, and the most checks that the cost limit of one policy has room for. */
const policySlots = 25;
/** More targets than that ask for the right to all. */
const targetSlots = 25;
const tagSlots = 20;

export const rights = {
  attach: { verb: 'attach', resource: 'iampolicies' },
  link: { verb: 'link', resource: 'targets' },
  bound: { verb: 'bound', resource: 'iampolicies' },
  claim: { verb: 'claim', resource: 'iamroles' },
  tag: { verb: 'tag', resource: 'iamtags' },
  use: useRight,
} as const satisfies Readonly<Record<string, NamedRight>>;

const written = {
  resourceRules: [
    {
      apiGroups: [linkedServiceAccounts.group],
      apiVersions: ['*'],
      operations: ['CREATE', 'UPDATE'],
      resources: [linkedServiceAccounts.plural],
    },
  ],
} as const;

/** Finalizers, labels and the like are nobody's permissions. */
const specChanges = {
  name: 'spec-changes',
  expression: 'oldObject == null || object.spec != oldObject.spec',
};

const variable = (
  name: string,
  expression: string,
): { readonly name: string; readonly expression: string } => ({
  name,
  expression,
});

/** Names that the new list has and the old has not. The limit keeps the comparison within the cost of one expression. */
const added = (now: string, before: string): string =>
  `${now} == ${before} ? [] : size(${now}) * size(${before}) > 100000 ? ['*'] : ${now}.filter(name, !(name in ${before}))`;

const shared = [
  variable('arns', 'object.spec.aws.policyArns'),
  variable('arnsBefore', 'oldObject == null ? [] : oldObject.spec.aws.policyArns'),
  variable('targets', "object.spec.?targets.orValue(['*'])"),
  variable('targetsBefore', "oldObject == null ? [] : oldObject.spec.?targets.orValue(['*'])"),
  variable('newArns', added('variables.arns', 'variables.arnsBefore')),
  variable(
    'newTargets',
    `'*' in variables.targetsBefore ? [] : ${added('variables.targets', 'variables.targetsBefore')}`,
  ),
];

export const attachPolicy: AdmissionPolicy = admissionPolicy('attach.k11n.dev', {
  matchConstraints: written,
  matchConditions: [specChanges],
  variables: [
    ...shared,
    variable('asked', 'size(variables.newTargets) > 0 ? variables.arns : variables.newArns'),
  ],
  validations: rightToEach(rights.attach, {
    names: 'variables.asked',
    slots: policySlots,
    may: "'attach ' + NAME",
  }),
});

export const linkPolicy: AdmissionPolicy = admissionPolicy('link.k11n.dev', {
  matchConstraints: written,
  matchConditions: [specChanges],
  variables: [
    ...shared,
    variable('wanted', 'size(variables.newArns) > 0 ? variables.targets : variables.newTargets'),
    variable('asked', `size(variables.wanted) > ${targetSlots} ? ['*'] : variables.wanted`),
  ],
  validations: rightToEach(rights.link, {
    names: 'variables.asked',
    slots: targetSlots,
    may: "'give AWS permissions to ' + (NAME == '*' ? 'all targets' : 'the target ' + NAME)",
  }),
});

export const claimPolicy: AdmissionPolicy = admissionPolicy('claim.k11n.dev', {
  matchConstraints: written,
  matchConditions: [specChanges],
  variables: [
    variable('boundary', "object.spec.aws.?permissionsBoundaryArn.orValue('')"),
    variable(
      'boundaryBefore',
      "oldObject == null ? '' : oldObject.spec.aws.?permissionsBoundaryArn.orValue('')",
    ),
    variable(
      'boundaries',
      "variables.boundary == variables.boundaryBefore ? [] : [variables.boundary == '' ? '*' : variables.boundary]",
    ),
    variable('adopts', 'object.spec.aws.?adopt.orValue(false)'),
    variable('adoptedBefore', 'oldObject == null ? false : oldObject.spec.aws.?adopt.orValue(false)'),
    variable(
      'roles',
      'has(object.spec.aws.roleName) && (oldObject == null || variables.adopts && !variables.adoptedBefore) ? [object.spec.aws.roleName] : []',
    ),
    variable('tags', 'object.spec.aws.?tags.orValue({})'),
    variable('tagsBefore', 'oldObject == null ? {} : oldObject.spec.aws.?tags.orValue({})'),
    variable(
      'changedTags',
      'variables.tags.filter(key, !(key in variables.tagsBefore) || variables.tagsBefore[key] != variables.tags[key]) + variables.tagsBefore.filter(key, !(key in variables.tags))',
    ),
    variable('askedTags', `size(variables.changedTags) > ${tagSlots} ? ['*'] : variables.changedTags`),
  ],
  validations: [
    ...rightToEach(rights.bound, {
      names: 'variables.boundaries',
      slots: 1,
      may: "(NAME == '*' ? 'take the permissions boundary off an account' : 'make ' + NAME + ' the permissions boundary of an account')",
    }),
    ...rightToEach(rights.claim, {
      names: 'variables.roles',
      slots: 1,
      may: "'claim the IAM role ' + NAME",
    }),
    ...rightToEach(rights.tag, {
      names: 'variables.askedTags',
      slots: tagSlots,
      may: "'set the tag ' + NAME + ' of a role'",
    }),
  ],
});
