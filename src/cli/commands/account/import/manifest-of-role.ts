/**
 * Builds an account for an existing role that eksctl, Terraform or a user created, and lists the changes that an adoption of the
 * role would cause. Pure.
 */
import type { LinkedServiceAccountSpec } from '../../../../api/linked-service-account.ts';
import { apiVersion } from '../../../../api/resources.ts';
import { isManaged, taggedOwner } from '../../../../identity/desired/ownership.ts';
import { policiesByName } from '../../../../identity/desired/policy-names.ts';
import { principalsOf, serviceAccountOfSubject } from '../../../../identity/desired/trust-principals.ts';
import type { ClusterFacts, ObservedRole } from '../../../../identity/state/world.ts';
import { defined } from '../../../../k8s/defined.ts';
import type { Manifest } from '../../../manifest/present.ts';
import type { Subject } from '../../../roles/excluded-users.ts';

export type Import =
  | {
      readonly kind: 'sound';
      readonly manifest: Manifest;
      readonly notes: readonly string[];
    }
  | { readonly kind: 'unsound'; readonly problem: string; readonly next: readonly string[] };

export function importRole(
  role: ObservedRole,
  facts: ClusterFacts,
  wanted: { readonly name: string | undefined; readonly targets: readonly string[] },
): Import {
  if (isManaged(role.tags)) {
    const marks = taggedOwner(role.tags);
    return {
      kind: 'unsound',
      problem: `the role ${role.name} belongs to ${marks ? `the account ${marks.account} on ${marks.clusterArn}` : 'another installation of Konstellation'}`,
      next: ['First release the role: set deletionPolicy: Retain in that account, then delete the account.'],
    };
  }
  if (facts.strictInline && role.inlinePolicyNames.length > 0)
    return {
      kind: 'unsound',
      problem: `the role ${role.name} has inline policies, which strictInline of the ClusterConfig would delete: ${role.inlinePolicyNames.join(', ')}`,
      next: ['First replace each inline policy by a managed policy, so that pods keep their permissions'],
    };
  const subjects = subjectsIn(role.trustPolicy, facts);
  const names = [...new Set(subjects.map((subject) => subject.serviceAccount))];
  const name = wanted.name ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined)
    return {
      kind: 'unsound',
      problem:
        names.length === 0
          ? `the trust policy of ${role.name} names no ServiceAccount of this cluster that could give the account its name`
          : `the trust policy of ${role.name} names several ServiceAccounts: ${names.join(', ')}`,
      next: [`Pass a name: kon account import NAME --role ${role.name}`],
    };
  const namespaces = [
    ...new Set(
      subjects.filter((subject) => subject.serviceAccount === name).map(({ namespace }) => namespace),
    ),
  ];
  const known = namespaces.filter((namespace) => facts.targets.includes(namespace));
  const targets = wanted.targets.length > 0 ? wanted.targets : known;
  // Refuses a role if its trust policy names namespaces, but none of them is a target. The manifest would then list no
  // targets, and the account would apply to all targets, although the user did not request this.
  if (namespaces.length > 0 && targets.length === 0)
    return {
      kind: 'unsound',
      problem: `the role ${role.name} admits ${namespaces.map((namespace) => `${namespace}/${name}`).join(', ')}, but the namespaces are not targets of the cluster`,
      next: [
        ...namespaces.map((namespace) => `Make the namespace a target: kon target create ${namespace}`),
        `Or choose other targets: kon account import --role ${role.name} --target TARGET`,
      ],
    };
  const spec: LinkedServiceAccountSpec = {
    ...(targets.length > 0 ? { targets: [...targets] } : {}),
    aws: {
      ...policiesByName({ policyArns: [...role.attachedPolicyArns].sort() }, facts),
      ...defined({
        permissionsBoundaryArn: role.permissionsBoundaryArn,
        maxSessionDuration: role.maxSessionDuration,
      }),
      roleName: role.name,
      adopt: true,
    },
    deletionPolicy: 'Retain',
  };
  const unknown = namespaces.filter((namespace) => !facts.targets.includes(namespace));
  return {
    kind: 'sound',
    manifest: { apiVersion, kind: 'LinkedServiceAccount', metadata: { name }, spec },
    notes: [
      ...unknown.map(
        (namespace) =>
          `The namespace ${namespace} is not a target. To add it: kon target create ${namespace}`,
      ),
      ...role.inlinePolicyNames.map(
        (policy) =>
          `The inline policy ${policy} stays on the role, and the account is not ready until a managed policy replaces the inline policy.`,
      ),
    ],
  };
}

/** Returns the ServiceAccounts of this cluster that a trust policy names. */
function subjectsIn(trustPolicy: string, { providerArn }: ClusterFacts): readonly Subject[] {
  return principalsOf(trustPolicy).flatMap((principal) =>
    principal.kind === 'webIdentity' && principal.providerArn === providerArn
      ? (serviceAccountOfSubject(principal.subject) ?? [])
      : [],
  );
}
