/**
 * Protects objects from deletion while they have the protection label or annotation. Also protects the finalizer of an account from
 * all users except the operator: without the finalizer, the account would be deleted immediately, and its role would remain with
 * all permissions.
 */
import {
  abandonAnnotation,
  accountFinalizer,
  allowDeletionAnnotation,
  allowDowngradeAnnotation,
  apiGroup,
  apps,
  clusterConfigs,
  fieldManager,
  linkedServiceAccounts,
  protectedMark,
  quarantines,
  schemaVersionAnnotation,
} from '../api/index.ts';
import { rights, roleOfAccount } from './account-admission.ts';
import {
  admissionPolicy,
  matchRule,
  rightToEach,
  variable,
  type AdmissionPolicy,
} from './admission-policy.ts';

const marked = (of: string): string =>
  `oldObject.metadata.?${of}[?'${protectedMark}'].orValue('false') != 'false'`;

export const protectionPolicy: AdmissionPolicy = admissionPolicy('protected.k11n.dev', {
  matchConstraints: {
    resourceRules: [
      matchRule(['DELETE'], apiGroup, [linkedServiceAccounts.plural, apps.plural, clusterConfigs.plural]),
    ],
  },
  validations: [
    {
      expression: `!(${marked('annotations')} || ${marked('labels')})`,
      message: `the object is protected from deletion: remove its label or annotation ${protectedMark} first`,
      messageExpression: `oldObject.kind + ' ' + oldObject.metadata.name + ' is protected from deletion: remove its label or annotation ${protectedMark} first'`,
      reason: 'Forbidden',
    },
  ],
});

const definitions = [clusterConfigs, linkedServiceAccounts, apps, quarantines].map(
  ({ plural, group }) => `${plural}.${group}`,
);

const annotation = (of: string, name: string): string =>
  `${of}.metadata.?annotations[?'${name}'].orValue('')`;

/**
 * CEL expression for the schema version of a CRD. The value is 0 for a CRD without a valid version, for example because
 * the CRD was created before schema versions existed.
 */
const versionOf = (of: string): string => {
  const text = annotation(of, schemaVersionAnnotation);
  return `(${text}.matches('^[0-9]{1,9}$') ? int(${text}) : 0)`;
};

/**
 * Protects the CRDs. Deleting a CRD deletes all objects of its kind without admission, so `protectionPolicy` does not
 * see these deletions. An update to an older schema permanently drops, from all stored objects, the fields that the
 * older schema lacks. The policy does not use `resourceNames`, which would not match a `deletecollection` request,
 * because such a request names no object.
 */
export const definitionsPolicy: AdmissionPolicy = admissionPolicy('definitions.k11n.dev', {
  matchConstraints: {
    resourceRules: [matchRule(['UPDATE', 'DELETE'], 'apiextensions.k8s.io', ['customresourcedefinitions'])],
  },
  matchConditions: [
    {
      name: 'is-of-konstellation',
      expression: `oldObject.metadata.name in [${definitions.map((name) => `'${name}'`).join(', ')}]`,
    },
  ],
  validations: [
    {
      expression: `request.operation != 'DELETE' || ${annotation('oldObject', allowDeletionAnnotation)} == 'true'`,
      message: `the deletion of the CRD would delete all objects of the kind, including protected objects: use kon uninstall, or add the annotation ${allowDeletionAnnotation}=true first`,
      messageExpression: `'the deletion of the CRD ' + oldObject.metadata.name + ' would delete all objects of the kind, including protected objects: use kon uninstall, or add the annotation ${allowDeletionAnnotation}=true first'`,
      reason: 'Forbidden',
    },
    {
      expression: `request.operation != 'UPDATE' || ${versionOf('object')} >= ${versionOf('oldObject')} || ${annotation('object', allowDowngradeAnnotation)} == string(${versionOf('object')})`,
      message: `an older schema would drop, from all stored objects, the fields that it lacks: use kon install --downgrade, which lists these fields`,
      messageExpression: `'the CRD ' + oldObject.metadata.name + ' has schema version ' + string(${versionOf('oldObject')}) + ', and version ' + string(${versionOf('object')}) + ' would drop, from all stored objects, the fields that it lacks: use kon install --downgrade, which lists these fields, or add the annotation ${allowDowngradeAnnotation}=' + string(${versionOf('object')})`,
      reason: 'Forbidden',
    },
  ],
});

/**
 * An operator that runs outside the cluster has another username, and is recognized by its field manager. A request
 * with that field manager needs no annotation that states consent. But its user still needs the RBAC right to the IAM
 * role, because any user can send that field manager.
 *
 * @param username username of the operator's ServiceAccount: `system:serviceaccount:NAMESPACE:NAME`
 */
export function finalizerPolicy(username: string): AdmissionPolicy {
  return admissionPolicy('finalizer.k11n.dev', {
    matchConstraints: { resourceRules: [matchRule(['UPDATE'], apiGroup, [linkedServiceAccounts.plural])] },
    matchConditions: [
      { name: 'is-not-the-operator', expression: `request.userInfo.username != '${username}'` },
      {
        name: 'removes-the-finalizer',
        expression: `'${accountFinalizer}' in oldObject.metadata.?finalizers.orValue([]) && !('${accountFinalizer}' in object.metadata.?finalizers.orValue([]))`,
      },
    ],
    // The role comes from the old object, so that one request cannot both name another role and remove the finalizer.
    variables: [variable('role', roleOfAccount('oldObject')), variable('roles', '[variables.role]')],
    validations: [
      {
        expression: `object.metadata.?annotations[?'${abandonAnnotation}'].orValue('false') == 'true' || request.options.?fieldManager.orValue('') == '${fieldManager}'`,
        message: `only the operator removes the finalizer ${accountFinalizer}, after it has deleted the IAM role; to leave the role with its permissions behind in IAM, add the annotation ${abandonAnnotation}=true`,
        reason: 'Forbidden',
      },
      ...rightToEach(rights.claim, {
        names: 'variables.roles',
        slots: 1,
        may: "'give up ' + (NAME == '*' ? 'an IAM role whose name is not known' : 'the IAM role ' + NAME) + ' with its permissions'",
      }),
    ],
  });
}
