/**
 * A process that writes and requests tokens as fast as it can while it holds the lease; leases.test.ts pauses and kills
 * it. Usage: node lease-holder.ts KUBECONFIG IDENTITY. It prints the lines `waiting`, `leading` and `refused` when
 * these events happen. After it has lost the lease, it prints how many tokens it obtained by requests that it sent
 * without the lease. The last line is the reason for its end.
 */
import {
  createKubeClient,
  createLeaderElector,
  loadConnection,
  NotLeadingError,
  resources,
  type KubeObject,
} from '../../../src/kube/index.ts';
import { monotonicClock, wallClock } from '../../../src/k8s/testing/clocks.ts';

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
  now: monotonicClock,
  wallClock: wallClock,
  random: Math.random,
});
const writer = createKubeClient(connection, {
  qps: 10_000,
  burst: 10_000,
  beforeWrite: elector.assertLeading,
});

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
// `holder()` is defined after the elector's first read of the Lease. If another process holds the Lease, this process
// waits.
const untilSeen = setInterval(() => {
  const holder = elector.holder();
  if (holder === undefined) return;
  clearInterval(untilSeen);
  if (holder !== identity) say('waiting');
}, 10);
let reported = false;
let tokensWithoutLease = 0;
let hasEnded = false;
const askers: Promise<void>[] = [];
/**
 * Requests tokens until leadership has ended, and then makes one more attempt. Each attempt without leadership is
 * another chance to obtain a token wrongly.
 */
async function askForTokens(): Promise<void> {
  for (let isLast = false; !isLast;) {
    isLast = hasEnded;
    const holds = elector.isLeading();
    try {
      const spec = { audiences: ['test'], expirationSeconds: 600 };
      await writer.createToken({ namespace: 'default', name: 'asked' }, spec);
      if (!holds) tokensWithoutLease += 1;
    } catch (error) {
      if (!(error instanceof NotLeadingError)) throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
const end = await elector.run(stop.signal, async (signal) => {
  say('leading');
  askers.push(askForTokens(), askForTokens(), askForTokens());
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
      if (!reported) say('refused');
      reported = true;
      // The loop continues after a refused write, because each further write is another chance to detect that a process
      // without the lease can write.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});
hasEnded = true;
if (end === 'lost') {
  await Promise.all(askers);
  say(`tokens without the lease: ${tokensWithoutLease}`);
}
say(end);
process.exit(end === 'lost' ? 3 : 0);
