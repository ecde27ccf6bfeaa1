/**
 * Objects that the operator needs in a cluster in addition to its Deployment: its ServiceAccount, its RBAC roles, and the
 * admission policies for the operator and for users.
 */
import { attachPolicy, claimPolicy, grantPolicy, linkPolicy } from './account-admission.ts';
import { deployPolicy, usePolicy } from './app-admission.ts';
import {
  bindingOf,
  hasParameters,
  type AdmissionPolicy,
  type AdmissionPolicyBinding,
} from './admission-policy.ts';
import { admissionDigest, probePolicy } from './admission-probe.ts';
import { clusterPoliciesPolicy, clusterRolesPolicy, clusterTargetsPolicy } from './cluster-admission.ts';
import { definitionsPolicy, finalizerPolicy, protectionPolicy } from './deletion-protection.ts';
import { operatorPolicies } from './operator-admission.ts';
import { quarantinePolicy } from './quarantine-admission.ts';
import { operatorClusterRules, operatorNamespaceRules } from './operator-rules.ts';

/** The ServiceAccount that the operator runs as. */
export type OperatorIdentity = { readonly namespace: string; readonly name: string };

type InstalledObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
};

const rbac = 'rbac.authorization.k8s.io';

/** Username of a ServiceAccount. Source: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/ */
export function usernameOf({ namespace, name }: OperatorIdentity): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

/** Objects for the operator itself, in the order of their creation. */
export function operatorObjects(identity: OperatorIdentity): readonly InstalledObject[] {
  const { namespace, name } = identity;
  const ofRbac = (
    kind: string,
    metadata: InstalledObject['metadata'],
    fields: Readonly<Record<string, unknown>>,
  ): InstalledObject => ({ apiVersion: `${rbac}/v1`, kind, metadata, ...fields });
  const bound = (kind: string): Readonly<Record<string, unknown>> => ({
    roleRef: { apiGroup: rbac, kind, name },
    subjects: [{ kind: 'ServiceAccount', namespace, name }],
  });
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } },
    ofRbac('ClusterRole', { name }, { rules: operatorClusterRules }),
    ofRbac('ClusterRoleBinding', { name }, bound('ClusterRole')),
    ofRbac('Role', { namespace, name }, { rules: operatorNamespaceRules }),
    ofRbac('RoleBinding', { namespace, name }, bound('Role')),
  ];
}

function guardingPolicies(identity: OperatorIdentity): readonly AdmissionPolicy[] {
  const username = usernameOf(identity);
  return [
    attachPolicy,
    grantPolicy,
    linkPolicy,
    claimPolicy,
    usePolicy,
    deployPolicy,
    clusterTargetsPolicy(identity.namespace),
    clusterPoliciesPolicy,
    clusterRolesPolicy,
    protectionPolicy,
    definitionsPolicy,
    finalizerPolicy(username),
    quarantinePolicy,
    ...operatorPolicies({ username, namespace: identity.namespace }),
  ];
}

const withBindings = (
  policies: readonly AdmissionPolicy[],
): readonly (AdmissionPolicy | AdmissionPolicyBinding)[] =>
  policies.flatMap((policy) => [policy, bindingOf(policy)]);

/** Digest of the admission policies of this version. Does not depend on the operator's name and namespace. */
export function shippedAdmissionDigest(): string {
  return admissionDigest(withBindings(guardingPolicies({ namespace: '', name: '' })));
}

/** All admission policies. The probe is last: see admission-probe.ts. */
export function admissionPolicies(identity: OperatorIdentity): readonly AdmissionPolicy[] {
  return [...guardingPolicies(identity), probePolicy(shippedAdmissionDigest())];
}

/** Each policy with its binding, in the order of creation. The probe is last. */
export function admissionObjects(
  identity: OperatorIdentity,
): readonly (AdmissionPolicy | AdmissionPolicyBinding)[] {
  return withBindings(admissionPolicies(identity));
}

/**
 * Whether a policy or its binding is applied after the CRDs: true for policies with parameters, and for the policy that
 * protects the CRDs. If someone deletes the objects in the order of the manifest, the deletion of the CRDs comes first,
 * and the policy that protects them still refuses it.
 */
export function isAppliedAfterCrds(object: AdmissionPolicy | AdmissionPolicyBinding): boolean {
  return hasParameters(object) || object.metadata.name === definitionsPolicy.metadata.name;
}
