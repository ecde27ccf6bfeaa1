/**
 * Rights that a user needs to write an account: Kubernetes RBAC decides who may grant AWS permissions to a target. A
 * request needs rights only for what it adds to the account. A policy is added to a target when the policy or the
 * target is new: a new policy needs the right to all of the account's targets, and a new target needs the right to all
 * of its policies.
 *
 * | right                                     | needed to                                                            |
 * |-------------------------------------------|----------------------------------------------------------------------|
 * | `attach` on `iampolicies` named POLICY    | add the policy, or add a target to an account that has it. POLICY is |
 * |                                           | the ARN or the name (`aws/NAME`) by which the account lists it       |
 * | `link` on `targets` named TARGET          | add the target, add a policy to an account that has it, or change    |
 * |                                           | `identityMode`, which links each target again and rolls its apps     |
 * | `grant` on `iamactions` named SERVICE     | add or change a statement with actions of the service, or add a      |
 * |                                           | target to an account that has one. `*` is the name for all services  |
 * | `bound` on `iampolicies` named ARN        | set the policy as the account's permissions boundary                 |
 * | `bound` on `iampolicies` named `*`        | remove the boundary, so that the cluster's applies                   |
 * | `claim` on `iamroles` named ROLE          | set `roleName` or `adopt`, or keep the role with its permissions      |
 * |                                           | after the account is deleted (`Retain`)                              |
 * | `tag` on `iamtags` named KEY              | set, change or remove a tag: IAM policies tell roles apart by tags   |
 * | `extend` on `linkedserviceaccounts` named | lengthen `maxSessionDuration`: sessions continue for up to that long |
 * | ACCOUNT                                   | after a target is removed                                            |
 *
 * Names are exact; an RBAC rule without `resourceNames` gives the right to all names, including `*`. An account without `targets`
 * is linked in all targets, including future ones: it needs the right to the name `*`.
 */
import { linkedServiceAccounts, maxPolicies } from '../api/index.ts';
import {
  added,
  admissionPolicy,
  changed,
  changedTags,
  rightToEach,
  specChanges,
  tagSlots,
  variable,
  writesOf,
  type AdmissionPolicy,
  type NamedRight,
} from './admission-policy.ts';
import { deployRight, useRight } from './app-admission.ts';

/**
 * Maximum number of policies of an account. It is also the maximum number of checks within the cost limit of one admission policy.
 */
const policySlots = maxPolicies;
/** If a request concerns more targets than this, its user needs the right to all targets (`*`). */
const targetSlots = 25;

export const rights = {
  attach: { verb: 'attach', resource: 'iampolicies' },
  link: { verb: 'link', resource: 'targets' },
  grant: { verb: 'grant', resource: 'iamactions' },
  bound: { verb: 'bound', resource: 'iampolicies' },
  claim: { verb: 'claim', resource: 'iamroles' },
  tag: { verb: 'tag', resource: 'iamtags' },
  extend: { verb: 'extend', resource: linkedServiceAccounts.plural },
  use: useRight,
  deploy: deployRight,
} as const satisfies Readonly<Record<string, NamedRight>>;

const written = writesOf(linkedServiceAccounts);

/**
 * Requires the right to each tag in the variable `askedTags` (see `changedTags`).
 *
 * @param owner how the message names the owner of the tags, for example `a role`
 */
export const rightToTags = (owner: string): AdmissionPolicy['spec']['validations'] =>
  rightToEach(rights.tag, {
    names: 'variables.askedTags',
    unordered: true,
    slots: tagSlots,
    may: `'set tags of ${owner} (' + NAME + ')'`,
  });

/** Default session duration in seconds. Source: IAM CreateRole, MaxSessionDuration. */
const defaultSession = 3600;

/**
 * CEL expression for the name of the account's role, or `*` while the name is unknown. A role name in the status counts
 * only if it has the form that the operator derives from the account's own name (see identity/desired/names.ts).
 * Otherwise, a user who has the right to a role could forge a status that names this role.
 */
export const roleOfAccount = (account: string): string => {
  const status = `${account}.?status.?roleArn.orValue('')`;
  const own = `${account}.metadata.name`;
  const derived = `'-' + (size(${own}) > ${nameInRole} ? ${own}.substring(0, ${nameInRole}) : ${own} + '-')`;
  return `has(${account}.spec.aws.roleName) ? ${account}.spec.aws.roleName : ${status}.contains('/kon-') && ${status}.contains(${derived}) ? ${status}.split('/')[size(${status}.split('/')) - 1] : '*'`;
};
/**
 * The name of an account's role contains at least this many characters of the account's name, however long the
 * cluster's name is.
 */
const nameInRole = 26;

/**
 * CEL expression for the policies of an account, by ARN or by name, as the user wrote them. The schema limits their
 * number to `policySlots`.
 */
const listed = (account: string): string =>
  `${account}.spec.aws.?policyArns.orValue([]) + ${account}.spec.aws.?policyNames.orValue([])`;

const shared = [
  variable('policies', listed('object')),
  variable('policiesBefore', `oldObject == null ? [] : ${listed('oldObject')}`),
  variable('targets', "object.spec.?targets.orValue(['*'])"),
  variable('targetsBefore', "oldObject == null ? [] : oldObject.spec.?targets.orValue(['*'])"),
  variable('newPolicies', added('variables.policies', 'variables.policiesBefore')),
  variable(
    'newTargets',
    `'*' in variables.targetsBefore ? [] : ${added('variables.targets', 'variables.targetsBefore')}`,
  ),
];

/**
 * Maximum number of services in the statements of a request for which the rights are checked one by one. A request with
 * more services requires the right to all services (`*`).
 */
const serviceSlots = 20;

/** Statements of the account that are new or changed. */
const newStatements = [
  variable('statements', 'object.spec.aws.?statements.orValue([])'),
  variable('statementsBefore', 'oldObject == null ? [] : oldObject.spec.aws.?statements.orValue([])'),
  variable(
    'newStatements',
    'variables.statements.filter(statement, !(statement in variables.statementsBefore))',
  ),
] as const;

/**
 * Variables for the distinct services in the requested statements. CEL cannot remove duplicates from a list, so each
 * variable removes all occurrences of the first name in the previous list.
 */
const distinctServices = [
  variable(
    'services0',
    "size(variables.asked) == 0 ? [] : variables.asked.map(statement, statement.actions.map(action, action.split(':')[0]).join(',')).join(',').split(',')",
  ),
  ...Array.from({ length: serviceSlots }, (_, slot) =>
    variable(
      `services${slot + 1}`,
      `size(variables.services${slot}) == 0 ? [] : variables.services${slot}.filter(name, name != variables.services${slot}[0])`,
    ),
  ),
];

const names = Array.from(
  { length: serviceSlots },
  (_, slot) => `(size(variables.services${slot}) == 0 ? [] : [variables.services${slot}[0]])`,
).join(' + ');

export const grantPolicy: AdmissionPolicy = admissionPolicy('grant.k11n.dev', {
  matchConstraints: written,
  matchConditions: [
    specChanges,
    { name: 'has-statements', expression: 'size(object.spec.aws.?statements.orValue([])) > 0' },
  ],
  variables: [
    ...shared,
    ...newStatements,
    variable('asked', 'size(variables.newTargets) > 0 ? variables.statements : variables.newStatements'),
    ...distinctServices,
    variable('services', `size(variables.services${serviceSlots}) > 0 ? ['*'] : ${names}`),
  ],
  validations: rightToEach(rights.grant, {
    names: 'variables.services',
    slots: serviceSlots,
    may: "'grant ' + (NAME == '*' ? 'actions of all services' : 'actions of the service ' + NAME)",
  }),
});

export const attachPolicy: AdmissionPolicy = admissionPolicy('attach.k11n.dev', {
  matchConstraints: written,
  matchConditions: [specChanges],
  variables: [
    ...shared,
    variable('asked', 'size(variables.newTargets) > 0 ? variables.policies : variables.newPolicies'),
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
    ...newStatements,
    variable('switches', `oldObject != null && ${changed('aws.identityMode')}`),
    variable(
      'wanted',
      'size(variables.newPolicies) > 0 || size(variables.newStatements) > 0 || variables.switches ? variables.targets : variables.newTargets',
    ),
    variable('asked', `size(variables.wanted) > ${targetSlots} ? ['*'] : variables.wanted`),
  ],
  validations: rightToEach(rights.link, {
    names: 'variables.asked',
    slots: targetSlots,
    may: "(variables.switches ? 'change how pods get their role in ' : 'give AWS permissions to ') + (NAME == '*' ? 'all targets' : 'the target ' + NAME)",
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
      'claims',
      'has(object.spec.aws.roleName) && (oldObject == null || variables.adopts && !variables.adoptedBefore)',
    ),
    variable(
      'retains',
      "object.spec.deletionPolicy == 'Retain' && (oldObject == null || oldObject.spec.deletionPolicy != 'Retain')",
    ),
    variable('role', roleOfAccount('object')),
    variable('roles', 'variables.claims || variables.retains ? [variables.role] : []'),
    ...changedTags('object.spec.aws.?tags', 'oldObject.spec.aws.?tags'),
    variable('session', `object.spec.aws.?maxSessionDuration.orValue(${defaultSession})`),
    variable(
      'sessionBefore',
      `oldObject == null ? ${defaultSession} : oldObject.spec.aws.?maxSessionDuration.orValue(${defaultSession})`,
    ),
    variable('extended', 'variables.session > variables.sessionBefore ? [object.metadata.name] : []'),
  ],
  validations: [
    ...rightToEach(rights.bound, {
      names: 'variables.boundaries',
      slots: 1,
      may: "(NAME == '*' ? 'remove the permissions boundary of an account' : 'make ' + NAME + ' the permissions boundary of an account')",
    }),
    ...rightToEach(rights.claim, {
      names: 'variables.roles',
      slots: 1,
      may: "(variables.claims ? 'claim ' : 'keep ') + (NAME == '*' ? 'an IAM role whose name is not known yet' : 'the IAM role ' + NAME) + (variables.claims ? '' : ' after the account is deleted')",
    }),
    ...rightToEach(rights.extend, {
      names: 'variables.extended',
      slots: 1,
      may: "'lengthen the sessions of the account ' + NAME",
    }),
    ...rightToTags('a role'),
  ],
});
