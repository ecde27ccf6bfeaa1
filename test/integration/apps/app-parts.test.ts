/**
 * Parts of an App besides its own program: configs, and the addresses of other Apps. Each of these parts can be removed
 * again.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apps, type AppSpec } from '../../../src/api/index.ts';
import { resources } from '../../../src/kube/index.ts';
import { startHarness, type Harness } from './harness.ts';
import type { Loose } from './parts.ts';

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

async function configMaps(app: string, namespace = 'production'): Promise<readonly Loose[]> {
  const { items } = await harness.client.list<Loose>(resources.configMaps, {
    namespace,
    labelSelector: `k11n.dev/app=${app}`,
  });
  return items;
}

const dataOf = (object: Loose | undefined): unknown => (object as { data?: unknown } | undefined)?.data;

test('in each target, the configs of the app and of the target are merged into ConfigMaps that the pods read', async () => {
  await harness.createApp('configured', {
    configs: [
      { name: 'settings', data: { LOG_LEVEL: 'info', REGION: 'eu' } },
      { name: 'files', mountPath: '/etc/web', data: { 'web.yaml': 'a: 1\n' } },
    ],
    targets: [
      { name: 'production', deployMode: 'latest' },
      {
        name: 'staging',
        deployMode: 'latest',
        configs: [{ name: 'settings', data: { LOG_LEVEL: 'debug' } }],
      },
    ],
  });
  await harness.untilReady('configured');
  const production = await configMaps('configured');
  expect(production.map(dataOf)).toEqual(
    expect.arrayContaining([{ LOG_LEVEL: 'info', REGION: 'eu' }, { 'web.yaml': 'a: 1\n' }]),
  );
  const staging = await configMaps('configured', 'staging');
  expect(staging.map(dataOf)).toContainEqual({ LOG_LEVEL: 'debug', REGION: 'eu' });

  const [pod] = await harness.pods('configured');
  const spec = JSON.stringify(pod?.spec);
  for (const { metadata } of production) expect(spec).toContain(`"name":"${metadata.name}"`);
  expect(spec).toContain('"mountPath":"/etc/web"');
});

test("a change of a config's content rolls the pods once, and ConfigMaps that are no longer used are deleted", async () => {
  const before = (await configMaps('configured')).map(({ metadata }) => metadata.name);
  await harness.editApp('configured', {
    spec: {
      configs: [
        { name: 'settings', data: { LOG_LEVEL: 'info', REGION: 'eu' } },
        { name: 'files', mountPath: '/etc/web', data: { 'web.yaml': 'a: 2\n' } },
      ],
    },
  });
  const after = await harness.eventually('the old files are gone', async () => {
    const found = await configMaps('configured');
    return found.length === 2 && found.some((each) => !before.includes(each.metadata.name)) && found;
  });
  expect(after.map(dataOf)).toContainEqual({ 'web.yaml': 'a: 2\n' });
  await harness.untilReady('configured');
  expect(await harness.replicaSets('configured')).toHaveLength(2);
});

test('pods of the current version keep their configs while the next version does not become healthy', async () => {
  harness.brokenImages.set('example.com/web:broken', 'missing');
  await harness.editApp('configured', {
    spec: { imageTag: 'broken', configs: [{ name: 'settings', data: { REGION: 'us' } }] },
  });
  await harness.untilReason('configured', 'ImagePullBackOff');
  const data = (await configMaps('configured')).map(dataOf);
  expect(data).toEqual(
    expect.arrayContaining([{ LOG_LEVEL: 'info', REGION: 'eu' }, { 'web.yaml': 'a: 2\n' }, { REGION: 'us' }]),
  );
  await harness.editApp('configured', { spec: { imageTag: 'fixed' } });
  await harness.untilReady('configured');
  await harness.eventually('only what is read is left', async () => {
    const left = (await configMaps('configured')).map(dataOf);
    return left.length === 1 && JSON.stringify(left[0]) === '{"REGION":"us"}';
  });
});

test('a ConfigMap that was deleted manually is created again, and all ConfigMaps are deleted when the configs are removed', async () => {
  const [only] = await configMaps('configured');
  if (!only) throw new Error('the app has a ConfigMap');
  await harness.client.delete(resources.configMaps, only.metadata);
  await harness.eventually('it is back', () =>
    harness.get(resources.configMaps, 'production', only.metadata.name),
  );
  await harness.editApp('configured', { spec: { configs: null, targets: [{ name: 'production' }] } });
  await harness.eventually('none is left', async () => {
    const left = [...(await configMaps('configured')), ...(await configMaps('configured', 'staging'))];
    return left.length === 0;
  });
  await harness.untilReady('configured');
});

test('an app waits for its dependency, reports the wait, and gets the new address when the address of the dependency changes', async () => {
  await harness.createApp('caller', { dependencies: [{ name: 'callee' }] });
  const waiting = await harness.untilReason('caller', 'DependencyMissing');
  expect(waiting.status?.targets?.[0]).toMatchObject({
    state: 'Failed',
    message: 'the app depends on app "callee", which does not exist',
  });
  expect(await harness.get(resources.deployments, 'production', 'caller')).toBeUndefined();

  await harness.createApp('callee', { ports });
  await harness.untilReady('caller');
  const address = async (): Promise<string | undefined> => {
    const deployment = await harness.get(resources.deployments, 'production', 'caller');
    return /"CALLEE_HTTP_HOST","value":"([^"]*)"/.exec(JSON.stringify(deployment?.spec))?.[1];
  };
  expect(await address()).toBe('callee.production.svc:8080');

  await harness.editApp('callee', { spec: { ports: [{ name: 'http', port: 9090 }] } });
  await harness.eventually(
    'the caller has followed',
    async () => (await address()) === 'callee.production.svc:9090',
  );
  // The change of another app does not change the generation of this app, so its status may still be the earlier one.
  await harness.eventually('the caller is ready with the new address', async () => {
    const { status } = await harness.untilReady('caller');
    return status?.targets?.[0]?.revision === '2';
  });
  await harness.eventually('the old pod is gone', async () => (await harness.pods('caller')).length === 1);

  // Running pods keep the address that they already have.
  await harness.client.delete(apps, { name: 'callee' });
  await harness.untilReason('caller', 'DependencyMissing');
  expect(await address()).toBe('callee.production.svc:9090');
  expect(await harness.pods('caller')).toHaveLength(1);
});

/** A value for every optional field; `src/workloads/fields.test.ts` checks that none is missing. */
const everything: Partial<AppSpec> = {
  registry: 'registry.example',
  imageTag: '2',
  ports,
  command: ['/web'],
  args: ['-v'],
  env: [
    { name: 'A', value: '1' },
    { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
  ],
  configs: [
    { name: 'settings', data: { B: '1' } },
    { name: 'files', mountPath: '/etc/web', data: { a: '1' } },
  ],
  dependencies: [{ name: 'fields', port: 'http' }],
  imagePullSecrets: ['registry'],
  resources: { requests: { cpu: '0.5' }, limits: { memory: '1024Mi' } },
  probes: { readiness: { tcpSocket: { port: 8080 }, initialDelaySeconds: 0 } },
  scale: { min: 2 },
};

test('the removal of any field from an app restores the objects to their state before that field was set', async () => {
  await harness.createApp('fields', { ports });
  await harness.untilReady('fields');
  const image = async (): Promise<unknown> => {
    const found = await Promise.all(
      [resources.deployments, resources.services, resources.podDisruptionBudgets].map((kind) =>
        harness.get(kind, 'production', 'fields'),
      ),
    );
    return JSON.parse(JSON.stringify([...found, ...(await configMaps('fields'))].map((each) => each?.spec)));
  };
  const bare = await image();
  const settle = async (what: string): Promise<void> => {
    await harness.eventually(what, async () => {
      const { status, metadata } = await harness.app('fields');
      const ready = status?.conditions?.find(({ type }) => type === 'Ready');
      return status?.observedGeneration === metadata.generation && ready?.status === 'True';
    });
  };
  for (const [field, value] of Object.entries(everything)) {
    if (field === 'ports') continue;
    await harness.editApp('fields', { spec: { [field]: value } });
    await settle(`${field} is set`);
    expect(await image(), field).not.toEqual(bare);
    await harness.editApp('fields', { spec: { [field]: null } });
    await settle(`${field} is gone`);
    await harness.eventually(
      `nothing is left of ${field}`,
      async () => JSON.stringify(await image()) === JSON.stringify(bare),
    );
  }
  await harness.editApp('fields', { spec: everything });
  await settle('everything is set');
  const nothing = Object.fromEntries(Object.keys(everything).map((field) => [field, null]));
  await harness.editApp('fields', { spec: { ...nothing, ports } });
  await settle('everything is gone');
  await harness.eventually(
    'nothing is left of anything',
    async () => JSON.stringify(await image()) === JSON.stringify(bare),
  );
});
