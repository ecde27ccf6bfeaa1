/** Roles for people, to be bound by whoever runs the cluster: to look, to write, and to give and use anything. */
import { apps, clusterConfigs, linkedServiceAccounts } from '../api/index.ts';
import { rights } from './account-admission.ts';
import type { Rule } from './operator-rules.ts';

export type PeopleRole = {
  readonly apiVersion: 'rbac.authorization.k8s.io/v1';
  readonly kind: 'ClusterRole';
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly rules: readonly Rule[];
};

const group = linkedServiceAccounts.group;
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

export const peopleRoles: readonly PeopleRole[] = [
  role(
    'konstellation-view',
    [
      {
        apiGroups: [group],
        resources: [linkedServiceAccounts.plural, apps.plural, clusterConfigs.plural],
        verbs: look,
      },
    ],
    // Whoever has the role `view` of Kubernetes may look at these too.
    { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' },
  ),
  // What an account may give, and which account an app may use, is asked for beside.
  role('konstellation-edit', [
    {
      apiGroups: [group],
      resources: [linkedServiceAccounts.plural, apps.plural],
      verbs: [...look, 'create', 'update', 'patch', 'delete'],
    },
    { apiGroups: [group], resources: [clusterConfigs.plural], verbs: look },
  ]),
  // For a team, write one with resourceNames instead.
  role(
    'konstellation-grant',
    Object.entries(Object.groupBy(Object.values(rights), ({ resource }) => resource)).map(
      ([resource, of]) => ({
        apiGroups: [group],
        resources: [resource],
        verbs: of.map(({ verb }) => verb),
      }),
    ),
  ),
];
