/**
 * The informer and a controller under faults, with a real API server: 1,000 objects are created, changed and deleted
 * while the proxy injects each of its faults, TLS is restarted, and the server is frozen, killed, and restarted after
 * etcd has compacted its history.
 */
import { getEventListeners } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createController,
  createInformer,
  createKubeClient,
  isConflict,
  isNotFound,
  resources,
  staticConnection,
  type KubeClient,
  type KubeObject,
} from '../../../src/kube/index.ts';
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { startRestartableCluster, type RestartableCluster } from './restartable-cluster.ts';
import { createRandom, createStorm, insist } from './random-faults.ts';
import { monotonicClock } from '../../../src/k8s/testing/clocks.ts';

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

/** Runs the jobs, at most `width` at a time. */
async function inParallel(jobs: readonly (() => Promise<void>)[], width: number): Promise<void> {
  const queue = jobs.values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const job of queue) await job();
    }),
  );
}

/** Counts the resources that keep the process alive: sockets, servers, timers and more. */
function activeResources(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

test('after faults, the store of an informer equals a fresh list, the last state of every object was reconciled, and nothing leaks', async () => {
  const random = createRandom(20261124);
  const client = createKubeClient(staticConnection({ server: proxy.url, tls: { ca: proxy.ca } }), {
    requestTimeoutMs: 3_000,
  });
  const before = activeResources();
  const time = { now: monotonicClock, random };
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
  /** The resourceVersion that the last reconcile of each key observed. */
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

  const storm = createStorm(random);
  proxy.setFaults(storm);
  const all = Array.from({ length: objects }, (_, index) => index);
  await inParallel(
    all.map((index) => () => put(index, 'made')),
    16,
  );
  cluster.freeze();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  cluster.thaw();
  // These changes happen while the API server is killed and restarted without its history.
  const changes = inParallel(
    all.map((index) => async () => {
      await put(index, 'changed');
      if (index % 3 === 0) await remove(index);
      if (index % 6 === 0) await put(index, 'made again');
      if (index % 100 === 50) proxy.resetAll();
      if (index === 300 || index === 900) await proxy.restartTls(300);
      if (index === 700) {
        await proxy.down();
        await proxy.up();
      }
    }),
    16,
  );
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  // The informer is disconnected while an object is written and the history is compacted. The informer's
  // resourceVersion is then too old for a watch, so the informer must list again.
  proxy.setFaults(() => ({ kind: 'reset before' }));
  proxy.resetAll();
  await put(1, 'while nobody looks');
  await cluster.compact();
  await cluster.kill();
  await cluster.restart();
  proxy.setFaults(storm);
  await changes;
  // Which faults have occurred until now depends on the speed of this machine, so the test waits for every kind of
  // fault.
  const suffered = (): ReadonlySet<string> =>
    new Set(proxy.requests.map(({ fault }) => fault?.kind ?? 'none'));
  await expect
    .poll(suffered, { timeout: 60_000 })
    .toEqual(new Set(['none', 'blackhole', 'cut', 'reset before', 'slow', 'status', 'truncated']));
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
  // `reconciled` also contains the keys of deleted objects. The filter omits such a key only if the last
  // reconcile of the key found no object; otherwise the comparison fails.
  const lastSeen = (): object =>
    Object.fromEntries([...reconciled].filter(([, version]) => version !== undefined));
  await expect.poll(lastSeen, { timeout: 30_000, interval: 100 }).toEqual(versions);
  // A watch that began under the faults may fail once more.
  await expect.poll(() => informer.lastError()).toBeUndefined();
  expect(failures).toBeGreaterThan(0);
  expect(proxy.goneAnswers()).toBeGreaterThan(0);
  // Open connections: one for the watch, and the keep-alive connections of the last list.
  await expect.poll(() => proxy.openConnections(), { timeout: 10_000 }).toBeLessThanOrEqual(3);
  expect(getEventListeners(stop.signal, 'abort').length).toBeLessThanOrEqual(4);

  stop.abort();
  await Promise.all(running);
  await client.close();
  await expect.poll(() => proxy.openConnections()).toBe(0);
  // The remaining connections belong to `direct`. Their number varies, so they are closed before the count.
  await direct.close();
  await expect
    .poll(() => {
      const { Timeout: timers = 0, TLSWrap: tls = 0, TCPSocketWrap: sockets = 0 } = activeResources();
      return { timers, tls, sockets };
    })
    .toEqual({
      timers: expect.toSatisfy((count: number) => count <= (before['Timeout'] ?? 0) + 1),
      tls: 0,
      sockets: expect.toSatisfy((count: number) => count <= (before['TCPSocketWrap'] ?? 0)),
    });
}, 180_000);

test('a list whose version is compacted between its pages is read again from the start', async () => {
  const client = createKubeClient(staticConnection({ server: proxy.url, tls: { ca: proxy.ca } }), {
    requestTimeoutMs: 60_000,
  });
  const writer = createKubeClient(staticConnection({ server: cluster.server, tls: cluster.tls }));
  const restarted = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  let pages = 0;
  proxy.setFaults(({ method, isWatch }) => {
    if (method !== 'GET' || isWatch) return undefined;
    pages += 1;
    if (pages !== 2) return undefined;
    asked.resolve();
    return { kind: 'held', until: restarted.promise };
  });
  const gone = proxy.goneAnswers();
  const listing = client.list<ConfigMap>(resources.configMaps, {
    namespace: 'default',
    labelSelector: 'test=faults',
    pageSize: 50,
  });
  await asked.promise;
  const late: ConfigMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'late', namespace: 'default', labels: { test: 'faults' } },
  };
  await writer.create(resources.configMaps, late);
  await cluster.compact();
  await cluster.kill();
  await cluster.restart();
  restarted.resolve();
  const { items } = await listing;
  expect(proxy.goneAnswers()).toBe(gone + 1);
  expect(pages).toBe(3);
  const truth = await writer.list(resources.configMaps, {
    namespace: 'default',
    labelSelector: 'test=faults',
  });
  expect(items.map(({ metadata }) => metadata.name)).toEqual(
    truth.items.map(({ metadata }) => metadata.name),
  );
  expect(items.map(({ metadata }) => metadata.name)).toContain('late');
  await client.close();
  await writer.close();
}, 60_000);

test('without faults, an informer needs only one watch request, because the server streams the existing objects', async () => {
  const client = createKubeClient(staticConnection({ server: proxy.url, tls: { ca: proxy.ca } }));
  const informer = createInformer<ConfigMap>({
    now: monotonicClock,
    random: Math.random,
    client,
    resource: resources.configMaps,
    labelSelector: 'test=faults',
  });
  proxy.setFaults(() => undefined);
  const before = proxy.requests.length;
  const stop = new AbortController();
  const running = informer.start(stop.signal);
  await informer.synced;
  const truth = await client.list(resources.configMaps, { labelSelector: 'test=faults', pageSize: 10_000 });
  expect(informer.store.size).toBe(truth.items.length);
  const [watch, ...others] = proxy.requests
    .slice(before)
    .map(({ url }) => new URL(url, proxy.url).searchParams);
  expect([watch?.get('watch'), watch?.get('sendInitialEvents')]).toEqual(['true', 'true']);
  expect(others.map((query) => query.get('watch'))).toEqual([null]);
  stop.abort();
  await running;
  await client.close();
});
