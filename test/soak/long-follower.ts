/**
 * A long-lived process that uses all of `src/kube`, for leaks.test.ts: an informer, a controller that writes, a lease,
 * and an Event recorder. It measures its own resource usage periodically.
 *
 * Usage: node --expose-gc long-follower.ts SERVER CA-FILE. It prints a sample, as JSON, every `sampleMs`, and prints
 * the versions of its objects on SIGUSR2. After SIGTERM it exits by itself, unless something keeps it alive.
 */
import { getEventListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setInterval } from 'node:timers';
import {
  createController,
  createEventRecorder,
  createInformer,
  createKubeClient,
  createLeaderElector,
  isConflict,
  isNotFound,
  parseKey,
  resources,
  staticConnection,
  type KubeObject,
} from '../../src/kube/index.ts';
import { monotonicClock, wallClock } from '../../src/k8s/testing/clocks.ts';

export type Sample = {
  readonly at: number;
  /** Heap use after garbage collection, in mebibytes. */
  readonly heap: number;
  readonly external: number;
  readonly resident: number;
  readonly timers: number;
  readonly sockets: number;
  readonly listeners: number;
  readonly reconciles: number;
  readonly leads: number;
};
export type Present = { readonly versions: Readonly<Record<string, string | undefined>> };

const sampleMs = 5_000;
const [, , server = '', caFile = ''] = process.argv;
const time = { now: monotonicClock, random: Math.random };
const connection = staticConnection({ server, tls: { ca: await readFile(caFile, 'utf8') } });
const client = createKubeClient(connection, { requestTimeoutMs: 3_000, random: Math.random });
const recorder = createEventRecorder({
  client,
  now: wallClock,
  monotonic: monotonicClock,
  controller: 'example.com/soak',
  instance: 'soak',
});
const informer = createInformer<KubeObject>({
  ...time,
  client,
  resource: resources.configMaps,
  labelSelector: 'test=soak',
  limits: {
    backoff: { baseMs: 20, maxMs: 500 },
    idleMs: 3_000,
    watchSeconds: 5,
    streamingListIdleMs: 2_000,
  },
});
const controller = createController({
  ...time,
  name: 'soak',
  concurrency: 8,
  backoff: { baseMs: 50, maxMs: 2_000 },
  retryRate: { qps: 100, burst: 100 },
  async reconcile(key, signal) {
    const object = informer.store.get(key);
    if (!object || Math.random() > 0.1) return;
    const { uid } = object.metadata;
    const annotations = { 'example.com/seen': object.metadata.resourceVersion };
    try {
      await client.patch(
        resources.configMaps,
        parseKey(key),
        { metadata: { uid, annotations } },
        { type: 'merge', signal },
      );
      // Only a few objects get Events: the recorder keeps Events in memory for minutes, so many Events would look like
      // a memory leak.
      if (key.endsWith('0')) recorder.event(object, { type: 'Normal', reason: 'Seen', note: `seen ${key}` });
    } catch (error) {
      // The object was deleted in the meantime, or recreated with the same name.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  },
});
informer.onChange(({ key }) => controller.enqueue(key));

const stop = new AbortController();
let leads = 0;
async function lead(): Promise<void> {
  while (!stop.signal.aborted) {
    const elector = createLeaderElector({
      ...time,
      client,
      namespace: 'default',
      name: 'soak',
      identity: 'soak',
      wallClock: wallClock,
      leaseDurationMs: 3_000,
      renewDeadlineMs: 2_000,
      retryPeriodMs: 300,
    });
    await elector.run(stop.signal, async (signal) => {
      leads += 1;
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    });
  }
}

const say = (line: Sample | Present): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const sampling = setInterval(() => {
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  const active = process.getActiveResourcesInfo();
  say({
    at: performance.now(),
    heap: heapUsed / 2 ** 20,
    external: external / 2 ** 20,
    resident: rss / 2 ** 20,
    timers: active.filter((name) => name === 'Timeout').length,
    sockets: active.filter((name) => name.endsWith('SocketWrap')).length,
    listeners: getEventListeners(stop.signal, 'abort').length,
    reconciles: controller.metrics().reconciles.success,
    leads,
  });
}, sampleMs);

function tellVersions(): void {
  say({
    versions: Object.fromEntries(
      informer.store.list().map(({ metadata }) => [metadata.name, metadata.resourceVersion]),
    ),
  });
}
process.on('SIGUSR2', tellVersions);
process.once('SIGTERM', () => stop.abort());
await Promise.all([informer.start(stop.signal), controller.start(stop.signal), lead()]);
clearInterval(sampling);
process.removeListener('SIGUSR2', tellVersions);
await recorder.flush();
await client.close();
