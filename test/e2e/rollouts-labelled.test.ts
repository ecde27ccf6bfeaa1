/**
 * Workloads without an App get an identity if they have a certain label. The operator restarts them one at a time and
 * only once, and changes only the restart annotation. Workloads without the label stay unchanged.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resources, type KubeObject, type Resource } from '../../src/kube/index.ts';
import { eventually } from '../support/eventually.ts';
import type { Running } from '../support/executable.ts';
import { createPerson, roleOf, type Person, type Pod } from '../support/person.ts';
import { startSandbox, type TestSandbox } from '../support/sandbox.ts';

const namespace = 'production';
const account = 'ledger';
const label = 'k11n.dev/restart-on-identity-change';

type Workload = KubeObject & {
  readonly spec: {
    readonly template: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } };
  };
};

let sandbox: TestSandbox;
let person: Person;
let operator: Running | undefined;
beforeAll(async () => {
  sandbox = await startSandbox({ operator: false });
  person = createPerson(sandbox.client);
  startOperator();
  await eventually('the target is there', async () => {
    const { items } = await sandbox.client.list<KubeObject>(resources.namespaces);
    return items.some(({ metadata }) => metadata.name === namespace) || undefined;
  });
  // A ServiceAccount that its owner hands over to Konstellation. Its pods have no identity yet.
  await sandbox.client.create<KubeObject>(resources.serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace, name: account, labels: { 'k11n.dev/account': account } },
  });
  await create(resources.deployments, 'api', { replicas: 2 });
  await create(resources.statefulSets, 'db', { replicas: 2, serviceName: 'db' });
  await create(resources.daemonSets, 'agent', {});
  await create(resources.daemonSets, 'by-hand', { updateStrategy: { type: 'OnDelete' } });
  await create(resources.deployments, 'silent', { replicas: 1 }, false);
  await sandbox.client.create<KubeObject>(resources.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name: 'bare', labels: { app: 'bare', [label]: 'true' } },
    spec: podSpec,
  } as KubeObject);
  for (const [name, pods] of Object.entries({ api: 2, db: 2, agent: 1, 'by-hand': 1, silent: 1, bare: 1 }))
    await untilPods(name, (seen) => seen.length === pods && seen.every((pod) => roleOf(pod) === undefined));
});
afterAll(async () => {
  await operator?.end('SIGKILL');
  await sandbox?.stop();
});

const podSpec = {
  serviceAccountName: account,
  containers: [{ name: 'main', image: 'registry.k8s.io/pause:3.10' }],
};

function startOperator(): void {
  operator = sandbox.startKon(['operator', '--without-lease']);
}

async function create(resource: Resource, name: string, spec: object, asks = true): Promise<void> {
  await sandbox.client.create<KubeObject>(
    resource,
    {
      apiVersion: 'apps/v1',
      kind: resource.kind,
      metadata: { namespace, name, ...(asks ? { labels: { [label]: 'true' } } : {}) },
      spec: {
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels: { app: name } }, spec: podSpec },
        ...spec,
      },
    } as KubeObject,
    { fieldManager: 'owner' },
  );
}

async function untilPods(app: string, fits: (pods: readonly Pod[]) => boolean): Promise<readonly Pod[]> {
  return eventually(`pods of ${app}`, async () => {
    const { items } = await sandbox.client.list<Pod>(resources.pods, {
      namespace,
      labelSelector: `app=${app}`,
    });
    const alive = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const areReady = alive.every((pod) =>
      pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
    );
    return areReady && fits(alive) ? alive : undefined;
  });
}

const asking = [
  [resources.deployments, 'api'],
  [resources.statefulSets, 'db'],
  [resources.daemonSets, 'agent'],
] as const;
const get = (resource: Resource, name: string): Promise<Workload> =>
  sandbox.client.get<Workload>(resource, { namespace, name });
const markOf = ({ spec }: Workload): string | undefined =>
  spec.template.metadata.annotations?.['k11n.dev/identity'];

test('only workloads with the restart label are restarted with the proven identity', async () => {
  const before = await Promise.all(
    (['by-hand', 'silent', 'bare'] as const).map((name) => untilPods(name, () => true)),
  );
  await person.createAccount(account, { targets: [namespace] });
  const { status } = await person.untilReady(account);
  const role = status?.roleArn;
  expect(role).toBeDefined();
  const pods = await Promise.all(
    (
      [
        ['api', 2],
        ['db', 2],
        ['agent', 1],
      ] as const
    ).map(([name, count]) =>
      untilPods(name, (seen) => seen.length === count && seen.every((pod) => roleOf(pod) === role)),
    ),
  );
  for (const [resource, name] of asking) {
    const workload = await get(resource, name);
    expect(markOf(workload)).toBe(`${role} for sts.amazonaws.com`);
    // Generation 1 is the workload as it was created. Generation 2 shows that the annotation is the only change.
    expect(workload.metadata.generation).toBe(2);
  }
  const after = await Promise.all(
    (['by-hand', 'silent', 'bare'] as const).map((name) => untilPods(name, () => true)),
  );
  expect(after.flat().map(({ metadata }) => metadata.uid)).toEqual(
    before.flat().map(({ metadata }) => metadata.uid),
  );

  // The new operator knows nothing of the rollout, and a change of policies makes it reconcile everything. It must not
  // roll the workloads again.
  await operator?.end('SIGKILL');
  startOperator();
  await person.editPolicies(account, ['arn:aws:iam::aws:policy/AmazonS3FullAccess']);
  await person.untilReady(account);
  const { status: seen } = await person.untilAccount(account, 'its pods to be counted', (found) =>
    found.status?.targets?.some((row) => row.pods?.current === 5 && row.pods.uninjected === 3)
      ? found
      : undefined,
  );
  expect(seen?.conditions?.find(({ type }) => type === 'WorkloadsCurrent')).toMatchObject({
    status: 'False',
  });
  const still = await Promise.all(['api', 'db', 'agent'].map((name) => untilPods(name, () => true)));
  expect(
    still
      .flat()
      .map(({ metadata }) => metadata.uid)
      .toSorted((a = '', b = '') => a.localeCompare(b)),
  ).toEqual(
    pods
      .flat()
      .map(({ metadata }) => metadata.uid)
      .toSorted((a = '', b = '') => a.localeCompare(b)),
  );
  for (const [resource, name] of asking) expect((await get(resource, name)).metadata.generation).toBe(2);
}, 180_000);

test('the operator owns only one annotation of the pod template', async () => {
  for (const [resource, name] of asking) {
    const { metadata } = await get(resource, name);
    const ours = metadata.managedFields?.filter(({ manager }) => manager === 'konstellation') ?? [];
    expect(ours.map(({ fieldsV1 }) => fieldsV1)).toEqual([
      {
        'f:spec': {
          'f:template': { 'f:metadata': { 'f:annotations': { 'f:k11n.dev/identity': {} } } },
        },
      },
    ]);
  }
});

test('a pod that the webhook missed is replaced once the webhook works, without another rollout of its StatefulSet', async () => {
  const { items } = await sandbox.client.list<KubeObject>(resources.mutatingWebhookConfigurations);
  const registration = items.find(({ metadata }) => metadata.name.includes('pod-identity'));
  if (!registration) throw new Error('the sandbox has a pod identity webhook');
  await sandbox.client.delete(resources.mutatingWebhookConfigurations, registration.metadata);
  await sandbox.client.delete(resources.pods, { namespace, name: 'db-1' });
  const missed = await untilPods('db', (pods) => pods.some((pod) => roleOf(pod) === undefined));
  expect(missed).toHaveLength(2);
  const { name, labels, annotations } = registration.metadata;
  await sandbox.client.create<KubeObject>(resources.mutatingWebhookConfigurations, {
    ...registration,
    metadata: { name, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) },
  });
  await untilPods('db', (pods) => pods.length === 2 && pods.every((pod) => roleOf(pod) !== undefined));
  expect((await get(resources.statefulSets, 'db')).metadata.generation).toBe(2);
}, 120_000);
