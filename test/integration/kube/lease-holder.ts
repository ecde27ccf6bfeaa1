/**
 * A process that writes as fast as it can while it holds the lease, for leases.test.ts to pause and kill.
 * Usage: node lease-holder.ts KUBECONFIG IDENTITY. Tells on stdout `waiting`, `leading`, `refused` and how it ended, a line each.
 */
import {
  createKubeClient,
  createLeaderElector,
  loadConnection,
  NotLeadingError,
  resources,
  type KubeObject,
} from '../../../src/kube/index.ts';

const [, , kubeconfig = '', identity = ''] = process.argv;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const connection = await loadConnection({ kubeconfig, env: {} });
const elector = createLeaderElector({
  client: createKubeClient(connection),
  namespace: 'kube-system',
  name: 'test',
  identity,
  leaseDurationMs: 3_000,
  renewDeadlineMs: 2_000,
  retryPeriodMs: 300,
  now: () => performance.now(),
  wallClock: Date.now,
  random: Math.random,
});
const writer = createKubeClient(connection, {
  qps: 10_000,
  burst: 10_000,
  beforeWrite: elector.assertLeading,
});

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
// That another one holds the lease is known from the first read on.
const untilSeen = setInterval(() => {
  const holder = elector.holder();
  if (holder === undefined) return;
  clearInterval(untilSeen);
  if (holder !== identity) say('waiting');
}, 10);
let told = false;
const end = await elector.run(stop.signal, async (signal) => {
  say('leading');
  for (let count = 0; !signal.aborted; count += 1) {
    const written: KubeObject & { data: Record<string, string> } = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'written', namespace: 'default' },
      data: { by: identity, count: String(count) },
    };
    try {
      await writer.apply(resources.configMaps, written, { fieldManager: 'holder', force: true });
    } catch (error) {
      if (!(error instanceof NotLeadingError)) throw error;
      if (!told) say('refused');
      told = true;
      // Leaves the loop only when told to, so that each further try is another chance to write wrongly.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});
say(end);
process.exit(end === 'lost' ? 3 : 0);
