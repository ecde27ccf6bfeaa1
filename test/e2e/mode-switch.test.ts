/**
 * The identity mode changes while pods run and a prober repeatedly exchanges each pod's tokens. Targets switch one
 * after another, and only pods in the switching target are ever unable to get new credentials.
 */
import {
  DeletePodIdentityAssociationCommand,
  EKSClient,
  ListPodIdentityAssociationsCommand,
} from '@aws-sdk/client-eks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  clusterConfigs,
  linkedServiceAccounts,
  type IdentityMode,
  type LinkedServiceAccount,
} from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import { resources, type KubeObject, type Resource } from '../../src/kube/index.ts';
import type { Running } from '../support/executable.ts';
import { eventually } from '../support/eventually.ts';
import { createPerson, roleOf, type Person, type Pod } from '../support/person.ts';
import { createProbers, type Failure, type Probers } from '../support/prober.ts';
import { startSandbox, type TestSandbox } from '../support/sandbox.ts';

const targets = ['production', 'staging'] as const;
const resourceQuotas: Resource = {
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  namespaced: true,
};
const edit = { type: 'merge', fieldManager: 'test' } as const;

let sandbox: TestSandbox;
let person: Person;
let eks: EKSClient;
let probers: Probers;
let operator: Running | undefined;
beforeAll(async () => {
  sandbox = await startSandbox({ operator: false });
  person = createPerson(sandbox.client);
  const { awsEndpoint: endpoint, region, credentials } = sandbox.description;
  eks = new EKSClient({ endpoint, region, credentials });
  probers = createProbers(sandbox);
  await startOperator();
});
afterAll(async () => {
  await probers?.close();
  await operator?.end('SIGKILL');
  eks?.destroy();
  await sandbox?.stop();
});

async function startOperator(): Promise<void> {
  await operator?.end('SIGKILL');
  operator = sandbox.startKon(['operator', '--without-lease']);
}

function setMode(name: string, identityMode: IdentityMode | null): Promise<unknown> {
  return sandbox.client.patch(linkedServiceAccounts, { name }, { spec: { aws: { identityMode } } }, edit);
}

/** Returns the targets whose ServiceAccount with this name has an association. */
async function associated(serviceAccount: string): Promise<readonly string[]> {
  const { associations = [] } = await eks.send(
    new ListPodIdentityAssociationsCommand({ clusterName: sandbox.description.name, serviceAccount }),
  );
  return associations.map(({ namespace = '' }) => namespace).toSorted();
}

function untilServed(name: string, mode: IdentityMode): Promise<LinkedServiceAccount> {
  return person.untilAccount(name, `Ready and current by ${mode}`, (account) =>
    findCondition(account.status?.conditions, 'Ready')?.status === 'True' &&
    findCondition(account.status?.conditions, 'WorkloadsCurrent')?.status === 'True' &&
    account.status?.targets?.every(({ identityMode = 'IRSA' }) => identityMode === mode)
      ? account
      : undefined,
  );
}

const isByAgent = (pod: Pod): boolean =>
  pod.spec.containers.every(({ env = [] }) =>
    env.some(({ name }) => name === 'AWS_CONTAINER_CREDENTIALS_FULL_URI'),
  ) && roleOf(pod) === undefined;

/**
 * Expects that in each round the failed pods of an account are all in the same target, and all use the association that
 * the operator deleted.
 */
function expectOneTargetAtATime(failures: readonly Failure[]): void {
  expect(failures.filter(({ what }) => !what.includes('by Pod Identity')).map(({ what }) => what)).toEqual(
    [],
  );
  const seen = new Map<string, Set<string>>();
  for (const { round, account, target } of failures) {
    const key = `round ${round} of ${account}`;
    seen.set(key, (seen.get(key) ?? new Set()).add(target));
  }
  expect([...seen].filter(([, found]) => found.size > 1).map(([key]) => key)).toEqual([]);
}

test('while the pods of one target cannot be replaced, every target of the account keeps its association', async () => {
  const name = 'full';
  await person.createAccount(name, { identityMode: 'PodIdentity' });
  for (const app of ['full-a', 'full-b']) await person.createApp(app, { serviceAccount: name });
  await untilServed(name, 'PodIdentity');
  await sandbox.client.create<KubeObject>(resourceQuotas, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { namespace: 'production', name: 'full' },
    spec: { hard: { pods: '2' } },
  } as KubeObject);
  await eventually('the quota counts', async () => {
    const quota = await sandbox.client.get<KubeObject & { status?: { used?: { pods?: string } } }>(
      resourceQuotas,
      { namespace: 'production', name: 'full' },
    );
    return quota.status?.used?.pods === '2' || undefined;
  });
  const prober = probers.probe([name]);
  await setMode(name, null);
  const blocked = await person.untilRow(name, 'production', 'RolloutBlocked');
  expect(blocked.message).toContain('exceeded quota');
  const waiting = await person.untilRow(name, 'staging', 'SwitchingMode');
  expect(waiting.message).toContain('production switches first');
  const { status } = await sandbox.client.get<LinkedServiceAccount>(linkedServiceAccounts, { name });
  expect(findCondition(status?.conditions, 'Ready')?.status).toBe('False');
  expect((await sandbox.kon(['doctor'])).code).not.toBe(0);
  expect(await associated(name)).toEqual(targets);
  for (const target of targets) await person.untilPods('full-a', target, 'as before', isByAgent);
  expect((await prober.stop()).failures).toEqual([]);

  await sandbox.client.delete(resourceQuotas, { namespace: 'production', name: 'full' });
  await untilServed(name, 'IRSA');
  expect(await associated(name)).toEqual([]);
});

test('pods of a workload without the restart label keep the association of their target until the workload is labelled', async () => {
  const name = 'by-hand';
  await person.createAccount(name, { identityMode: 'PodIdentity', targets: ['staging'] });
  await person.untilRow(name, 'staging', 'AwaitingFirstPod');
  await sandbox.client.create<KubeObject>(resources.deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace: 'staging', name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          serviceAccountName: name,
          containers: [{ name: 'main', image: 'registry.k8s.io/pause:3.10' }],
        },
      },
    },
  } as KubeObject);
  await untilServed(name, 'PodIdentity');
  const prober = probers.probe([name]);
  await setMode(name, null);
  const row = await person.untilRow(name, 'staging', 'AwaitingReplacement');
  expect(row.message).toContain('k11n.dev/restart-on-identity-change=true');
  expect(await associated(name)).toEqual(['staging']);
  expect((await prober.stop()).failures).toEqual([]);
  await sandbox.client.patch(
    resources.deployments,
    { namespace: 'staging', name },
    { metadata: { labels: { 'k11n.dev/restart-on-identity-change': 'true' } } },
    edit,
  );
  await untilServed(name, 'IRSA');
  expect(await associated(name)).toEqual([]);
});

test('an account whose pods lost their association is not Ready until the association exists again', async () => {
  const name = 'gone';
  await person.createAccount(name, { identityMode: 'PodIdentity' });
  await person.createApp(name, { serviceAccount: name });
  await untilServed(name, 'PodIdentity');
  await operator?.end('SIGKILL');
  const { associations = [] } = await eks.send(
    new ListPodIdentityAssociationsCommand({
      clusterName: sandbox.description.name,
      serviceAccount: name,
      namespace: 'staging',
    }),
  );
  await eks.send(
    new DeletePodIdentityAssociationCommand({
      clusterName: sandbox.description.name,
      associationId: associations[0]?.associationId,
    }),
  );
  const restore = await sandbox.aws.inject({
    service: 'eks',
    action: 'CreatePodIdentityAssociation',
    error: { code: 'AccessDeniedException', status: 403, message: 'not now' },
  });
  await startOperator();
  await person.untilAccount(name, 'Ready is False', (account) =>
    findCondition(account.status?.conditions, 'Ready')?.status === 'False' ? true : undefined,
  );
  await restore();
  await startOperator();
  await untilServed(name, 'PodIdentity');
});

test('while operators are killed, an account switches to Pod Identity and back, and only pods of the switching target wait for credentials', async () => {
  const name = 'killed';
  await person.createAccount(name);
  for (const app of ['killed-a', 'killed-b']) await person.createApp(app, { serviceAccount: name });
  await untilServed(name, 'IRSA');
  const killAfter = async (action: string, change: () => Promise<unknown>): Promise<void> => {
    const position = await sandbox.aws.position();
    const restore = await sandbox.aws.inject({ service: 'eks', action, drop: 'afterCall' });
    await change();
    await sandbox.aws.untilCalled(
      position,
      `the operator to ask for ${action}`,
      (call) => call.action === action && call.changed,
    );
    await operator?.end('SIGKILL');
    await restore();
    await startOperator();
  };
  const there = probers.probe([name]);
  await killAfter('CreatePodIdentityAssociation', () => setMode(name, 'PodIdentity'));
  await untilServed(name, 'PodIdentity');
  const over = await there.stop();
  expect(over.failures).toEqual([]);

  const back = probers.probe([name]);
  await killAfter('DeletePodIdentityAssociation', () => setMode(name, null));
  await untilServed(name, 'IRSA');
  const returned = await back.stop();
  expectOneTargetAtATime(returned.failures);
  expect(await associated(name)).toEqual([]);
  expect(Math.min(over.rounds, returned.rounds)).toBeGreaterThan(3);
});

test('a switch proceeds one target at a time while listing associations is denied, and finishes once listing is allowed', async () => {
  const name = 'denied';
  await person.createAccount(name, { identityMode: 'PodIdentity' });
  await person.createApp(name, { serviceAccount: name });
  await untilServed(name, 'PodIdentity');
  const restore = await sandbox.aws.inject({
    service: 'eks',
    action: 'ListPodIdentityAssociations',
    error: { code: 'AccessDeniedException', status: 403, message: 'not now' },
  });
  const prober = probers.probe([name]);
  await setMode(name, null);
  for (const target of targets)
    await person.untilPods(name, target, 'by web identity', (pod) => roleOf(pod) !== undefined);
  expectOneTargetAtATime((await prober.stop()).failures);
  await restore();
  await untilServed(name, 'IRSA');
});

test('a whole cluster switches to Pod Identity and back, one target per account at a time', async () => {
  const accounts = ['whole-a', 'whole-b'];
  for (const name of accounts) {
    await person.createAccount(name);
    await person.createApp(name, { serviceAccount: name });
  }
  for (const name of accounts) await untilServed(name, 'IRSA');
  const switchTo = (identityMode: IdentityMode): Promise<unknown> =>
    sandbox.client.patch(
      clusterConfigs,
      { name: sandbox.description.name },
      { spec: { aws: { identityMode } } },
      edit,
    );
  const there = probers.probe(accounts);
  await switchTo('PodIdentity');
  for (const name of accounts) await untilServed(name, 'PodIdentity');
  expect((await there.stop()).failures).toEqual([]);
  const back = probers.probe(accounts);
  await switchTo('IRSA');
  for (const name of accounts) await untilServed(name, 'IRSA');
  expectOneTargetAtATime((await back.stop()).failures);
});
