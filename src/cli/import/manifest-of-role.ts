/** The account that an existing role of eksctl, Terraform or a person comes to, and what taking it over would change. Pure. */
import type { LinkedServiceAccountSpec } from '../../api/linked-service-account.ts';
import { apiVersion } from '../../api/resources.ts';
import { isHeld, markedFor } from '../../identity/ownership.ts';
import type { ClusterFacts, ObservedRole } from '../../identity/world.ts';
import type { Manifest } from '../manifest/check.ts';

export type Subject = { readonly namespace: string; readonly serviceAccount: string };

export type Import =
  | {
      readonly kind: 'sound';
      readonly manifest: Manifest;
      /** Who may assume the role now, and no more afterwards. */
      readonly shutOut: readonly string[];
      readonly notes: readonly string[];
    }
  | { readonly kind: 'unsound'; readonly problem: string; readonly next: readonly string[] };

export function importRole(
  role: ObservedRole,
  facts: ClusterFacts,
  wanted: { readonly name: string | undefined; readonly targets: readonly string[] },
): Import {
  if (isHeld(role.tags)) {
    const marks = markedFor(role.tags);
    return {
      kind: 'unsound',
      problem: `the role ${role.name} belongs to ${marks ? `the account ${marks.account} on ${marks.clusterArn}` : 'a Konstellation already'}`,
      next: ['That account has to let it go first: delete it with deletionPolicy Retain.'],
    };
  }
  const { subjects, others } = trustedBy(role.trustPolicy, facts);
  const names = [...new Set(subjects.map((subject) => subject.serviceAccount))];
  const name = wanted.name ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined)
    return {
      kind: 'unsound',
      problem:
        names.length === 0
          ? `the trust policy of ${role.name} names no ServiceAccount of this cluster, so that it suggests no name for the account`
          : `the trust policy of ${role.name} names several ServiceAccounts: ${names.join(', ')}`,
      next: [`Give the account's name: kon account import NAME --role ${role.name}`],
    };
  const namespaces = [
    ...new Set(
      subjects.filter((subject) => subject.serviceAccount === name).map(({ namespace }) => namespace),
    ),
  ];
  const known = namespaces.filter((namespace) => facts.targets.includes(namespace));
  const targets = wanted.targets.length > 0 ? wanted.targets : known;
  const kept = (subject: Subject): boolean =>
    subject.serviceAccount === name && targets.includes(subject.namespace);
  const spec: LinkedServiceAccountSpec = {
    ...(targets.length > 0 ? { targets: [...targets] } : {}),
    aws: {
      policyArns: [...role.attachedPolicyArns].sort(),
      ...(role.permissionsBoundaryArn === undefined
        ? {}
        : { permissionsBoundaryArn: role.permissionsBoundaryArn }),
      ...(role.maxSessionDuration === undefined ? {} : { maxSessionDuration: role.maxSessionDuration }),
      roleName: role.name,
      adopt: true,
    },
    deletionPolicy: 'Retain',
  };
  const unknown = namespaces.filter((namespace) => !facts.targets.includes(namespace));
  return {
    kind: 'sound',
    manifest: { apiVersion, kind: 'LinkedServiceAccount', metadata: { name }, spec },
    shutOut: [
      ...subjects
        .filter((subject) => !kept(subject))
        .map((subject) => `${subject.namespace}/${subject.serviceAccount}`),
      ...others,
    ],
    notes: [
      ...unknown.map(
        (namespace) =>
          `The namespace ${namespace} is no target. To make it one: kon target create ${namespace}`,
      ),
      ...role.inlinePolicyNames.map(
        (policy) => `The inline policy ${policy} stays on the role, and the account does not list it.`,
      ),
    ],
  };
}

type Statement = {
  readonly Effect?: unknown;
  readonly Principal?: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

/** Whom a trust policy lets in: ServiceAccounts of this cluster, and all others in words. */
function trustedBy(
  trustPolicy: string,
  facts: ClusterFacts,
): { readonly subjects: readonly Subject[]; readonly others: readonly string[] } {
  const { Statement: found = [] } = JSON.parse(trustPolicy) as {
    readonly Statement?: Statement | Statement[];
  };
  const subjects: Subject[] = [];
  const others: string[] = [];
  for (const statement of [found].flat()) {
    if (statement.Effect !== 'Allow') continue;
    const principal = statement.Principal as { readonly Federated?: unknown } | string | undefined;
    const federated =
      typeof principal === 'object' ? [principal.Federated].flat().filter((each) => each !== undefined) : [];
    if (!federated.includes(facts.providerArn)) {
      others.push(`principal ${JSON.stringify(principal)}`);
      continue;
    }
    const claims = Object.values(statement.Condition ?? {}).flatMap((operator) => Object.entries(operator));
    const values = claims.filter(([key]) => key.endsWith(':sub')).flatMap(([, value]) => [value].flat());
    if (values.length === 0) others.push('every ServiceAccount of the cluster');
    for (const value of values) {
      const [, namespace, serviceAccount] =
        /^system:serviceaccount:([^:*?]+):([^:*?]+)$/.exec(String(value)) ?? [];
      if (namespace !== undefined && serviceAccount !== undefined)
        subjects.push({ namespace, serviceAccount });
      else others.push(String(value));
    }
  }
  return { subjects, others };
}
