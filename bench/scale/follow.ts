/**
 * Follows LinkedServiceAccounts and pods with the operator's own informers, for the scenario "scale". Usage: node
 * follow.ts KUBECONFIG. Prints one JSON line when both informers have synced, and then one JSON line after every
 * thousand pod changes, with the total number of changes.
 */
import { silentLogger } from '../../src/kube/index.ts';
import { createKubeClient, loadConnection, systemTimer } from '../../src/kube/index.ts';
import { createInformers } from '../../src/operator/context.ts';
import { monotonicClock } from '../../src/k8s/testing/clocks.ts';

const startedAt = performance.now();
const [, , kubeconfig = ''] = process.argv;
const client = createKubeClient(await loadConnection({ kubeconfig, env: {} }), { userAgent: 'bench-ours' });
const { accounts, pods } = createInformers({
  client,
  logger: silentLogger,
  now: monotonicClock,
  random: Math.random,
  setTimer: systemTimer,
});
const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
let changes = 0;
pods.onChange((change) => {
  if (!change.old || !change.new) return;
  changes += 1;
  if (changes % 1000 === 0) tell({ changes });
});
const { signal } = new AbortController();
void accounts.start(signal);
void pods.start(signal);
await Promise.all([accounts.synced, pods.synced]);
tell({
  synced: true,
  ms: Math.round(performance.now() - startedAt),
  accounts: accounts.store.size,
  pods: pods.store.size,
});
