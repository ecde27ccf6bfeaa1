/**
 * Who may run something with an account's AWS permissions. An App that names an account gives them to whatever it runs, so
 * whoever decides what that is uses the account: by naming it, and as much by changing the image, a variable or the
 * targets of an App that names it already. Asked for at every change of such an App's spec, and not when the account is
 * taken out of it.
 *
 * | right                                       | who                                            |
 * |---------------------------------------------|------------------------------------------------|
 * | `use` on `linkedserviceaccounts` named NAME | writes the spec of an App that names the account |
 */
import { apps, linkedServiceAccounts } from '../api/index.ts';
import { admissionPolicy, rightToEach, type AdmissionPolicy, type NamedRight } from './admission-policy.ts';

export const useRight = {
  verb: 'use',
  resource: linkedServiceAccounts.plural,
} as const satisfies NamedRight;

export const usePolicy: AdmissionPolicy = admissionPolicy('use.k11n.dev', {
  matchConstraints: {
    resourceRules: [
      {
        apiGroups: [apps.group],
        apiVersions: ['*'],
        operations: ['CREATE', 'UPDATE'],
        resources: [apps.plural],
      },
    ],
  },
  matchConditions: [
    { name: 'spec-changes', expression: 'oldObject == null || object.spec != oldObject.spec' },
    { name: 'names-an-account', expression: 'has(object.spec.serviceAccount)' },
  ],
  variables: [{ name: 'accounts', expression: '[object.spec.serviceAccount]' }],
  validations: rightToEach(useRight, {
    names: 'variables.accounts',
    slots: 1,
    may: "'run an app with the AWS permissions of the account ' + NAME",
  }),
});
