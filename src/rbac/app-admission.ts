/**
 * Rights that a user needs to write an App. An App decides what runs in its targets, with their Secrets, ConfigMaps and Ingresses,
 * and with the permissions of the account that it names. Writing an App is therefore equivalent to creating pods in its targets and
 * using the account. This also applies to an edit of the image, a variable or a command, not only to an edit of the targets and the
 * account. Every change of the spec needs both rights, except that `deploy` is needed only for targets that the change concerns,
 * and `use` is not needed to remove the account.
 *
 * | right                                       | needed to                                            |
 * |---------------------------------------------|------------------------------------------------------|
 * | `deploy` on `targets` named TARGET          | write the spec of an App that runs in the target     |
 * | `use` on `linkedserviceaccounts` named NAME | write the spec of an App that names the account      |
 */
import { appSpec, apps, linkedServiceAccounts } from '../api/index.ts';
import {
  admissionPolicy,
  rightToEach,
  specChanges,
  variable,
  writesOf,
  type AdmissionPolicy,
  type NamedRight,
} from './admission-policy.ts';

export const useRight = {
  verb: 'use',
  resource: linkedServiceAccounts.plural,
} as const satisfies NamedRight;

export const deployRight = { verb: 'deploy', resource: 'targets' } as const satisfies NamedRight;

/** If a request concerns more targets than this, its user needs the right to all targets (`*`). */
const targetSlots = 25;

const written = writesOf(apps);

export const usePolicy: AdmissionPolicy = admissionPolicy('use.k11n.dev', {
  matchConstraints: written,
  matchConditions: [specChanges, { name: 'names-an-account', expression: 'has(object.spec.serviceAccount)' }],
  variables: [variable('accounts', '[object.spec.serviceAccount]')],
  validations: rightToEach(useRight, {
    names: 'variables.accounts',
    slots: 1,
    may: "'run an app with the AWS permissions of the account ' + NAME",
  }),
});

/** Fields of the spec that apply to all targets. Derived from the schema, so that future fields are included. */
const commonFields = Object.keys(appSpec.shape).filter((field) => field !== 'targets');

export const deployPolicy: AdmissionPolicy = admissionPolicy('deploy.k11n.dev', {
  matchConstraints: written,
  matchConditions: [specChanges],
  variables: [
    variable(
      'sameForAll',
      `oldObject != null && ${commonFields.map((field) => `object.spec.?${field} == oldObject.spec.?${field}`).join(' && ')}`,
    ),
    variable('targetsBefore', 'oldObject == null ? [] : oldObject.spec.targets'),
    variable(
      'changedTargets',
      'object.spec.targets.filter(target, !variables.sameForAll || !variables.targetsBefore.exists(before, before.name == target.name && before == target)).map(target, target.name)',
    ),
    variable('asked', `size(variables.changedTargets) > ${targetSlots} ? ['*'] : variables.changedTargets`),
  ],
  validations: rightToEach(deployRight, {
    names: 'variables.asked',
    slots: targetSlots,
    may: "'run apps in ' + (NAME == '*' ? 'all targets' : 'the target ' + NAME)",
  }),
});
