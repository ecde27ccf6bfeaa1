/**
 * Protects objects from deletion while they carry the label or annotation for it, and the finalizer of an account from
 * everybody but the operator: without it the account is deleted at once, and its role stays with all its permissions.
 */
import {
  abandonAnnotation,
  accountFinalizer,
  apps,
  clusterConfigs,
  fieldManager,
  linkedServiceAccounts,
  protectedMark,
} from '../api/index.ts';
import { rights, roleOfAccount } from './account-admission.ts';
import { admissionPolicy, rightToEach, variable, type AdmissionPolicy } from './admission-policy.ts';

const marked = (of: string): string =>
  `oldObject.metadata.?${of}[?'${protectedMark}'].orValue('false') != 'false'`;

export const protectionPolicy: AdmissionPolicy = admissionPolicy('protected.k11n.dev', {
  matchConstraints: {
    resourceRules: [
      {
        apiGroups: [linkedServiceAccounts.group],
        apiVersions: ['*'],
        operations: ['DELETE'],
        resources: [linkedServiceAccounts.plural, apps.plural, clusterConfigs.plural],
      },
    ],
  },
  validations: [
    {
      expression: `!(${marked('annotations')} || ${marked('labels')})`,
      message: `it is protected from deletion: take its label or annotation ${protectedMark} off first`,
      messageExpression: `oldObject.kind + ' ' + oldObject.metadata.name + ' is protected from deletion: take its label or annotation ${protectedMark} off first'`,
      reason: 'Forbidden',
    },
  ],
});

/**
 * An operator that runs outside the cluster has another user, which is known by its field manager. Anybody can send that name,
 * so that it replaces the annotation, a statement of consent, and not the right.
 *
 * @param username of the operator's ServiceAccount: `system:serviceaccount:NAMESPACE:NAME`
 */
export function finalizerPolicy(username: string): AdmissionPolicy {
  return admissionPolicy('finalizer.k11n.dev', {
    matchConstraints: {
      resourceRules: [
        {
          apiGroups: [linkedServiceAccounts.group],
          apiVersions: ['*'],
          operations: ['UPDATE'],
          resources: [linkedServiceAccounts.plural],
        },
      ],
    },
    matchConditions: [
      { name: 'is-not-the-operator', expression: `request.userInfo.username != '${username}'` },
      {
        name: 'removes-the-finalizer',
        expression: `'${accountFinalizer}' in oldObject.metadata.?finalizers.orValue([]) && !('${accountFinalizer}' in object.metadata.?finalizers.orValue([]))`,
      },
    ],
    // Of the old object: one request cannot name another role and remove the finalizer.
    variables: [variable('role', roleOfAccount('oldObject')), variable('roles', '[variables.role]')],
    validations: [
      {
        expression: `object.metadata.?annotations[?'${abandonAnnotation}'].orValue('false') == 'true' || request.options.?fieldManager.orValue('') == '${fieldManager}'`,
        message: `only the operator removes the finalizer ${accountFinalizer}, when the IAM role is deleted; to give up the role as it is, with its permissions, add the annotation ${abandonAnnotation}=true`,
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
