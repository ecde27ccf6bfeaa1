/** Measures the cost of a restart while everything is in sync, and the operator's memory use. */
import { setTimeout as delay } from 'node:timers/promises';
import { linkedServiceAccounts } from '../../src/api/index.ts';
import { resources, type KubeObject } from '../../src/kube/index.ts';
import { injectedEnv, injectedMount, injectedVolume } from '../../src/workloads/testing/injected.ts';
import type { Scenario } from '../scenario.ts';
import { inParallel, isReady, startWorld, untilSynced, type Operator } from '../world.ts';

const accounts = 1000;
const pods = 10_000;
/** Time in milliseconds that V8 needs to return memory when idle. */
const restMs = 20_000;

/** Resolves when the operator has reconciled every account and has nothing left to do. */
async function untilInSync(operator: Operator): Promise<void> {
  for (;;) {
    const [looked, waiting, working] = await Promise.all([
      operator.metric('controller_runtime_reconcile_total{controller="accounts"'),
      operator.metric('workqueue_depth{name="accounts"'),
      operator.metric('controller_runtime_active_workers{controller="accounts"'),
    ]);
    // Each account is reconciled once before the operator has listed the roles, and once afterwards.
    if (looked >= 2 * accounts && waiting + working === 0) return;
    await delay(20);
  }
}

export const restart: Scenario = {
  name: 'restart',
  summary: `the operator is started anew with ${accounts} accounts in step, and then watches ${pods} pods`,
  async run({ kon, note }) {
    const world = await startWorld(kon, { targets: ['production', 'staging'], audit: true });
    try {
      const before = await world.startOperator();
      await untilSynced(before);
      await world.createAccounts(accounts);
      await world.untilAccounts(accounts, isReady);
      await before.stop();
      // Starts the operator once without measuring. This run updates the role count in the ClusterConfig's status,
      // which was written before the roles existed.
      const settling = await world.startOperator();
      await untilInSync(settling);
      await settling.stop();

      const since = await world.aws.position();
      await world.writes();
      const operator = await world.startOperator();
      await untilInSync(operator);
      const seconds = (Date.now() - operator.startedAt) / 1000;
      // Waits for pending writes.
      await delay(3_000);
      const calls = await world.aws.journal(since);
      const writes = await world.writes();
      note(`calls to AWS: ${calls.map(({ service, action }) => `${service}:${action}`).join(', ')}`);
      note(`writes: ${[...writes].map(([what, times]) => `${what} ${times}`).join(', ') || 'none'}`);
      const idle = await operator.memory();
      note(`memory with ${accounts} accounts: ${idle.now.toFixed(0)} MiB, ${idle.peak.toFixed(0)} at most`);

      await inParallel(32, pods, (index) => world.client.create(resources.pods, podOf(index)));
      await untilInSync(operator);
      await delay(restMs);
      const memory = await operator.memory();
      note(
        `memory with ${pods} pods besides: ${memory.now.toFixed(0)} MiB, ${memory.peak.toFixed(0)} at most`,
      );

      await operator.stop();
      const again = await world.startOperator();
      await untilInSync(again);
      await delay(restMs);
      const fresh = await again.memory();
      note(`memory after another restart: ${fresh.now.toFixed(0)} MiB, ${fresh.peak.toFixed(0)} at most`);
      const { items } = await world.client.list(linkedServiceAccounts);
      if (items.length !== accounts) throw new Error(`expected ${accounts} accounts, got ${items.length}`);
      const name = `restart with ${accounts} accounts`;
      return [
        { name: `${name}: calls to AWS`, value: calls.length, unit: 'calls', bound: 5, peer: 8 * accounts },
        { name: `${name}: until all are in step`, value: seconds, unit: 's', bound: 3 },
        {
          name: `${name}: writes to the API server`,
          value: [...writes.values()].reduce((sum, times) => sum + times, 0),
          unit: 'writes',
          bound: 0,
        },
        {
          name: `memory with ${accounts} accounts and ${pods} pods`,
          value: Math.max(memory.now, fresh.now),
          unit: 'MiB',
          bound: 150,
          peer: 76,
        },
      ];
    } finally {
      await world.stop();
    }
  },
};

function podOf(index: number): KubeObject & Record<string, unknown> {
  const roleArn = `arn:aws:iam::123456789012:role/konstellation/kon-bench-account-${index % accounts}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: index % 2 === 0 ? 'production' : 'staging',
      name: `pod-${index}`,
      labels: { 'app.kubernetes.io/name': `app-${index % 500}`, 'pod-template-hash': '6d4b75cb6d' },
    },
    spec: {
      serviceAccountName: `pods-of-nobody-${index % 100}`,
      containers: [
        {
          name: 'app',
          image: `example.com/app-${index % 500}:1.0`,
          env: [
            ...injectedEnv(roleArn),
            ...Array.from({ length: 20 }, (_, at) => ({ name: `SETTING_${at}`, value: `value-${at}` })),
          ],
          volumeMounts: [injectedMount],
        },
      ],
      volumes: [injectedVolume],
    },
  };
}
