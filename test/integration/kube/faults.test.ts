/**
 * The informer and a controller through bad days, on a real API server: 1,000 objects are made, changed and deleted
 * while the connection suffers every fault of the proxy, and the server is frozen, killed and brought back.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createController,
  createInformer,
  createKubeClient,
  isConflict,
  isNotFound,
  isUnreachable,
  KubeApiError,
  resources,
  staticConnection,
  type KubeClient,
  type KubeObject,
} from '../../../src/kube/index.ts';
import { startFaultProxy, type Fault, type FaultProxy } from './fault-proxy.ts';
import { startRestartableCluster, type RestartableCluster } from './restartable-cluster.ts';

type ConfigMap = KubeObject & { data?: Record<string, string> };

const objects = 1000;
let cluster: RestartableCluster;
let proxy: FaultProxy;
let direct: KubeClient;

beforeAll(async () => {
  cluster = await startRestartableCluster();
  proxy = await startFaultProxy(cluster);
  direct = createKubeClient(staticConnection({ server: cluster.server, tls: cluster.tls }), {
    qps: 5000,
    burst: 5000,
  });
});

afterAll(async () => {
  await direct?.close();
  await proxy?.stop();
  await cluster?.stop();
});

function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Two of three requests of the informer meet with the next kind of fault, at a random place. */
function createStorm(random: () => number): (request: { isWatch: boolean }) => Fault | undefined {
  let requests = 0;
  return ({ isWatch }) => {
    requests += 1;
    const afterBytes = Math.floor(random() ** 2 * (isWatch ? 60_000 : 300_000));
    const faults: readonly Fault[] = [
      { kind: 'cut', afterBytes, by: 'reset' },
      { kind: 'status', code: 500 },
      { kind: 'blackhole', afterBytes },
      { kind: 'reset before' },
      { kind: 'cut', afterBytes, by: 'end' },
      { kind: 'status', code: 429 },
      { kind: 'slow', pauseMs: 1 },
      { kind: 'status', code: 503 },
    ];
    return requests % 3 === 0 ? undefined : faults[Math.floor((requests * 2) / 3) % faults.length];
  };
}

/** Writes until it is done, as a person would who does not give up: the server may be away for a while. */
async function insist(write: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await write();
      return;
    } catch (error) {
      const passing =
        isUnreachable(error) ||
        (error instanceof KubeApiError && (error.status >= 500 || error.status === 429));
      if (!passing) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const nameOf = (index: number): string => `object-${String(index).padStart(4, '0')}`;

async function put(index: number, value: string): Promise<void> {
  const object: ConfigMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: nameOf(index), namespace: 'default', labels: { test: 'faults' } },
    data: { value, padding: 'x'.repeat(200) },
  };
  await insist(() => direct.apply(resources.configMaps, object, { fieldManager: 'test', force: true }));
}

async function remove(index: number): Promise<void> {
  await insist(() =>
    direct
      .delete(resources.configMaps, { namespace: 'default', name: nameOf(index) })
      .catch((error: unknown) => {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }),
  );
}

/** Runs the jobs, some at a time. */
async function inParallel(jobs: readonly (() => Promise<void>)[], width: number): Promise<void> {
  const queue = jobs.values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const job of queue) await job();
    }),
  );
}

test('the store equals a fresh list, every last state was reconciled, and nothing leaks', async () => {
  const random = createRandom(20261124);
  const client = createKubeClient(staticConnection({ server: proxy.url, tls: { ca: proxy.ca } }), {
    requestTimeoutMs: 3_000,
  });
  const timersBefore = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const time = { now: () => performance.now(), random };
  const informer = createInformer<ConfigMap>({
    ...time,
    client,
    resource: resources.configMaps,
    labelSelector: 'test=faults',
    limits: {
      backoff: { baseMs: 20, maxMs: 500 },
      idleMs: 2_000,
      watchSeconds: 2,
      streamingListIdleMs: 1_000,
    },
  });
  /** What the reconcile of each key saw last. */
  const reconciled = new Map<string, string | undefined>();
  let failures = 0;
  const controller = createController({
    ...time,
    name: 'faults',
    concurrency: 8,
    retryRate: { qps: 1000, burst: 1000 },
    reconcile: async (key) => {
      const seen = informer.store.get(key)?.metadata.resourceVersion;
      await new Promise((resolve) => setTimeout(resolve, random() * 3));
      if (random() < 0.05) {
        failures += 1;
        throw new Error('a failure that was ordered');
      }
      reconciled.set(key, seen);
    },
  });
  informer.onChange(({ key }) => controller.enqueue(key));
  const stop = new AbortController();
  const running = [informer.start(stop.signal), controller.start(stop.signal)];

  proxy.setFaults(createStorm(random));
  const all = Array.from({ length: objects }, (_, index) => index);
  await inParallel(
    all.map((index) => () => put(index, 'made')),
    16,
  );
  cluster.freeze();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  cluster.thaw();
  // Changes that happen while the API server is killed and comes back without its history.
  const changes = inParallel(
    all.map((index) => async () => {
      await put(index, 'changed');
      if (index % 3 === 0) await remove(index);
      if (index % 6 === 0) await put(index, 'made again');
      if (index % 100 === 50) proxy.resetAll();
      if (index === 700) {
        await proxy.down();
        await proxy.up();
      }
    }),
    16,
  );
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await cluster.kill();
  await cluster.restart();
  await changes;
  proxy.setFaults(() => undefined);

  const truth = await direct.list<ConfigMap>(resources.configMaps, {
    namespace: 'default',
    labelSelector: 'test=faults',
  });
  const versions = Object.fromEntries(
    truth.items.map(({ metadata }) => [`default/${metadata.name}`, metadata.resourceVersion]),
  );
  expect(truth.items).toHaveLength(objects - Math.ceil(objects / 3) + Math.ceil(objects / 6));
  const stored = (): object =>
    Object.fromEntries(
      informer.store.keys().map((key) => [key, informer.store.get(key)?.metadata.resourceVersion]),
    );
  await expect.poll(stored, { timeout: 30_000, interval: 100 }).toEqual(versions);
  const uids = Object.fromEntries(truth.items.map(({ metadata }) => [metadata.name, metadata.uid]));
  expect(
    Object.fromEntries(informer.store.list().map(({ metadata }) => [metadata.name, metadata.uid])),
  ).toEqual(uids);
  // Also of what is gone: its last reconcile has to have seen nothing.
  const lastSeen = (): object =>
    Object.fromEntries([...reconciled].filter(([, version]) => version !== undefined));
  await expect.poll(lastSeen, { timeout: 30_000, interval: 100 }).toEqual(versions);
  expect(informer.lastError()).toBeUndefined();
  expect(failures).toBeGreaterThan(0);
  const suffered = new Set(proxy.requests.map(({ fault }) => fault?.kind ?? 'none'));
  expect(suffered).toEqual(new Set(['none', 'blackhole', 'cut', 'reset before', 'slow', 'status']));

  stop.abort();
  await Promise.all(running);
  await client.close();
  await expect.poll(() => proxy.openConnections()).toBe(0);
  await expect
    .poll(() => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length)
    .toBeLessThanOrEqual(timersBefore + 1);
}, 180_000);
