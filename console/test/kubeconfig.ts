/** Kubeconfigs of users with few rights. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { resources } from '../../src/kube/index.ts';
import type { TestSandbox } from '../../test/support/sandbox.ts';

export type Kubeconfig = {
  readonly clusters: { cluster: { server: string } }[];
  readonly users: { user: object }[];
};

/** Writes a kubeconfig of a new ServiceAccount with these rules, and returns its path. */
export async function kubeconfigOfUser(
  { client, description, executable }: TestSandbox,
  name: string,
  rules: readonly object[],
): Promise<string> {
  const metadata = { name, namespace: 'staging' };
  await client.create(resources.serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  if (rules.length > 0) {
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name },
      rules,
    };
    await client.create(resources.clusterRoles, role);
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', ...metadata }],
    };
    await client.create(resources.clusterRoleBindings, binding);
  }
  const { token } = await client.createToken(metadata, { audiences: [], expirationSeconds: 3600 });
  const config = parse(await readFile(description.kubeconfig, 'utf8')) as Kubeconfig;
  for (const user of config.users) user.user = { token };
  const path = join(executable.folder, `${name}.kubeconfig`);
  await writeFile(path, stringify(config), { mode: 0o600 });
  return path;
}
