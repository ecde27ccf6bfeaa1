/**
 * Rollouts of identities in a sandbox (guarantees G2 and G3): many apps with one account, an operator that is killed in
 * the middle, a rollout that does not become healthy, an unavailable webhook, and another writer of the same objects.
 * `ROLLOUT_APPS` sets how many apps share the account (default: 10).
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apps, type App, type AppTargetStatus } from '../../src/api/index.ts';
import { isNotFound, resources, type KubeObject } from '../../src/kube/index.ts';
import { eventually } from '../support/eventually.ts';
import type { Running } from '../support/executable.ts';
import { createPerson, roleArnOf, roleOf, type Person, type Pod } from '../support/person.ts';
import { startSandbox, type TestSandbox } from '../support/sandbox.ts';

const targets = ['production', 'staging'] as const;
const count = Number(process.env['ROLLOUT_APPS'] ?? 10);
const names = Array.from({ length: count }, (_, index) => `fleet-${String(index).padStart(3, '0')}`);
/**
 * Time limit for the rollout of one app in one target, in milliseconds. It includes the start of the pods and the
 * operator's reconciles.
 */
const patiencePerRollMs = 10_000;
const patienceMs = 60_000 + 2 * count * patiencePerRollMs;

type Deployment = KubeObject & {
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
};

let sandbox: TestSandbox;
let person: Person;
let operator: Running | undefined;
let deployments: DeploymentWatch;
const roles = new Map<string, string>();

beforeAll(async () => {
  sandbox = await startSandbox({ operator: false });
  person = createPerson(sandbox.client);
  startOperator();
  for (const name of ['before', 'after']) {
    await person.createAccount(name);
    const { status } = await person.untilReady(name);
    roles.set(name, status?.roleArn ?? '');
  }
  await Promise.all(names.map((name) => person.createApp(name, { serviceAccount: 'before' })));
  await Promise.all(names.map((name) => person.untilAppReady(name)));
  deployments = await watchDeployments();
}, 300_000);
afterAll(async () => {
  await deployments?.stop();
  await operator?.end('SIGKILL');
  await sandbox?.stop();
});

function startOperator(): void {
  operator = sandbox.startKon(['operator', '--without-lease']);
}

/** Kills the operator as a failing node would: the operator finishes nothing, and its successor has no memory. */
async function killOperator(): Promise<void> {
  await operator?.end('SIGKILL');
  startOperator();
}

const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`;
const markOf = ({ spec }: Deployment): string | undefined =>
  spec.template.metadata.annotations?.['k11n.dev/identity'];

function isSettled({ metadata, spec, status }: Deployment): boolean {
  return (
    status?.observedGeneration === metadata.generation &&
    status?.updatedReplicas === spec.replicas &&
    status.replicas === spec.replicas &&
    status.availableReplicas === spec.replicas
  );
}

type DeploymentWatch = {
  /** Starts a new record, without earlier rollouts. */
  begin(): void;
  /**
   * Order in which the templates got another identity, and the maximum number of Deployments that rolled at the same
   * time.
   */
  reported(): { readonly order: readonly string[]; readonly mostAtOnce: number };
  stop(): Promise<void>;
};

/** Records the states that the Deployments of the rollout group pass through. */
async function watchDeployments(): Promise<DeploymentWatch> {
  const end = new AbortController();
  const listed = await sandbox.client.list<Deployment>(resources.deployments);
  const now = new Map(listed.items.map((object) => [keyOf(object), object]));
  let order: string[] = [];
  let mostAtOnce = 0;
  let failure: unknown;
  const note = (object: Deployment): void => {
    if (!object.metadata.name.startsWith('fleet-')) return;
    const before = now.get(keyOf(object));
    if (before && markOf(before) !== markOf(object)) order.push(keyOf(object));
    now.set(keyOf(object), object);
    const rolling = [...now.values()].filter(
      (one) => one.metadata.name.startsWith('fleet-') && !isSettled(one),
    );
    mostAtOnce = Math.max(mostAtOnce, rolling.length);
  };
  const watching = (async () => {
    let since = listed.resourceVersion;
    while (!end.signal.aborted)
      for await (const event of sandbox.client.watch<Deployment>(resources.deployments, {
        resourceVersion: since,
        allowBookmarks: true,
        signal: end.signal,
      })) {
        if (event.type === 'ERROR') throw event.error;
        if (event.type === 'BOOKMARK') since = event.resourceVersion;
        else {
          since = event.object.metadata.resourceVersion ?? since;
          note(event.object);
        }
      }
  })().catch((error: unknown) => {
    if (!end.signal.aborted) failure = error;
  });
  return {
    begin() {
      order = [];
      mostAtOnce = 0;
    },
    reported() {
      if (failure !== undefined) throw failure;
      return { order, mostAtOnce };
    },
    async stop() {
      end.abort();
      await watching;
    },
  };
}

/** Edits all these apps at once, as `kubectl apply -f` of a folder does. */
async function moveTo(serviceAccount: string, moved = names): Promise<void> {
  await Promise.all(moved.map((name) => person.editApp(name, { serviceAccount })));
}

async function untilMoved(serviceAccount: string, moved = names): Promise<void> {
  const role = roles.get(serviceAccount);
  await Promise.all(
    moved.map((name) =>
      person.untilApp(name, `to have moved to ${serviceAccount}`, ({ status }) =>
        status?.targets?.length === 2 &&
        status.targets.every((row) => row.state === 'Ready' && row.roleArn === role && row.identityCurrent)
          ? true
          : undefined,
      ),
    ),
  );
}

async function rolesOfPods(app: string): Promise<readonly (string | undefined)[]> {
  const pods = await Promise.all(targets.map((target) => person.pods(app, target)));
  return pods.flat().map(roleOf);
}

async function revisions(): Promise<ReadonlySet<number>> {
  const found = await Promise.all(
    names.flatMap((name) => targets.map((target) => person.revision(name, target))),
  );
  return new Set(found);
}

/**
 * Expects this order of rollouts: the app that was edited first rolls immediately. The others are queued during its
 * rollout, and then roll as listed in `inOrder`.
 */
function expectInOrder(order: readonly string[]): void {
  const [first, ...others] = order;
  expect(order.toSorted()).toEqual(inOrder.toSorted());
  expect(others).toEqual(inOrder.filter((key) => key !== first));
}

async function deploymentOf(name: string): Promise<KubeObject['metadata']> {
  const namespace = 'production';
  return (await sandbox.client.get<KubeObject>(resources.deployments, { namespace, name })).metadata;
}

const inOrder = targets.flatMap((target) => names.map((name) => `${target}/${name}`));
const rowOf = (app: App, target: string): AppTargetStatus | undefined =>
  app.status?.targets?.find((row) => row.name === target);

test(
  `${count} apps on 2 targets switch to another identity once each, one at a time and in order`,
  async () => {
    deployments.begin();
    const start = performance.now();
    await moveTo('after');
    await untilMoved('after');
    const seconds = (performance.now() - start) / 1000;
    const { order, mostAtOnce } = deployments.reported();
    console.log(
      `${order.length} rolls, one at a time: ${seconds.toFixed(1)} s, ${(seconds / order.length).toFixed(2)} s each`,
    );
    expectInOrder(order);
    expect(mostAtOnce).toBe(1);
    expect(await revisions()).toEqual(new Set([2]));
    for (const name of names)
      for (const target of targets)
        await person.untilPods(name, target, 'the identity', (pod) => roleOf(pod) === roles.get('after'));
  },
  patienceMs,
);

test(
  'an operator that is killed during rollouts continues them after its restart, one at a time, and rolls each app once',
  async () => {
    deployments.begin();
    await moveTo('before');
    for (const rolled of [1, 3, 4, 7]) {
      await eventually(
        `${rolled} have begun`,
        async () => deployments.reported().order.length >= rolled || undefined,
      );
      await killOperator();
    }
    await untilMoved('before');
    const { order, mostAtOnce } = deployments.reported();
    expectInOrder(order);
    expect(mostAtOnce).toBe(1);
    expect(await revisions()).toEqual(new Set([3]));
  },
  patienceMs,
);

test(
  'a rollout that does not become healthy is reported and stops the other rollouts until a user repairs it',
  async () => {
    const [first = '', second = '', ...others] = names;
    const last = others.at(-1) ?? second;
    deployments.begin();
    // Requests more than any node's capacity.
    await person.editApp(first, { serviceAccount: 'after', resources: { requests: { cpu: '100k' } } });
    await person.untilApp(first, 'to fail', (app) =>
      rowOf(app, 'production')?.reason === 'Unschedulable' ? app : undefined,
    );
    await Promise.all(names.slice(1).map((name) => person.editApp(name, { serviceAccount: 'after' })));
    for (const name of [second, last]) {
      const app = await person.untilApp(name, 'to be paused', (seen) =>
        seen.status?.targets?.every((row) => row.reason === 'PausedByFailedRollout') ? seen : undefined,
      );
      expect(app.status?.targets?.[0]?.message).toContain(`app ${first} in production`);
    }
    const account = await person.untilAccount('after', 'what holds the others back', (seen) => {
      const condition = seen.status?.conditions?.find(({ type }) => type === 'WorkloadsCurrent');
      return condition?.reason === 'PausedByFailedRollout' ? condition : undefined;
    });
    expect(account).toMatchObject({
      status: 'False',
      message: expect.stringContaining(`held back by app ${first} in production`) as string,
    });
    const shown = await sandbox.kon(['account', 'show', 'after']);
    expect(shown.stdout).toMatch(new RegExp(`PausedByFailedRollout .*app ${first} in production`));
    const reported = await sandbox.kon(['app', 'status', second]);
    expect(reported.stdout).toContain('PausedByFailedRollout');
    expect(reported.stdout).toContain(`app ${first} in production`);
    expect(deployments.reported().order).toEqual([`production/${first}`]);
    const before = await person.pods(first, 'production');
    // The earlier pods still serve with the previous identity.
    expect(before.map(roleOf)).toContain(roles.get('before'));

    await person.editApp(first, { resources: null });
    await untilMoved('after');
    const { order } = deployments.reported();
    expect(order.toSorted()).toEqual(inOrder.toSorted());
    await person.untilAccount('after', 'that nothing is held back', (seen) =>
      seen.status?.conditions?.find(({ type }) => type === 'WorkloadsCurrent')?.status === 'True'
        ? true
        : undefined,
    );
  },
  patienceMs,
);

test('when the leader is killed, the second operator continues the rollouts: no app rolls twice, and unchanged apps do not roll', async () => {
  await operator?.end('SIGTERM');
  const startCandidate = (): Running => sandbox.startKon(['operator', '--lease-namespace=kube-system']);
  const holder = async (): Promise<string | undefined> => {
    const { items } = await sandbox.client.list<KubeObject & { spec?: { holderIdentity?: string } }>(
      resources.leases,
      { namespace: 'kube-system', fieldSelector: 'metadata.name=konstellation' },
    );
    return items[0]?.spec?.holderIdentity || undefined;
  };
  const first = startCandidate();
  const leader = await eventually('the first leads', holder);
  operator = startCandidate();
  const [movers, stayers] = [names.slice(0, 4), names.slice(4)];
  const uidsOf = async (apps: readonly string[]): Promise<readonly (string | undefined)[]> => {
    const found = await Promise.all(apps.flatMap((app) => targets.map((target) => person.pods(app, target))));
    return found.flat().map(({ metadata }) => metadata.uid);
  };
  const staying = await uidsOf(stayers);
  deployments.begin();
  await moveTo('before', movers);
  await eventually('some have begun', async () => deployments.reported().order.length >= 3 || undefined);
  await first.end('SIGKILL');
  await untilMoved('before', movers);
  expect(await holder()).not.toBe(leader);
  const { order, mostAtOnce } = deployments.reported();
  expect(order.toSorted()).toEqual(
    movers.flatMap((app) => targets.map((target) => `${target}/${app}`)).toSorted(),
  );
  expect(mostAtOnce).toBe(1);
  expect(await uidsOf(stayers)).toEqual(staying);
  await operator.end('SIGTERM');
  startOperator();
}, 120_000);

/** Deletes the pod unless the cluster has already done so. */
async function deleteUnlessGone(pod: KubeObject): Promise<void> {
  try {
    await sandbox.client.delete(resources.pods, pod.metadata);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

test('while the webhook is unavailable nothing is rolled out, and pods that the webhook missed are replaced afterwards', async () => {
  for (const name of ['missed', 'kept']) {
    await person.createApp(name, { serviceAccount: 'before' });
    await person.untilAppReady(name);
  }
  const [kept] = await person.pods('kept', 'production');
  const webhooks = await sandbox.client.list<KubeObject>(resources.mutatingWebhookConfigurations);
  const registration = webhooks.items.find(({ metadata }) => metadata.name.includes('pod-identity'));
  if (!registration) throw new Error('the sandbox has a pod identity webhook');
  await sandbox.client.delete(resources.mutatingWebhookConfigurations, registration.metadata);
  await eventually('pods come up without identity', async () => {
    for (const target of targets)
      for (const pod of await person.pods('missed', target))
        if (roleOf(pod) !== undefined) await deleteUnlessGone(pod);
    const held = await rolesOfPods('missed');
    return held.length === 2 && held.every((role) => role === undefined) ? true : undefined;
  });
  const app = await person.untilApp('missed', 'that its pods were missed', (seen) =>
    seen.status?.targets?.every((row) => row.reason === 'PodsNotCurrent') ? seen : undefined,
  );
  expect(app.status?.targets?.[0]).toMatchObject({ identityCurrent: false });
  await person.untilAccount('before', 'that both are counted', ({ status }) =>
    status?.targets?.every((row) => row.pods?.uninjected === 1) ? true : undefined,
  );
  const shown = await sandbox.kon(['account', 'show', 'before']);
  expect(shown.stdout).toMatch(/production +missed-\S+ .*app missed +uninjected +no identity of its own/);

  await person.createApp('held', { serviceAccount: 'before' });
  await person.untilApp('held', 'that nothing would inject its pods', (seen) =>
    seen.status?.targets?.every((row) => row.reason === 'NotInjected') ? seen : undefined,
  );
  expect(await person.revision('held', 'production')).toBe(0);
  await person.editApp('kept', { imageTag: '3.9' });
  await person.untilApp('kept', 'that nothing would inject its new pods', (seen) =>
    seen.status?.targets?.every((row) => row.reason === 'NotInjected') ? seen : undefined,
  );
  expect((await person.pods('kept', 'production')).map(({ metadata }) => metadata.uid)).toEqual([
    kept?.metadata.uid,
  ]);

  const restarted = await sandbox.kon(['app', 'restart', 'kept']);
  expect(restarted.code).toBe(1);
  expect(restarted.stderr).toContain('new pods of "kept" in production would lack their identity');

  const {
    resourceVersion: _,
    uid: __,
    managedFields: ___,
    creationTimestamp: ____,
    ...metadata
  } = registration.metadata;
  await sandbox.client.create<KubeObject>(resources.mutatingWebhookConfigurations, {
    ...registration,
    metadata,
  });
  for (const name of ['missed', 'held']) {
    await person.untilAppReady(name);
    for (const target of targets) {
      await person.untilPods(name, target, 'the identity', (pod) => roleOf(pod) === roles.get('before'));
      // The pod was replaced without a rollout, and the app was deployed only once.
      expect(await person.revision(name, target)).toBe(1);
    }
  }
  await person.untilAppReady('kept');
  await person.untilPods(
    'kept',
    'production',
    'the new image, with the identity',
    (pod) =>
      roleOf(pod) === roles.get('before') && pod.spec.containers[0]?.image === 'registry.k8s.io/pause:3.9',
  );
}, 120_000);

test('a rollout keeps the changes of other writers to the same objects', async () => {
  await person.createApp('shared', {
    serviceAccount: 'before',
    targets: [{ name: 'staging', deployMode: 'latest' }],
  });
  await person.untilAppReady('shared');
  await sandbox.client.apply<KubeObject>(
    resources.deployments,
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace: 'staging', name: 'shared', annotations: { 'example.com/team': 'payments' } },
      spec: {
        template: {
          metadata: { annotations: { 'example.com/inject': 'true' } },
          spec: { containers: [{ name: 'sidecar', image: 'registry.k8s.io/pause:3.10' }] },
        },
      },
    } as KubeObject,
    { fieldManager: 'injector' },
  );
  const hasSidecar = (pod: Pod): boolean => pod.spec.containers.some(({ name }) => name === 'sidecar');
  await person.untilPods('shared', 'staging', 'the sidecar', hasSidecar);
  await person.editApp('shared', { serviceAccount: 'after' });
  await person.untilPods(
    'shared',
    'staging',
    'the new identity and the sidecar',
    (pod) => roleOf(pod) === roles.get('after') && hasSidecar(pod),
  );
  const { metadata } = await sandbox.client.get<KubeObject>(resources.deployments, {
    namespace: 'staging',
    name: 'shared',
  });
  expect(metadata.annotations).toMatchObject({ 'example.com/team': 'payments' });
  // There is one revision for each of the three templates: the app's, the injector's, and the one with the new
  // identity.
  expect(await person.revision('shared', 'staging')).toBe(3);
}, 120_000);

test('an app rolls once when its account is added, changed or removed, even if the operator is killed each time', async () => {
  await person.createApp('mover', { targets: [{ name: 'production', deployMode: 'latest' }] });
  await person.untilAppReady('mover');
  const expected = [undefined, roles.get('before'), roles.get('after'), undefined];
  for (const [index, serviceAccount] of ['before', 'after', null].entries()) {
    const { generation } = await deploymentOf('mover');
    await person.editApp('mover', { serviceAccount });
    await eventually('the roll has begun', async () =>
      (await deploymentOf('mover')).generation !== generation ? true : undefined,
    );
    await killOperator();
    await person.untilPods(
      'mover',
      'production',
      `what ${serviceAccount} gives`,
      (pod) =>
        roleOf(pod) === expected[index + 1] && pod.spec.serviceAccountName === (serviceAccount ?? 'default'),
    );
    await person.untilAppReady('mover');
    // The last template equals the first one, so its ReplicaSet is reused. This still counts as another revision.
    expect(await person.revision('mover', 'production')).toBe(index + 2);
  }
  const { items } = await sandbox.client.list<KubeObject>(resources.replicaSets, {
    namespace: 'production',
    labelSelector: 'k11n.dev/app=mover',
  });
  expect(items).toHaveLength(3);
  expect(roleArnOf(await person.serviceAccount('production', 'before'))).toBe(roles.get('before'));
  await sandbox.client.delete(apps, { name: 'mover' });
}, 120_000);

test("even if the operator is killed, the deletion of an account waits until all pods of the account's app run without the account's role", async () => {
  await person.createAccount('leaving', { targets: ['production'] });
  await person.createApp('leaver', {
    serviceAccount: 'leaving',
    targets: [{ name: 'production', deployMode: 'latest' }],
  });
  await person.untilAppReady('leaver');
  await person.deleteAccount('leaving');
  const held = await person.untilAccount('leaving', 'that it is in use', ({ status }) => {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    return ready?.reason === 'InUse' ? ready : undefined;
  });
  expect(held.message).toContain('production/leaver-');
  await person.untilApp('leaver', 'that its account goes', ({ status }) =>
    status?.conditions?.some(({ reason }) => reason === 'AccountDeleting') ? true : undefined,
  );
  await killOperator();
  // The app is still blocked: its pods continue to run with the identity that they already have.
  await person.untilPods('leaver', 'production', 'the role', (pod) => roleOf(pod) !== undefined);
  await person.editApp('leaver', { serviceAccount: null });
  await killOperator();
  await person.untilAccountGone('leaving');
  const pods = await person.untilPods('leaver', 'production', 'no role', (pod) => roleOf(pod) === undefined);
  expect(pods.map(({ spec }) => spec.serviceAccountName)).toEqual(['default']);
  expect(await person.revision('leaver', 'production')).toBe(2);
}, 120_000);
