/** Apps that the API server rejects at admission, and the messages. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiVersion, apps, crds } from '../../../src/api/index.ts';
import {
  createKubeClient,
  isNotFound,
  KubeApiError,
  loadConnection,
  resources,
  type KubeClient,
  type KubeObject,
} from '../../../src/kube/index.ts';
import { baseEnvironment } from '../../../sandbox/src/environment.ts';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { eventually } from './eventually.ts';
import { monotonicClock } from '../../../src/k8s/testing/clocks.ts';

let cluster: TestControlPlane;
let client: KubeClient;
beforeAll(async () => {
  cluster = await startControlPlane();
  const connection = await loadConnection({
    kubeconfig: cluster.kubeconfig,
    env: baseEnvironment(process.env),
  });
  client = createKubeClient(connection, { now: monotonicClock, random: Math.random });
  for (const crd of crds())
    await client.apply<KubeObject>(resources.customResourceDefinitions, crd, { fieldManager: 'test' });
  await eventually('apps are served', async () => {
    try {
      await client.list(apps);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  });
});
afterAll(async () => {
  await client?.close();
  await cluster?.stop();
});

/** Returns the message of the rejection; undefined if the App would be accepted. */
async function refusal(spec: object, name = 'web'): Promise<string | undefined> {
  const app = {
    apiVersion,
    kind: 'App',
    metadata: { name },
    spec: { image: 'web', targets: [{ name: 'production' }], ...spec },
  };
  try {
    await client.create<KubeObject>(apps, app, { dryRun: true, fieldValidation: 'Strict' });
    return undefined;
  } catch (error) {
    if (error instanceof KubeApiError) return error.message;
    throw error;
  }
}

const everything = {
  ports: [{ name: 'http', port: 80 }],
  env: [
    { name: 'A', value: '1' },
    { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'b' } } },
  ],
  probes: { readiness: { httpGet: { port: 80 } } },
  scale: { min: 1, max: 1 },
  targets: [{ name: 'production', scale: { max: 2 } }],
};

test('a valid app is accepted', async () => {
  expect(await refusal(everything)).toBeUndefined();
});

test('a very large app is accepted within the cost limits of the CEL rules', async () => {
  const names = (count: number): readonly string[] =>
    Array.from({ length: count }, (_, index) => `n${index}`);
  const env = names(256).map((name) => ({ name, value: '1' }));
  const probe = { tcpSocket: { port: 80 } };
  const probes = { liveness: probe, readiness: probe, startup: probe };
  const targets = names(100).map((name) => ({
    name,
    env: env.slice(0, 64),
    probes,
    scale: { min: 1, max: 2 },
  }));
  expect(await refusal({ env, probes, targets })).toBeUndefined();
});

test.each([
  [
    'a probe of two kinds',
    { probes: { liveness: { tcpSocket: { port: 1 }, exec: { command: ['x'] } } } },
    /probes.liveness.*exactly one of httpGet, tcpSocket and exec/,
  ],
  ['a probe of no kind', { probes: { startup: { periodSeconds: 1 } } }, /probes.startup.*exactly one/],
  [
    'a variable with two values',
    { env: [{ name: 'A', value: '1', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] },
    /env\[0\].*cannot have both value and valueFrom/,
  ],
  ['a variable from nowhere', { env: [{ name: 'A', valueFrom: {} }] }, /env\[0\].valueFrom.*exactly one/],
  ['a variable twice', { env: [{ name: 'A' }, { name: 'A' }] }, /env\[1\]: Duplicate value/],
  ['less than the least', { scale: { min: 3, max: 2 } }, /max must not be less than min/],
  ['a target twice', { targets: [{ name: 'a' }, { name: 'a' }] }, /targets\[1\]: Duplicate value/],
  ['no target', { targets: [] }, /targets.*at least 1/],
  ['a field that does not exist', { imageTags: '1' }, /unknown field "spec.imageTags"/],
  ['a quantity that is none', { resources: { limits: { memory: '1 GB' } } }, /limits.memory/],
])('%s is refused', async (_name, spec, message) => {
  expect(await refusal(spec)).toMatch(message);
});

test('an app name that is not a valid Service name is refused', async () => {
  expect(await refusal({}, 'web.eu')).toMatch(/also the name of its Service/);
});
