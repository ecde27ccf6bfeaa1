/**
 * ClusterRoles that a cluster administrator binds to users. Each role allows one of these activities: to view, to
 * write, to deploy, to grant or use any permission, to cut accounts off, to release accounts.
 */
import { apiGroup, apps, clusterConfigs, linkedServiceAccounts, quarantines } from '../api/index.ts';
import { rights } from './account-admission.ts';
import type { NamedRight } from './admission-policy.ts';
import type { Rule } from './operator-rules.ts';

export type PeopleRole = {
  readonly apiVersion: 'rbac.authorization.k8s.io/v1';
  readonly kind: 'ClusterRole';
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly rules: readonly Rule[];
};

const look = ['get', 'list', 'watch'];

function role(
  name: string,
  rules: readonly Rule[],
  labels: Readonly<Record<string, string>> = {},
): PeopleRole {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name, ...(Object.keys(labels).length > 0 ? { labels } : {}) },
    rules,
  };
}

/** Returns one rule per resource. The rule has the verbs of all given rights to the resource. */
function rulesOf(given: readonly NamedRight[]): readonly Rule[] {
  return Object.entries(Object.groupBy(given, ({ resource }) => resource)).map(([resource, of = []]) => ({
    apiGroups: [apiGroup],
    resources: [resource],
    verbs: of.map(({ verb }) => verb),
  }));
}

export const peopleRoles: readonly PeopleRole[] = [
  role(
    'konstellation-view',
    [
      {
        apiGroups: [apiGroup],
        resources: [linkedServiceAccounts.plural, apps.plural, clusterConfigs.plural, quarantines.plural],
        verbs: look,
      },
    ],
    // Users with the Kubernetes ClusterRole `view` also get the rights of this role.
    { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' },
  ),
  // Admission also requires rights for the permissions that an account grants, and for the account and targets of an
  // app.
  role('konstellation-edit', [
    {
      apiGroups: [apiGroup],
      resources: [linkedServiceAccounts.plural, apps.plural],
      verbs: [...look, 'create', 'update', 'patch', 'delete'],
    },
    { apiGroups: [apiGroup], resources: [clusterConfigs.plural, quarantines.plural], verbs: look },
  ]),
  // A user with this role and `konstellation-edit` can run pods in every target. For a team, write a role with
  // resourceNames instead.
  role('konstellation-deploy', rulesOf([rights.deploy])),
  // A user with this role can grant every permission in every target. For a team, write a role with resourceNames
  // instead.
  role(
    'konstellation-grant',
    rulesOf(Object.values(rights).filter(({ verb }) => verb !== rights.deploy.verb)),
  ),
  // A responder cuts accounts off by creating Quarantines. The deletion of a Quarantine gives pods their permissions
  // back, so this role lacks that right.
  role('konstellation-respond', [
    { apiGroups: [apiGroup], resources: [quarantines.plural], verbs: [...look, 'create'] },
    {
      apiGroups: [apiGroup],
      resources: [linkedServiceAccounts.plural, apps.plural, clusterConfigs.plural],
      verbs: look,
    },
  ]),
  role('konstellation-release', [
    { apiGroups: [apiGroup], resources: [quarantines.plural], verbs: [...look, 'delete'] },
    { apiGroups: [apiGroup], resources: [linkedServiceAccounts.plural], verbs: look },
  ]),
];
