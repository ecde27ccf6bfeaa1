/** Acts of users and other programs on accounts, apps and roles. */
import {
  accountLabel,
  appLabel,
  apps,
  clusterConfigs,
  detachDisallowedAnnotation,
  linkedServiceAccounts,
  roleArnAnnotation,
  quarantines,
  type AppSpec,
  type IdentityMode,
  type LinkedServiceAccountSpec,
  type PermissionStatement,
} from '../../src/api/index.ts';
import {
  closedSince,
  taggedOwner,
  allowListKey,
  trustPolicy,
  type ObservedRole,
} from '../../src/identity/index.ts';
import { resources, type KubeObject, type Resource } from '../../src/kube/index.ts';
import type { Simulation } from './simulation.ts';

/** Image that no node can pull. */
export const brokenImage = 'broken';

/** Time in milliseconds that is longer than the maximum lag of any watch in the simulations. */
const unseenMs = 60_000;

export type Act = (simulation: Simulation) => Promise<void> | void;

export const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
export const fullAccess = 'arn:aws:iam::aws:policy/AmazonS3FullAccess';
export const queue = 'arn:aws:iam::aws:policy/AmazonSQSFullAccess';

export const sendMessages: PermissionStatement = {
  sid: 'SendMessages',
  actions: ['sqs:SendMessage'],
  resources: ['arn:$(partition):sqs:$(region):$(account):orders'],
};
export const readObjects: PermissionStatement = {
  sid: 'ReadObjects',
  actions: ['s3:GetObject'],
  resources: ['arn:$(partition):s3:::$(cluster)-objects/*'],
  until: '2027-01-01T00:00:00Z',
};

export type AccountSpec = Partial<Omit<LinkedServiceAccountSpec, 'aws'>> & {
  aws?: Partial<LinkedServiceAccountSpec['aws']>;
};

const accountObject = (name: string, { aws, ...spec }: AccountSpec): KubeObject =>
  ({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata: { name },
    spec: { deletionPolicy: 'Delete', ...spec, aws: { policyArns: [readOnly], ...aws } },
  }) as KubeObject;

export const create =
  (name: string, spec: AccountSpec = {}) =>
  async ({ server }: Simulation): Promise<void> => {
    await server.client.create(linkedServiceAccounts, accountObject(name, spec));
  };

/** A user's edit of the spec, as with `kubectl edit`. */
export const edit =
  (name: string, spec: AccountSpec) =>
  async ({ server }: Simulation): Promise<void> => {
    await server.client.update(
      linkedServiceAccounts,
      await withSpec(
        server,
        linkedServiceAccounts,
        name,
        (accountObject(name, spec) as unknown as { spec: object }).spec,
      ),
    );
  };

export const clusterMode =
  (identityMode: IdentityMode) =>
  async ({ server }: Simulation): Promise<void> => {
    const change = { spec: { aws: { identityMode } } };
    await server.client.patch(clusterConfigs, { name: 'simulated' }, change, { type: 'merge' });
  };

export const clusterTargets =
  (...names: readonly string[]) =>
  async ({ server }: Simulation): Promise<void> => {
    const change = { spec: { targets: names } };
    await server.client.patch(clusterConfigs, { name: 'simulated' }, change, { type: 'merge' });
  };

/** Changes the region in the ClusterConfig, which then names another EKS cluster. */
export const clusterRegion =
  (region: string): Act =>
  async ({ server }) => {
    const change = { spec: { aws: { region } } };
    await server.client.patch(clusterConfigs, { name: 'simulated' }, change, { type: 'merge' });
  };

/** Creates or edits the account, as `kubectl apply` does. */
export const applyAccount =
  (name: string, spec: AccountSpec): Act =>
  (simulation) =>
    (simulation.server.get(linkedServiceAccounts, name) ? edit : create)(name, spec)(simulation);

export const applyApp =
  (name: string, spec: Partial<AppSpec>): Act =>
  (simulation) =>
    (simulation.server.get(apps, name) ? redeploy : deploy)(name, spec)(simulation);

/** Deletes the object with this name, if it exists. */
export const removeIfThere =
  (resource: Resource, name: string, namespace?: string): Act =>
  async ({ server }) => {
    const ref = { name, ...(namespace === undefined ? {} : { namespace }) };
    if (server.get(resource, name, namespace)) await server.client.delete(resource, ref);
  };

export const remove =
  (name: string) =>
  async ({ server }: Simulation): Promise<void> => {
    await server.client.delete(linkedServiceAccounts, { name });
  };

const appObject = (name: string, spec: Partial<AppSpec>): KubeObject =>
  ({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'App',
    metadata: { name },
    spec: { image: 'nginx', targets: [{ name: 'production', deployMode: 'latest' }], ...spec },
  }) as KubeObject;

export const deploy =
  (name: string, spec: Partial<AppSpec> = {}) =>
  async ({ server }: Simulation): Promise<void> => {
    await server.client.create(apps, appObject(name, spec));
  };

export const redeploy =
  (name: string, spec: Partial<AppSpec>) =>
  async ({ server }: Simulation): Promise<void> => {
    await server.client.update(
      apps,
      await withSpec(server, apps, name, (appObject(name, spec) as unknown as { spec: object }).spec),
    );
  };

export const takeDown =
  (name: string) =>
  async ({ server }: Simulation): Promise<void> => {
    await server.client.delete(apps, { name });
  };

/** Deletes an app's pods in a namespace; Kubernetes creates new ones. */
export const deletePods =
  (app: string, namespace: string): Act =>
  async ({ server }) => {
    const pods = server.list(resources.pods, namespace);
    for (const { metadata } of pods.filter((pod) => pod.metadata.labels?.[appLabel] === app))
      await server.client.delete(resources.pods, metadata);
  };

async function withSpec(
  server: Simulation['server'],
  resource: typeof apps | typeof linkedServiceAccounts,
  name: string,
  spec: object,
): Promise<KubeObject> {
  return { ...(await server.client.get<KubeObject>(resource, { name })), spec } as KubeObject;
}

export const foreignRole = (name: string): ObservedRole => ({
  name,
  arn: `arn:aws:iam::123456789012:role/${name}`,
  id: 'AROATHEIRS',
  path: '/',
  trustPolicy: '{"Version":"2012-10-17","Statement":[]}',
  attachedPolicyArns: [fullAccess],
  inlinePolicyNames: [],
  permissionsBoundaryArn: readOnly,
  maxSessionDuration: 7200,
  tags: { team: 'payments' },
});

/** Role that another cluster created for its own account `account`. Both clusters have the same name. */
export const roleOfOtherCluster = (name: string, account: string): ObservedRole => {
  const other = 'oidc.eks.us-west-2.amazonaws.com/id/OTHER';
  return {
    ...foreignRole(name),
    trustPolicy: trustPolicy({
      providerArn: `arn:aws:iam::123456789012:oidc-provider/${other}`,
      issuer: `https://${other}`,
      subjects: [`system:serviceaccount:production:${account}`],
    }),
    tags: {
      'k11n.dev/managed-by': 'konstellation',
      'k11n.dev/cluster': 'arn:aws:eks:us-west-2:123456789012:cluster/simulated',
      'k11n.dev/account': account,
      'k11n.dev/uid': 'of-the-other-cluster',
      'k11n.dev/issuer': other,
    },
  };
};

/** Sets the allowed policies of the cluster; `undefined` allows every policy. */
export const clusterAllows =
  (allowedPolicyArns: readonly string[] | undefined): Act =>
  async ({ server }) => {
    const change = { spec: { aws: { allowedPolicyArns: allowedPolicyArns ?? null } } };
    await server.client.patch(clusterConfigs, { name: 'simulated' }, change, { type: 'merge' });
  };

/** Consents to detaching policies that the ClusterConfig does not allow. */
export const consentToDetach =
  (allowedPolicyArns: readonly string[]): Act =>
  async ({ server }) => {
    const annotations = { [detachDisallowedAnnotation]: allowListKey(allowedPolicyArns) };
    const change = { metadata: { annotations } };
    await server.client.patch(clusterConfigs, { name: 'simulated' }, change, { type: 'merge' });
  };

export const put =
  (role: ObservedRole) =>
  ({ aws }: Simulation): void =>
    aws.change(role.name, () => role);

/** Puts an account into quarantine. */
export const quarantine =
  (account: string): Act =>
  async ({ server }) => {
    const spec = { account, requestedBy: 'alice' };
    await server.client.create(quarantines, {
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'Quarantine',
      metadata: { name: account },
      spec,
    } as KubeObject);
  };

/** Unique ids of the pods that Quarantines name. */
export const intruder = 'd1f7e9b2-0000-4000-8000-000000000001';
export const otherIntruder = 'd1f7e9b2-0000-4000-8000-000000000002';

/** Denies the sessions of one of the account's pods. The Quarantine is named `ACCOUNT-UID`. */
export const quarantinePod =
  (account: string, uid: string): Act =>
  async ({ server }) => {
    await server.client.create(quarantines, {
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'Quarantine',
      metadata: { name: `${account}-${uid}` },
      spec: { account, requestedBy: 'alice', pods: [{ uid }] },
    } as KubeObject);
  };

export const releasePod =
  (account: string, uid: string): Act =>
  async ({ server }) => {
    await server.client.delete(quarantines, { name: `${account}-${uid}` });
  };

/** Ends the quarantine of an account. */
export const release =
  (account: string): Act =>
  async ({ server }) => {
    await server.client.delete(quarantines, { name: account });
  };

/**
 * Ends the quarantine. Then, each minute for 20 minutes, deletes the account's pods if a role of the account is still
 * tagged as closed by a quarantine.
 */
export const releaseWithPods =
  (account: string): Act =>
  async (simulation) => {
    const { server, aws, time } = simulation;
    await removeIfThere(quarantines, account)(simulation);
    const isWaiting = (): boolean =>
      [...aws.roles.values()].some(
        ({ tags }) => taggedOwner(tags)?.account === account && closedSince(tags) !== undefined,
      );
    for (let round = 0; round < 20; round += 1) {
      await time.pass(60_000);
      if (!isWaiting()) continue;
      for (const { metadata, spec } of server.list(resources.pods))
        if ((spec as { readonly serviceAccountName?: string }).serviceAccountName === account)
          await server.client.delete(resources.pods, metadata);
    }
  };

/** Runs acts one after another, without letting time pass in between. */
export const atOnce =
  (...acts: readonly Act[]): Act =>
  async (simulation) => {
    for (const act of acts) await act(simulation);
  };

/** Lets this many milliseconds pass. */
export const wait =
  (ms: number): Act =>
  async ({ time }) =>
    void (await time.pass(ms));

/** Sets whether the pod identity webhook responds. */
export const webhook =
  (is: 'away' | 'back'): Act =>
  ({ workloads }) => {
    workloads.webhookRuns = is === 'back';
  };

/** Waits, with a time limit, until the account no longer exists. */
export const untilGone =
  (name: string): Act =>
  async ({ time, server }) =>
    void (await time.pass(300_000, () => !server.get(linkedServiceAccounts, name)));

/** Creates a ServiceAccount that does not belong to Konstellation. */
export const putServiceAccount =
  (namespace: string, name: string): Act =>
  async ({ server }) => {
    const metadata = { namespace, name, labels: { team: 'payments' } };
    await server.client.create(resources.serviceAccounts, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata,
    });
  };

/**
 * Prepares a namespace as if the account were linked there, with a pod that uses the account's role, and then adds the
 * namespace to the role's trust policy.
 */
export const admitOutOfBand =
  (account: string, namespace: string): Act =>
  async ({ server, aws }) => {
    const role = [...aws.roles.values()].find(({ tags }) => tags['k11n.dev/account'] === account);
    if (!role) throw new Error(`the account "${account}" has no role`);
    const metadata = {
      namespace,
      name: account,
      labels: { [accountLabel]: account },
      annotations: { [roleArnAnnotation]: role.arn },
    };
    await server.client.create(resources.serviceAccounts, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata,
    });
    await server.client.create(resources.pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'intruder', namespace },
      spec: { serviceAccountName: account, containers: [{ name: 'app', image: 'web:1' }] },
    } as KubeObject);
    const subject = `system:serviceaccount:${namespace}:${account}`;
    const widened = role.trustPolicy.replace(
      `"system:serviceaccount:production:${account}"`,
      (known) => `${known},"${subject}"`,
    );
    aws.change(role.name, () => ({ ...role, trustPolicy: widened }));
  };

export const deleteServiceAccount =
  (namespace: string, name: string): Act =>
  async ({ server }) => {
    await server.client.delete(resources.serviceAccounts, { namespace, name });
  };

export const deleteNamespace =
  (name: string): Act =>
  async ({ server }) => {
    await server.client.delete(resources.namespaces, { name });
  };

/** Creates a pod that is never removed, because other controllers' finalizers block its deletion. */
export const putStuckPod =
  (namespace: string): Act =>
  async ({ server }) => {
    const metadata = { namespace, name: 'stuck', finalizers: ['example.com/stuck'] };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [] } } as KubeObject;
    await server.client.create(resources.pods, pod);
  };

/** Changes every role out of band. */
export const changeRoles =
  (to: (role: ObservedRole) => ObservedRole | undefined): Act =>
  ({ aws }) => {
    for (const name of aws.roles.keys()) aws.change(name, (role) => role && to(role));
  };

/** ARNs of distinct policies. */
export const policies = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `arn:aws:iam::123456789012:policy/p${index}`);

/**
 * Sets a field that only a later version of the CRDs has and, after a delay, changes the role as an operator of that
 * version would. Without the delay, this version could not know of the field, because no watch has reported it yet.
 */
export const editAsLaterVersion =
  (name: string, spec: AccountSpec, role: (role: ObservedRole) => ObservedRole): Act =>
  async (simulation) => {
    simulation.server.hasLaterSchemas = true;
    await edit(name, { ...spec, ofLaterVersion: 'x' } as AccountSpec)(simulation);
    await wait(unseenMs)(simulation);
    await changeRoles(role)(simulation);
  };

/** Sets a field of a later CRD version in an app. */
export const redeployAsLaterVersion =
  (name: string, spec: Partial<AppSpec>): Act =>
  async (simulation) => {
    simulation.server.hasLaterSchemas = true;
    await redeploy(name, { ...spec, ofLaterVersion: 'x' } as Partial<AppSpec>)(simulation);
  };

/**
 * Kinds in a backup of the cluster. Controllers recreate dependent objects, such as Deployments, from the objects of
 * these kinds.
 */
const backedUp = [linkedServiceAccounts, apps, resources.serviceAccounts];
const backups = new WeakMap<Simulation, ReturnType<Simulation['server']['snapshot']>>();

export const backUpCluster: Act = (simulation) => {
  backups.set(simulation, simulation.server.snapshot(backedUp));
};

/**
 * Restores the last backup, either from etcd (with the same uids and the status) or with a tool that recreates the
 * objects.
 */
export const restoreCluster =
  (uids: 'same' | 'new'): Act =>
  (simulation) => {
    const backup = backups.get(simulation);
    if (!backup) throw new Error('no backup was made');
    simulation.server.restore(backup, uids);
  };

const rolesBackedUp = new WeakMap<Simulation, readonly ObservedRole[]>();

export const backUpRoles: Act = (simulation) => {
  rolesBackedUp.set(simulation, [...simulation.aws.roles.values()]);
};

/** Recreates roles from the last backup; IAM gives them new ids. */
export const restoreRoles: Act = (simulation) => {
  for (const role of rolesBackedUp.get(simulation) ?? [])
    simulation.aws.change(role.name, () => ({ ...role, id: `${role.id}RESTORED` }));
};

/** Records in IAM that each of the account's roles was used `daysAgo` days ago. */
export const recordUse =
  (account: string, daysAgo: number): Act =>
  ({ aws, time }) => {
    for (const { name, tags } of aws.roles.values())
      if (taggedOwner(tags)?.account === account) aws.recordUse(name, time.now() - daysAgo * 86_400_000);
  };

/** Creates a pod of the account on AWS Fargate, where no Pod Identity agent runs. */
export const fargatePod =
  (account: string, namespace: string): Act =>
  async ({ server }) => {
    await server.client.create(resources.pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'fargate', namespace },
      spec: {
        serviceAccountName: account,
        schedulerName: 'fargate-scheduler',
        containers: [{ name: 'app', image: 'web:1' }],
      },
    } as KubeObject);
  };

export const removeFargatePod =
  (namespace: string): Act =>
  async ({ server }) => {
    await server.client.delete(resources.pods, { name: 'fargate', namespace });
  };
