/** Users with few permissions: ServiceAccounts with their own roles, tokens and kubeconfigs. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { resources, type KubeClient, type KubeObject } from '../../src/kube/index.ts';
import { eventually } from '../../test/support/eventually.ts';
import type { TestSandbox } from '../../test/support/sandbox.ts';

export type Kubeconfig = {
  readonly clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
  readonly users: { user: object }[];
};

/** RBAC rule of a ClusterRole. */
export type Rule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
};

type AccessReview = KubeObject & { readonly spec: object; readonly status?: { readonly allowed?: boolean } };

/** RBAC rules to read everything that the console shows, except Events. */
export const mayRead = [
  { apiGroups: ['k11n.dev'], resources: ['*'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] },
];

/** Creates a ServiceAccount in `staging` with these rules, and returns a token for it. */
export async function tokenOfUser(
  { client }: Pick<TestSandbox, 'client'>,
  name: string,
  rules: readonly Rule[],
): Promise<string> {
  const metadata = { name, namespace: 'staging' };
  await client.create(resources.serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  if (rules.length > 0) {
    const rbac = 'rbac.authorization.k8s.io';
    const role = { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules };
    await client.create<KubeObject>(resources.clusterRoles, role);
    const binding = {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', ...metadata }],
    };
    await client.create<KubeObject>(resources.clusterRoleBindings, binding);
    // The API server's authorizer uses the new binding only after its watch has delivered the binding.
    await eventually(`${name} has the permissions of the role`, () =>
      isPermitted(client, metadata, rules[0]),
    );
  }
  return (await client.createToken(metadata, { audiences: [], expirationSeconds: 3600 })).token;
}

/** Returns true if RBAC permits the ServiceAccount the first verb of the rule; otherwise undefined. */
async function isPermitted(
  client: KubeClient,
  { name, namespace }: { readonly name: string; readonly namespace: string },
  rule: Rule | undefined,
): Promise<true | undefined> {
  const review = await client.create<AccessReview>(
    {
      group: 'authorization.k8s.io',
      version: 'v1',
      kind: 'SubjectAccessReview',
      plural: 'subjectaccessreviews',
      namespaced: false,
    },
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: { name: '' },
      spec: {
        user: `system:serviceaccount:${namespace}:${name}`,
        resourceAttributes: {
          group: rule?.apiGroups[0],
          resource: rule?.resources[0],
          verb: rule?.verbs[0],
          name: rule?.resourceNames?.[0],
        },
      },
    },
  );
  return review.status?.allowed || undefined;
}

/** Creates a ServiceAccount with these rules, writes a kubeconfig for it, and returns the path of the file. */
export async function kubeconfigOfUser(
  sandbox: TestSandbox,
  name: string,
  rules: readonly Rule[],
): Promise<string> {
  const token = await tokenOfUser(sandbox, name, rules);
  return editKubeconfig(sandbox, name, ({ users }) => {
    for (const each of users) each.user = { token };
  });
}

/** Writes a changed copy of the sandbox's kubeconfig, and returns its path. */
export async function editKubeconfig(
  { description, executable }: TestSandbox,
  name: string,
  edit: (config: Kubeconfig) => void,
): Promise<string> {
  const config = parse(await readFile(description.kubeconfig, 'utf8')) as Kubeconfig;
  edit(config);
  const path = join(executable.folder, `${name}.kubeconfig`);
  await writeFile(path, stringify(config), { mode: 0o600 });
  return path;
}
