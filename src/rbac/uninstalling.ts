/**
 * Refuses new accounts, apps and ClusterConfigs while `kon uninstall` runs. Otherwise a GitOps tool could create
 * accounts again after the operator was removed, and nothing would delete these accounts.
 */
import { apiGroup, apps, clusterConfigs, linkedServiceAccounts } from '../api/index.ts';
import {
  admissionPolicy,
  bindingOf,
  matchRule,
  type AdmissionPolicy,
  type AdmissionPolicyBinding,
} from './admission-policy.ts';

const probeName = 'konstellation-uninstall-probe';

/**
 * Allows updates of objects that are being deleted, because the operator removes their finalizers, and a GitOps tool
 * may continue to apply these objects.
 */
export const uninstallingPolicy: AdmissionPolicy = admissionPolicy('uninstalling.k11n.dev', {
  matchConstraints: {
    resourceRules: [
      matchRule(['CREATE', 'UPDATE'], apiGroup, [
        linkedServiceAccounts.plural,
        apps.plural,
        clusterConfigs.plural,
      ]),
      matchRule(['CREATE'], 'coordination.k8s.io', ['leases'], [probeName]),
    ],
  },
  matchConditions: [
    {
      name: 'is-new-or-changed',
      expression:
        'oldObject == null || (!has(oldObject.metadata.deletionTimestamp) && object.spec != oldObject.spec)',
    },
  ],
  validations: [
    {
      expression: 'false',
      message:
        'Konstellation is being uninstalled; to keep Konstellation, stop kon uninstall and run kon install; to finish, run kon uninstall again',
      reason: 'Forbidden',
    },
  ],
});

/** Policy and binding, in the order of their creation. */
export const uninstallingObjects: readonly (AdmissionPolicy | AdmissionPolicyBinding)[] = [
  uninstallingPolicy,
  bindingOf(uninstallingPolicy),
];

/**
 * Lease that the policy refuses by name, so that a dry run shows whether the policy is enforced. The probe is a Lease,
 * because users who uninstall may create Leases, and the kind exists without the CRDs.
 */
export const uninstallingProbe = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: probeName, namespace: 'default' },
} as const;
