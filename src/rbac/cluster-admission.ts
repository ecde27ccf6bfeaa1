/**
 * Rights that a user needs to write a ClusterConfig, which applies to all accounts. A request needs rights only to what
 * it adds or loosens. A new ClusterConfig is compared with one that has no targets, allows no policy and has a
 * boundary, so that deleting and recreating the ClusterConfig does not circumvent a right.
 *
 * | right                                | needed to                                                                      |
 * |--------------------------------------|--------------------------------------------------------------------------------|
 * | `link` on `targets` named TARGET     | add the target, which links all accounts without `targets` there                |
 * | `link` on `targets` named `*`        | change `identityMode`, which links every target of every account again          |
 * | `attach` on `iampolicies` named      | add a pattern to `allowedPolicyArns`; the pattern itself is the name, without    |
 * | PATTERN                              | expansion                                                                      |
 * | `attach` on `iampolicies` named `*`  | remove `allowedPolicyArns`, so that accounts may list any policy                |
 * | `bound` on `iampolicies` named ARN   | set the boundary of all roles                                                  |
 * | `bound` on `iampolicies` named `*`   | remove the boundary of all roles, or change `strictInline`                     |
 * | `grant` on `iamactions` named `*`    | set `allowStatements`, so that accounts may have statements of their own        |
 * | `tag` on `iamtags` named KEY         | set, change or remove a tag of all roles                                       |
 * | `claim` on `iamroles` named `*`      | change what decides which roles are the cluster's and whom they trust:          |
 * |                                      | `region`, `accountId`, `clusterName`, `oidcIssuer`, `rolePath`                  |
 *
 * Removing a target, narrowing `allowedPolicyArns` and changing the intervals need none of these rights.
 */
import { clusterConfigs } from '../api/index.ts';
import { rights, rightToTags } from './account-admission.ts';
import {
  added,
  admissionPolicy,
  changed,
  changedTags,
  rightToEach,
  specChanges,
  variable,
  writesOf,
  type AdmissionPolicy,
} from './admission-policy.ts';

/** If a request adds more targets or policies than this, its user needs the right to all of them (`*`). */
const slots = 25;

const written = writesOf(clusterConfigs);

/** Fields that determine which roles belong to the cluster, and whom they trust. */
const identifying = ['region', 'accountId', 'clusterName', 'oidcIssuer', 'rolePath'] as const;

/** @param namespace namespace of the operator, which cannot be a target. The schema refuses kube-* and default */
export function clusterTargetsPolicy(namespace: string): AdmissionPolicy {
  return admissionPolicy('cluster-targets.k11n.dev', {
    matchConstraints: written,
    matchConditions: [specChanges],
    variables: [
      variable('targets', 'object.spec.targets'),
      variable('targetsBefore', 'oldObject == null ? [] : oldObject.spec.targets'),
      variable('newTargets', added('variables.targets', 'variables.targetsBefore')),
      variable('switches', `oldObject != null && ${changed('aws.identityMode')}`),
      variable(
        'asked',
        `variables.switches || size(variables.newTargets) > ${slots} ? ['*'] : variables.newTargets`,
      ),
    ],
    validations: [
      {
        expression: `!('${namespace}' in variables.targets) || '${namespace}' in variables.targetsBefore`,
        message: `the namespace ${namespace} cannot be a target: the operator itself runs in it`,
        reason: 'Invalid',
      },
      ...rightToEach(rights.link, {
        names: 'variables.asked',
        slots,
        may: "(variables.switches ? 'change how pods get their role in all targets' : NAME == '*' ? 'add that many targets to the cluster' : 'add the target ' + NAME + ' to the cluster')",
      }),
    ],
  });
}

export const clusterPoliciesPolicy: AdmissionPolicy = admissionPolicy('cluster-policies.k11n.dev', {
  matchConstraints: written,
  matchConditions: [specChanges],
  variables: [
    // An empty list of patterns allows no policy. A missing list allows all policies, like the pattern `*`.
    variable('patterns', "object.spec.aws.?allowedPolicyArns.orValue(['*'])"),
    variable(
      'patternsBefore',
      "oldObject == null ? [] : oldObject.spec.aws.?allowedPolicyArns.orValue(['*'])",
    ),
    variable(
      'newPatterns',
      `'*' in variables.patternsBefore ? [] : ${added('variables.patterns', 'variables.patternsBefore')}`,
    ),
    variable('asked', `size(variables.newPatterns) > ${slots} ? ['*'] : variables.newPatterns`),
  ],
  validations: rightToEach(rights.attach, {
    names: 'variables.asked',
    slots,
    may: "'allow accounts to attach ' + (NAME == '*' ? 'any policy' : NAME)",
  }),
});

export const clusterRolesPolicy: AdmissionPolicy = admissionPolicy('cluster-roles.k11n.dev', {
  matchConstraints: written,
  matchConditions: [specChanges],
  variables: [
    variable('boundary', "object.spec.aws.?permissionsBoundaryArn.orValue('*')"),
    variable('boundaryChanges', `oldObject == null || ${changed('aws.permissionsBoundaryArn')}`),
    variable(
      'strictnessChanges',
      '(oldObject == null ? false : oldObject.spec.aws.?strictInline.orValue(false)) != object.spec.aws.?strictInline.orValue(false)',
    ),
    variable(
      'boundaries',
      "(variables.boundaryChanges ? [variables.boundary] : []) + (variables.strictnessChanges ? ['*'] : [])",
    ),
    variable(
      'roles',
      `oldObject == null || ${identifying.map((field) => changed(`aws.${field}`)).join(' || ')} ? ['*'] : []`,
    ),
    variable(
      'grants',
      "object.spec.aws.?allowStatements.orValue(false) && !(oldObject == null ? false : oldObject.spec.aws.?allowStatements.orValue(false)) ? ['*'] : []",
    ),
    ...changedTags('object.spec.aws.?tags', 'oldObject.spec.aws.?tags'),
  ],
  validations: [
    ...rightToEach(rights.grant, {
      names: 'variables.grants',
      slots: 1,
      may: "'allow accounts to have their own statements'",
    }),
    ...rightToEach(rights.bound, {
      names: 'variables.boundaries',
      slots: 2,
      may: "(NAME == '*' ? 'loosen the limits of all roles of the cluster' : 'make ' + NAME + ' the permissions boundary of all roles of the cluster')",
    }),
    ...rightToEach(rights.claim, {
      names: 'variables.roles',
      slots: 1,
      may: "'change which IAM roles belong to the cluster'",
    }),
    ...rightToTags('all roles of the cluster'),
  ],
});
