/**
 * Apps without an account: objects that the operator creates, keeps, changes and deletes, and objects that it never
 * touches.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apps } from '../../../src/api/index.ts';
import { isNotFound, resources, type KubeObject } from '../../../src/kube/index.ts';
import { startHarness, type Harness } from './harness.ts';
import { untilQuotaRefuses } from './parts.ts';

let harness: Harness;
let operator: { stop(): Promise<void> };
beforeAll(async () => {
  harness = await startHarness();
  operator = await harness.startOperator();
});
afterAll(async () => {
  await operator?.stop();
  await harness?.stop();
});

const ports = [{ name: 'http', port: 8080, protocol: 'TCP' as const }];
const kinds = [
  resources.deployments,
  resources.services,
  resources.podDisruptionBudgets,
  resources.horizontalPodAutoscalers,
  resources.ingresses,
];

test('an app gets its objects in every target, and becomes ready', async () => {
  await harness.createApp('whole', {
    ports,
    scale: { min: 2, max: 4 },
    resources: { requests: { cpu: '0.5', memory: '1024Mi' } },
    env: [{ name: 'EMPTY', value: '' }],
    probes: { readiness: { tcpSocket: { port: 8080 }, initialDelaySeconds: 0 } },
    targets: [
      { name: 'production', deployMode: 'latest', ingress: { hosts: ['whole.example'] } },
      { name: 'staging', deployMode: 'latest', scale: { min: 1 } },
    ],
  });
  const app = await harness.untilReady('whole');
  expect(app.status).toMatchObject({
    ready: '2/2',
    targets: [
      { name: 'production', state: 'Ready', image: 'example.com/web', revision: '1', readyReplicas: 2 },
      { name: 'staging', state: 'Ready', readyReplicas: 1 },
    ],
  });
  const made = async (target: string): Promise<readonly string[]> => {
    const found = await Promise.all(
      kinds.map(async (kind) => ((await harness.get(kind, target, 'whole')) ? kind.kind : [])),
    );
    return found.flat();
  };
  expect(await made('production')).toEqual(kinds.map(({ kind }) => kind));
  expect(await made('staging')).toEqual(['Deployment', 'Service']);
});

test('the operator writes nothing while everything is in sync, even after a restart', async () => {
  await harness.untilReady('whole');
  await operator.stop();
  const before = harness.writes().length;
  operator = await harness.startOperator();
  // When this later app is ready, the operator has processed the rest of its queue.
  await harness.createApp('later', {});
  await harness.untilReady('later');
  expect(
    harness
      .writes()
      .slice(before)
      .filter((write) => write.endsWith('/whole')),
  ).toEqual([]);
});

test('manual changes to the objects of an app are reverted, and fields of other managers stay', async () => {
  const ref = { namespace: 'staging', name: 'whole' };
  await harness.client.patch(
    resources.deployments,
    ref,
    {
      metadata: { labels: { team: 'x' } },
      spec: { template: { spec: { containers: [{ name: 'whole', image: 'other' }] } } },
    },
    { type: 'strategic' },
  );
  const deployment = await harness.eventually('the image is back', async () => {
    const seen = await harness.get(resources.deployments, 'staging', 'whole');
    return JSON.stringify(seen?.spec).includes('"image":"example.com/web"') && seen;
  });
  expect(deployment.metadata.labels?.team).toBe('x');
});

test('deleted objects are created again, and an object that lost its ownership label gets the label again', async () => {
  const ref = { namespace: 'staging', name: 'whole' };
  await harness.client.delete(resources.services, ref);
  await harness.client.patch(
    resources.deployments,
    ref,
    { metadata: { labels: { 'app.kubernetes.io/managed-by': null } } },
    { type: 'merge' },
  );
  await harness.eventually('both are back', async () => {
    const seen = await harness.get(resources.deployments, 'staging', 'whole');
    const service = await harness.get(resources.services, 'staging', 'whole');
    return service !== undefined && seen?.metadata.labels?.['app.kubernetes.io/managed-by'] !== undefined;
  });
  await harness.untilReady('whole');
});

test('a field that is removed from the spec of an app is removed from the objects of the app', async () => {
  await harness.editApp('whole', { spec: { env: null } });
  await harness.eventually('the variable is gone', async () => {
    const seen = await harness.get(resources.deployments, 'production', 'whole');
    return seen && !JSON.stringify(seen.spec).includes('EMPTY');
  });
});

test('objects that the spec no longer needs are deleted, and objects in a removed target are deleted', async () => {
  await harness.editApp('whole', {
    spec: { scale: null, targets: [{ name: 'production', deployMode: 'latest' }] },
  });
  await harness.eventually('only production is left, without extras', async () => {
    const left = await Promise.all(
      kinds.flatMap((kind) => [
        harness.get(kind, 'staging', 'whole'),
        ...(kind.kind === 'Deployment' || kind.kind === 'Service'
          ? []
          : [harness.get(kind, 'production', 'whole')]),
      ]),
    );
    return left.every((object) => object === undefined);
  });
  const app = await harness.eventually('one replica is left, after those that are ready', async () => {
    const seen = await harness.untilReady('whole');
    return seen.status?.targets?.[0]?.replicas === 1 && seen;
  });
  expect(app.status).toMatchObject({ ready: '1/1', targets: [{ name: 'production' }] });
});

test('after an image change and after a halt, an app runs with the number of replicas that an autoscaler has set', async () => {
  await harness.createApp('scaled', { scale: { min: 2, max: 9 } });
  await harness.untilReady('scaled');
  const ref = { namespace: 'production', name: 'scaled' };
  await harness.client.patch(
    resources.deployments,
    ref,
    { spec: { replicas: 5 } },
    { type: 'merge', subresource: 'scale' },
  );
  await harness.editApp('scaled', { spec: { imageTag: '2' } });
  await harness.eventually('the new image runs five times', async () => {
    const { targets } = (await harness.app('scaled')).status ?? {};
    return targets?.[0]?.image === 'example.com/web:2' && targets[0].readyReplicas === 5;
  });
  await harness.editApp('scaled', { spec: { targets: [{ name: 'production', deployMode: 'halt' }] } });
  await harness.eventually('it is halted', async () => {
    const { targets } = (await harness.app('scaled')).status ?? {};
    return targets?.[0]?.state === 'Halted' && (await harness.pods('scaled')).length === 0;
  });
  await harness.editApp('scaled', { spec: { targets: [{ name: 'production', deployMode: 'latest' }] } });
  await harness.eventually('it is back to what it was', async () => {
    const { targets } = (await harness.app('scaled')).status ?? {};
    return targets?.[0]?.readyReplicas === 5;
  });
});

test.each([
  ['contradicts itself', 'InvalidSpec', { image: 'example.com/web:1', imageTag: '2' }],
  [
    'is refused by the API server',
    'Refused',
    { imageTag: '2', resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } },
  ],
])(
  'an app whose last edit %s can still be halted, and no part of that edit is rolled out',
  async (_what, reason, edit) => {
    const name = `night-${reason.toLowerCase()}`;
    await harness.createApp(name, { scale: { min: 2, max: 4 } });
    await harness.untilReady(name);
    const before = await harness.get(resources.deployments, 'production', name);
    await harness.editApp(name, { spec: edit });
    await harness.untilReason(name, reason);
    expect(await harness.pods(name)).toHaveLength(2);

    await harness.editApp(name, { spec: { targets: [{ name: 'production', deployMode: 'halt' }] } });
    await harness.eventually('it is halted', async () => {
      const row = (await harness.app(name)).status?.targets?.[0];
      return row?.state === 'Halted' && row.reason === reason && (await harness.pods(name)).length === 0;
    });
    const halted = await harness.get(resources.deployments, 'production', name);
    expect(halted?.spec).toEqual({ ...(before?.spec as object), replicas: 0 });

    const resumed = { targets: [{ name: 'production', deployMode: 'latest' }] };
    if (reason === 'InvalidSpec') {
      await harness.editApp(name, { spec: resumed });
      await harness.eventually('it runs again as it did', async () => {
        const row = (await harness.app(name)).status?.targets?.[0];
        return row?.reason === reason && row.readyReplicas === 2 && row.image === 'example.com/web';
      });
    }
    const repaired = { image: 'example.com/web', imageTag: null, resources: null };
    await harness.editApp(name, { spec: { ...resumed, ...repaired } });
    await harness.untilReady(name);
    const after = await harness.get(resources.deployments, 'production', name);
    expect(after?.spec).toEqual(before?.spec);
    expect(after?.metadata.annotations).toEqual(before?.metadata.annotations);
    expect(await harness.replicaSets(name)).toHaveLength(1);
  },
);

test('the number of replicas does not drop to one when the spec changes from a fixed number of replicas to an autoscaler', async () => {
  await harness.createApp('handed', { scale: { min: 3 } });
  await harness.untilReady('handed');
  await harness.editApp('handed', { spec: { scale: { min: 2, max: 6 }, imageTag: '2' } });
  await harness.eventually('the autoscaler is there', () =>
    harness.get(resources.horizontalPodAutoscalers, 'production', 'handed'),
  );
  await harness.untilReady('handed');
  const deployment = await harness.get(resources.deployments, 'production', 'handed');
  expect(deployment?.spec).toMatchObject({ replicas: 3 });
});

test('a foreign object with the name that an app needs stays unchanged, and the app continues once that object is deleted', async () => {
  const foreign = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'taken', namespace: 'production' },
    spec: { ports: [{ port: 1 }] },
  };
  const before = await harness.client.create<KubeObject>(resources.services, foreign);
  await harness.createApp('taken', {
    ports,
    targets: [
      { name: 'production', deployMode: 'latest' },
      { name: 'staging', deployMode: 'latest' },
    ],
  });
  const app = await harness.untilReason('taken', 'NotOwned');
  expect(app.status?.targets?.[0]?.message).toMatch(
    /Service production\/taken exists, but does not belong to this app/,
  );
  await harness.eventually('the other target is ready', async () => {
    const { targets } = (await harness.app('taken')).status ?? {};
    return targets?.[1]?.state === 'Ready';
  });
  const after = await harness.get(resources.services, 'production', 'taken');
  expect(after?.metadata.resourceVersion).toBe(before.metadata.resourceVersion);

  await harness.client.delete(resources.services, { namespace: 'production', name: 'taken' });
  // The operator watches only objects with Konstellation's label, so no watch reports this deletion. The edit of the
  // App makes the operator reconcile immediately.
  await harness.editApp('taken', { spec: { imageTag: '2' } });
  await harness.untilReady('taken');
});

test('a target that the ClusterConfig does not list does not stop the deployment to other targets', async () => {
  await harness.createApp('partly', {
    targets: [
      { name: 'nowhere', deployMode: 'latest' },
      { name: 'production', deployMode: 'latest' },
    ],
  });
  const app = await harness.untilReason('partly', 'TargetUnknown');
  expect(app.status?.targets?.[0]).toMatchObject({
    name: 'nowhere',
    state: 'Failed',
    reason: 'TargetUnknown',
  });
  await harness.eventually('production is ready', async () => {
    const { targets } = (await harness.app('partly')).status ?? {};
    return targets?.[1]?.state === 'Ready';
  });
});

test('the status of a target quotes the message with which the API server refuses an object', async () => {
  await harness.createApp('refused', {
    resources: { requests: { cpu: '2' }, limits: { cpu: '1' } },
  });
  const app = await harness.untilReason('refused', 'Refused');
  expect(app.status?.targets?.[0]?.message).toMatch(/must be less than or equal to cpu limit/);
});

test("a failed rollout is reported with the message in the pod's status, and continues when the image is fixed", async () => {
  harness.brokenImages.set('example.com/web:broken', 'missing');
  await harness.createApp('failing', { imageTag: 'good' });
  await harness.untilReady('failing');
  await harness.editApp('failing', { spec: { imageTag: 'broken' } });
  const app = await harness.untilReason('failing', 'ImagePullBackOff');
  expect(app.status?.targets?.[0]?.message).toMatch(/no such tag/);
  const available = app.status?.conditions?.find((entry) => entry.type === 'Available');
  expect(available?.status).toBe('True');
  await harness.editApp('failing', { spec: { imageTag: 'fixed' } });
  await harness.untilReady('failing');
});

test('a container that keeps crashing and an exceeded quota are reported with the messages of Kubernetes', async () => {
  harness.brokenImages.set('example.com/web:crashing', 'crashing');
  await harness.createApp('crashing', { imageTag: 'crashing' });
  const crashing = await harness.untilReason('crashing', 'CrashLoopBackOff');
  expect(crashing.status?.targets?.[0]).toMatchObject({
    state: 'Failed',
    message: expect.stringMatching(
      /^pod crashing-\S+, container crashing, restarted 4 times: the container ended with Error \(exit code 3\): no database$/,
    ) as string,
  });
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'full', namespace: 'staging' } };
  const quotas = {
    group: '',
    version: 'v1',
    kind: 'ResourceQuota',
    plural: 'resourcequotas',
    namespaced: true,
  };
  await harness.client.create<KubeObject>(quotas, { ...quota, spec: { hard: { pods: '0' } } } as KubeObject);
  await harness.eventually('the quota counts', async () => {
    const seen = await harness.get(quotas, 'staging', 'full');
    return (seen?.status as { hard?: unknown } | undefined)?.hard !== undefined;
  });
  await untilQuotaRefuses(harness.client, 'staging');
  await harness.createApp('crowded', { targets: [{ name: 'staging', deployMode: 'latest' }] });
  const crowded = await harness.untilReason('crowded', 'FailedCreate');
  expect(crowded.status?.targets?.[0]).toMatchObject({
    state: 'Failed',
    message: expect.stringMatching(
      /exceeded quota: full, requested: pods=1, used: pods=\d+, limited: pods=0/,
    ) as string,
  });
  await harness.client.delete(quotas, { namespace: 'staging', name: 'full' });
  await harness.editApp('crashing', { spec: { imageTag: 'mended' } });
  await harness.untilReady('crashing');
});

test('an edit does not change the last transition time of a condition whose status stays the same', async () => {
  await harness.createApp('steady', {});
  const first = await harness.untilReady('steady');
  await harness.editApp('steady', { spec: { env: [{ name: 'A', value: '1' }] } });
  const second = await harness.eventually('the edit is ready', async () => {
    const app = await harness.untilReady('steady');
    return app.status?.targets?.[0]?.revision === '2' && app;
  });
  const timeOf = (app: typeof first, type: string): string | undefined =>
    app.status?.conditions?.find((entry) => entry.type === type)?.lastTransitionTime;
  expect(timeOf(second, 'IdentityReady')).toBe(timeOf(first, 'IdentityReady'));
});

test('deleting an app deletes all its objects', async () => {
  await harness.client.delete(apps, { name: 'whole' });
  await harness.eventually('nothing is left of it', async () => {
    const left = await Promise.all(kinds.map((kind) => harness.get(kind, 'production', 'whole')));
    const pods = await harness.pods('whole');
    return left.every((object) => object === undefined) && pods.length === 0;
  });
  await expect(harness.app('whole')).rejects.toSatisfy(isNotFound);
});

test('objects that a deleted app leaves running are adopted by the next app of the same name', async () => {
  await harness.createApp('phoenix', {});
  await harness.untilReady('phoenix');
  const before = await harness.get(resources.deployments, 'production', 'phoenix');
  await harness.client.delete(apps, { name: 'phoenix' }, { propagationPolicy: 'Orphan' });
  await harness.eventually('the app is gone', async () => {
    const { items } = await harness.client.list(apps);
    return items.every(({ metadata }) => metadata.name !== 'phoenix');
  });
  const next = await harness.createApp('phoenix', {});
  await harness.untilReady('phoenix');
  const after = await harness.get(resources.deployments, 'production', 'phoenix');
  expect(after?.metadata.uid).toBe(before?.metadata.uid);
  expect(after?.metadata.ownerReferences).toMatchObject([{ uid: next.metadata.uid, controller: true }]);
  expect(await harness.replicaSets('phoenix')).toHaveLength(1);
});
