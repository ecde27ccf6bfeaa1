/**
 * Accounts and Apps that are written while no admission policy is enforced: Helm creates the CRDs first and the
 * policies last, and a policy may be deleted later. The author is permitted to write accounts and Apps and to link
 * accounts, but not to attach policies or deploy.
 */
import { stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  apiVersion,
  appLabel,
  apps,
  linkedServiceAccounts,
  managedByLabel,
  managedByValue,
  type App,
  type LinkedServiceAccount,
} from '../../../src/api/index.ts';
import {
  createKubeClient,
  isForbidden,
  isNotFound,
  loadConnection,
  resources,
  type KubeClient,
  type KubeObject,
} from '../../../src/kube/index.ts';
import { wasAdmitted, youngestCreation } from '../../../src/k8s/admitted.ts';
import { findCondition } from '../../../src/k8s/conditions.ts';
import { admissionObjects, grantPolicyNames, rights } from '../../../src/rbac/index.ts';
import { eventually } from '../../support/eventually.ts';
import { startAwsCluster, type AwsCluster } from '../cli/aws-cluster.ts';
import type { Running } from '../cli/kon.ts';
import { clusterRoleBinding, operatorIdentity } from './harness.ts';

const administratorAccess = 'arn:aws:iam::aws:policy/AdministratorAccess';
const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';

let world: AwsCluster;
let admin: KubeClient;
let author: KubeClient;
let operator: Running | undefined;

const account = (name: string, policyArn = administratorAccess): LinkedServiceAccount => ({
  apiVersion,
  kind: 'LinkedServiceAccount',
  metadata: { name },
  spec: { aws: { policyArns: [policyArn] }, deletionPolicy: 'Delete' },
});
const create = (client: KubeClient, ...of: Parameters<typeof account>): Promise<unknown> =>
  client.create(linkedServiceAccounts, account(...of));
const app = (name: string, imageTag = '1'): App => ({
  apiVersion,
  kind: 'App',
  metadata: { name },
  spec: { image: 'example.com/web', imageTag, targets: [{ name: 'production', deployMode: 'latest' }] },
});
type Row = NonNullable<NonNullable<App['status']>['targets']>[number];
const untilRow = (name: string, reason: string): Promise<Row> =>
  eventually(`the app ${name} to report ${reason}`, async () => {
    const { status } = await admin.get<App>(apps, { name });
    return status?.targets?.find((row) => row.name === 'production' && row.reason === reason);
  });
const findDeployment = (name: string): Promise<KubeObject | undefined> =>
  admin.get<KubeObject>(resources.deployments, { namespace: 'production', name }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
    return undefined;
  });
const apply = (objects: readonly object[]): Promise<string> =>
  world.cluster.kubectl(
    ['apply', '--server-side', '-f', '-'],
    objects.map((object) => stringify(object, { lineWidth: 0 })).join('---\n'),
  );
const until = (name: string, reason: string): Promise<LinkedServiceAccount> =>
  eventually(`the account ${name} to report ${reason}`, async () => {
    const read = await admin.get<LinkedServiceAccount>(linkedServiceAccounts, { name });
    return findCondition(read.status?.conditions, 'Ready')?.reason === reason ? read : undefined;
  });
/** Returns the calls that tried to change something in IAM, whatever their result. */
const writes = (): readonly string[] =>
  world.aws.journal
    .entries()
    .filter(({ changed }) => changed)
    .map(({ action }) => action);
const untilRefused = (): Promise<true> =>
  eventually('the admission policies to be enforced', async () =>
    author.create(linkedServiceAccounts, account('probe'), { dryRun: true }).then(
      () => undefined,
      (error: unknown) => {
        if (!isForbidden(error)) throw error;
        return true;
      },
    ),
  );
/**
 * Waits until newly created accounts count as admitted. Creation timestamps have a resolution of one second, so an
 * account that is written right after the policies does not count as admitted.
 */
const untilAdmitted = async (): Promise<true> => {
  const policies = await admin.list<KubeObject>(resources.validatingAdmissionPolicies);
  const bindings = await admin.list<KubeObject>(resources.validatingAdmissionPolicyBindings);
  const since = youngestCreation([...policies.items, ...bindings.items]);
  return eventually('an account written now to be admitted', async () => {
    const { metadata } = await admin.create<KubeObject>(linkedServiceAccounts, account('probe', readOnly), {
      dryRun: true,
    });
    return wasAdmitted(metadata, since) || undefined;
  });
};

beforeAll(async () => {
  world = await startAwsCluster();
  const connect = async (kubeconfig: string): Promise<KubeClient> =>
    createKubeClient(await loadConnection({ kubeconfig, env: {} }), { qps: 1000, burst: 1000 });
  admin = await connect(world.cluster.kubeconfig);
  author = await connect(await world.cluster.userKubeconfig('author'));
  await apply([
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'author' },
      rules: [
        {
          apiGroups: ['k11n.dev'],
          resources: ['linkedserviceaccounts', 'linkedserviceaccounts/status', 'apps', 'apps/status'],
          verbs: ['get', 'list', 'create', 'update', 'patch', 'delete'],
        },
        { apiGroups: ['k11n.dev'], resources: [rights.link.resource], verbs: [rights.link.verb] },
      ],
    },
    clusterRoleBinding('author', 'author'),
  ]);
  await eventually('the rights of the author', () => create(author, 'before').catch(() => undefined));
  for (const name of ['early', 'forged']) await author.create(apps, app(name));
  operator = world.kon.start(['operator', '--require-admission', '--log-format', 'json']);
  await operator.until('no account is reconciled until the admission policies are enforced');
  await apply(admissionObjects(operatorIdentity));
  await untilRefused();
  await untilAdmitted();
  await world.configure(['production']);
});
afterAll(async () => {
  operator?.stop();
  await operator?.finished;
  await author?.close();
  await admin?.close();
  await world?.stop();
});

describe('an account that was written before the admission policies existed', () => {
  it('gets nothing in IAM, and its status says how a user can have the account admitted', async () => {
    const { status, metadata } = await until('before', 'NotAdmitted');
    expect(findCondition(status?.conditions, 'Ready')?.message).toContain('kon account delete before');
    expect(metadata.finalizers).toBeUndefined();
    expect(writes()).toEqual([]);
  });

  it('is not admitted when its author edits the labels, or writes a status or timestamps', async () => {
    const read = await author.get<KubeObject>(linkedServiceAccounts, { name: 'before' });
    const later = '2099-01-01T00:00:00Z';
    const managedFields = (read.metadata.managedFields ?? []).map((entry) => ({ ...entry, time: later }));
    const forged = await author.update<KubeObject>(linkedServiceAccounts, {
      ...read,
      metadata: { ...read.metadata, creationTimestamp: later, managedFields, labels: { a: 'b' } },
    });
    // The API server keeps the real creation timestamp, but accepts forged times in managed fields.
    expect(forged.metadata.creationTimestamp).toBe(read.metadata.creationTimestamp);
    expect(forged.metadata.managedFields?.map(({ time }) => time)).toContain(later);
    await author.patch(
      linkedServiceAccounts,
      { name: 'before' },
      { status: { roleArn: 'arn:aws:iam::123456789012:role/konstellation/kon-main-before', conditions: [] } },
      { type: 'merge', fieldManager: 'author', subresource: 'status' },
    );
    await until('before', 'NotAdmitted');
    expect(writes()).toEqual([]);
  });

  it('cannot be created again by its author after a deletion, but is reconciled after a user with the rights creates the account', async () => {
    await author.delete(linkedServiceAccounts, { name: 'before' });
    await expect(create(author, 'before')).rejects.toThrow('is not permitted to attach');
    await create(admin, 'before', readOnly);
    await until('before', 'Ready');
  });
});

describe('an App that was written before the admission policies existed', () => {
  it('is deployed nowhere, and its status says how a user can have the App admitted', async () => {
    const { message } = await untilRow('early', 'NotAdmitted');
    expect(message).toContain('kon app delete early');
    expect(await findDeployment('early')).toBeUndefined();
  });

  it('is not admitted when its author writes labels or a status, or when objects other than its Deployment exist', async () => {
    const { metadata } = await author.patch<App>(
      apps,
      { name: 'early' },
      { metadata: { labels: { a: 'b' } } },
      { type: 'merge', fieldManager: 'author' },
    );
    await author.patch(
      apps,
      { name: 'early' },
      { status: { targets: [{ name: 'production', state: 'Ready', replicas: 1, readyReplicas: 1 }] } },
      { type: 'merge', fieldManager: 'author', subresource: 'status' },
    );
    await admin.create(resources.configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'early',
        namespace: 'production',
        labels: { [appLabel]: 'early' },
        ownerReferences: [{ apiVersion, kind: 'App', name: 'early', uid: metadata.uid ?? '' }],
      },
    });
    await untilRow('early', 'NotAdmitted');
    expect(await findDeployment('early')).toBeUndefined();
  });

  it('is deployed to a target once a user with the right to create Deployments in that target creates its Deployment', async () => {
    await untilRow('forged', 'NotAdmitted');
    const { metadata } = await admin.get<App>(apps, { name: 'forged' });
    const labels = { [appLabel]: 'forged' };
    await admin.create(resources.deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: 'forged',
        namespace: 'production',
        labels: { ...labels, [managedByLabel]: managedByValue },
        ownerReferences: [
          { apiVersion, kind: 'App', name: 'forged', uid: metadata.uid ?? '', controller: true },
        ],
      },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers: [{ name: 'forged', image: 'example.com/own' }] },
        },
      },
    } as KubeObject);
    await eventually('the operator to take over the Deployment', async () => {
      const found = await findDeployment('forged');
      return (found?.metadata.generation ?? 0) > 1 || undefined;
    });
  });

  it('cannot be created again by its author after a deletion, but is deployed after a user with the rights creates the App', async () => {
    await author.delete(apps, { name: 'early' });
    await expect(author.create(apps, app('early'))).rejects.toThrow(
      'is not permitted to run apps in the target production',
    );
    await admin.create(apps, app('early'));
    await eventually('the Deployment', () => findDeployment('early'));
  });
});

describe('an admission policy that is deleted while the operator runs', () => {
  const name = grantPolicyNames[0] ?? '';
  it.each([
    ['binding', resources.validatingAdmissionPolicyBindings],
    ['policy', resources.validatingAdmissionPolicies],
  ] as const)(
    'leaves accounts written afterwards without a role, and other accounts with their roles (deleted object: %s)',
    async (what, resource) => {
      await admin.delete(resource, { name });
      const written = `without-${what}`;
      // The API server still enforces the policy for up to a second after the policy was deleted.
      await eventually('the account to be taken by the API server', () =>
        create(author, written).catch((error: unknown) => {
          if (!isForbidden(error)) throw error;
          return undefined;
        }),
      );
      const { status } = await until(written, 'NotAdmitted');
      expect(findCondition(status?.conditions, 'Ready')?.message).toContain('are not installed now');
      await apply(admissionObjects(operatorIdentity));
      await untilRefused();
      const before = writes().length;
      // The operator plans the account again only after the account has changed.
      await author.patch(
        linkedServiceAccounts,
        { name: written },
        { metadata: { labels: { again: 'true' } } },
        { type: 'merge', fieldManager: 'author' },
      );
      await eventually('the message to name the new policies', async () => {
        const read = await until(written, 'NotAdmitted');
        return (
          findCondition(read.status?.conditions, 'Ready')?.message?.includes('they were created at') ||
          undefined
        );
      });
      await admin.patch(
        linkedServiceAccounts,
        { name: 'before' },
        { spec: { aws: { maxSessionDuration: what === 'binding' ? 7200 : 7300 } } },
        { type: 'merge', fieldManager: 'admin' },
      );
      await eventually('the account with a role to follow its spec', () =>
        Promise.resolve(writes().length > before || undefined),
      );
      await until('before', 'Ready');
      expect(writes().slice(before)).toEqual(['UpdateRole']);
    },
  );
});

describe('kon account plan', () => {
  it('shows that an account is not admitted if the installed operator requires admission', async () => {
    const plan = async (): Promise<{
      readonly problems: readonly object[];
      readonly changes: readonly object[];
    }> => JSON.parse((await world.kon.run(['account', 'plan', 'without-policy', '-o', 'json'])).stdout);
    expect((await plan()).changes).not.toEqual([]);
    const labels = { 'app.kubernetes.io/name': 'konstellation' };
    const containers = [
      { name: 'operator', image: 'example.com/kon', args: ['operator', '--require-admission'] },
    ];
    await admin.create(resources.deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'konstellation', namespace: 'default', labels },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
    } as KubeObject);
    expect(await plan()).toMatchObject({ changes: [], problems: [{ reason: 'NotAdmitted' }] });
  });
});

describe('an App that runs when the admission policies are created again', () => {
  it('gets a new Deployment if its Deployment is deleted out of band, and still follows edits of its spec', async () => {
    const old = await findDeployment('early');
    await admin.delete(resources.deployments, { namespace: 'production', name: 'early' });
    const again = await eventually('the Deployment', async () => {
      const found = await findDeployment('early');
      return found && found.metadata.uid !== old?.metadata.uid ? found : undefined;
    });
    const change = { type: 'merge', fieldManager: 'admin' } as const;
    await admin.patch(apps, { name: 'early' }, { spec: { imageTag: '2' } }, change);
    await eventually('the new image', async () => {
      const { metadata } = (await findDeployment('early')) ?? again;
      return metadata.generation === 2 || undefined;
    });
  });
});
