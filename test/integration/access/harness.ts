/** A real API server with the shipped CRDs and admission policies, and users with different permissions. */
import { stringify } from 'yaml';
import {
  admissionObjects,
  enforcedDigest,
  probeLease,
  rights,
  type NamedRight,
} from '../../../src/rbac/index.ts';
import { apiVersion, apps, clusterConfigs, crds, linkedServiceAccounts } from '../../../src/api/index.ts';
import {
  createKubeClient,
  isForbidden,
  loadConnection,
  resources,
  type KubeClient,
  type KubeObject,
  type Resource,
} from '../../../src/kube/index.ts';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';

export const operatorIdentity = { namespace: 'konstellation-system', name: 'konstellation' } as const;

export type Grant = NamedRight & { readonly names?: readonly string[] };
export const all = (right: NamedRight): Grant => right;
export const named = (right: NamedRight, ...names: readonly string[]): Grant => ({ ...right, names });

export type User = KubeClient & { readonly user: string };

export type FencedCluster = {
  readonly cluster: TestControlPlane;
  readonly admin: KubeClient;
  readonly apply: (objects: readonly object[]) => Promise<string>;
  readonly connect: (kubeconfig: string) => Promise<KubeClient>;
  /** Creates a user who may write accounts, apps and ClusterConfigs, and who has the given permissions in addition. */
  readonly userWith: (...grants: readonly Grant[]) => Promise<User>;
  readonly stop: () => Promise<void>;
};

/** The verbs of `konstellation-edit` in the chart. `*` would include the permission to use every account. */
const writes = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];

export async function startFencedCluster(): Promise<FencedCluster> {
  const cluster = await startControlPlane();
  const clients: KubeClient[] = [];
  const stop = async (): Promise<void> => {
    for (const client of clients) await client.close();
    await cluster.stop();
  };
  try {
    const fenced = await fence(cluster, clients);
    return { ...fenced, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function fence(cluster: TestControlPlane, clients: KubeClient[]): Promise<Omit<FencedCluster, 'stop'>> {
  const connect = async (kubeconfig: string): Promise<KubeClient> => {
    const client = createKubeClient(await loadConnection({ kubeconfig, env: {} }), {
      qps: 1000,
      burst: 1000,
    });
    clients.push(client);
    return client;
  };
  const admin = await connect(cluster.kubeconfig);
  const apply = (objects: readonly object[]): Promise<string> =>
    cluster.kubectl(
      ['apply', '--server-side', '-f', '-'],
      objects.map((object) => stringify(object, { lineWidth: 0 })).join('---\n'),
    );

  let users = 0;
  const userWith = async (...grants: readonly Grant[]): Promise<User> => {
    users += 1;
    const user = `dev-${users}`;
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: user },
      rules: [
        {
          apiGroups: ['k11n.dev'],
          resources: ['linkedserviceaccounts', 'clusterconfigs', 'apps'],
          verbs: writes,
        },
        ...grants.map(({ verb, resource, names }) => ({
          apiGroups: ['k11n.dev'],
          resources: [resource],
          verbs: [verb],
          ...(names ? { resourceNames: names } : {}),
        })),
      ],
    };
    await apply([role, clusterRoleBinding(user, user)]);
    const client = await connect(await cluster.userKubeconfig(user));
    await eventually(`the rights of ${user}`, async () => {
      try {
        await client.list(linkedServiceAccounts);
        return true;
      } catch (error) {
        if (isForbidden(error)) return undefined;
        throw error;
      }
    });
    return { ...client, user };
  };

  await apply(crds());
  await cluster.kubectl([
    'wait',
    '--for=condition=Established',
    '--timeout=30s',
    ...crds().map((crd) => `crd/${crd.metadata.name}`),
  ]);
  await apply(admissionObjects(operatorIdentity));
  await untilAllEnforced(admin);
  await untilEnforced(userWith);
  return { cluster, admin, apply, connect, userWith };
}

export const clusterRoleBinding = (user: string, role: string): KubeObject =>
  ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: `${user}-${role}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  }) as KubeObject;

/**
 * Waits until the API server enforces every admission policy. The API server loads the policies in the order of their
 * creation, and the probe's policy was created last.
 */
export async function untilAllEnforced(client: KubeClient): Promise<void> {
  await eventually('the probe of the admission policies to be refused', () =>
    enforcedDigest(() => client.create(resources.leases, probeLease('default'), { dryRun: true })),
  );
}

/**
 * Waits until every policy is enforced. Each policy is tested with a request that lacks exactly one permission, because
 * the server names only one of several policies that deny a request.
 */
async function untilEnforced(userWith: FencedCluster['userWith']): Promise<void> {
  const account = {
    apiVersion,
    kind: 'LinkedServiceAccount',
    metadata: { name: 'tried' },
    spec: { targets: ['production'], aws: { policyArns: ['arn:aws:iam::aws:policy/x'] } },
  };
  const granting = {
    ...account,
    spec: {
      targets: ['production'],
      aws: { policyArns: [], statements: [{ actions: ['s3:GetObject'], resources: ['*'] }] },
    },
  };
  const app = {
    apiVersion,
    kind: 'App',
    metadata: { name: 'tried' },
    spec: { image: 'nginx', serviceAccount: 'x', targets: [{ name: 'production' }] },
  };
  const config = {
    apiVersion,
    kind: 'ClusterConfig',
    metadata: { name: 'tried' },
    spec: { targets: ['production'], aws: { region: 'us-west-2' } },
  };
  const but = (missing: NamedRight): Promise<User> =>
    userWith(...Object.values(rights).filter((right) => right !== missing));
  const lacking = [
    { missing: rights.attach, policy: 'attach.k11n.dev', object: account },
    { missing: rights.grant, policy: 'grant.k11n.dev', object: granting },
    { missing: rights.link, policy: 'link.k11n.dev', object: account },
    {
      missing: rights.claim,
      policy: 'claim.k11n.dev',
      object: { ...account, spec: { ...account.spec, deletionPolicy: 'Retain' } },
    },
    { missing: rights.use, policy: 'use.k11n.dev', object: app },
    { missing: rights.deploy, policy: 'deploy.k11n.dev', object: app },
    { missing: rights.link, policy: 'cluster-targets.k11n.dev', object: config },
    { missing: rights.attach, policy: 'cluster-policies.k11n.dev', object: config },
    { missing: rights.claim, policy: 'cluster-roles.k11n.dev', object: config },
  ];
  for (const { missing, policy, object } of lacking) {
    const user = await but(missing);
    await eventually(`the policy ${policy} to be enforced`, async () => {
      try {
        await user.create(resourceOf(object.kind), object, { dryRun: true });
        return undefined;
      } catch (error) {
        return isForbidden(error) && error.message.includes(policy) ? true : undefined;
      }
    });
  }
}

const resourceOf = (kind: string): Resource =>
  [linkedServiceAccounts, apps, clusterConfigs].find((resource) => resource.kind === kind) ?? apps;

/** Returns the message of the admission policy or of RBAC that refused the write. */
export async function refusal(write: Promise<unknown>): Promise<string> {
  try {
    await write;
  } catch (error) {
    if (isForbidden(error)) return error.message;
    throw error;
  }
  throw new Error('it was admitted');
}
