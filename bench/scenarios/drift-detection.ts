/** Measures the cost of drift detection while nothing has drifted. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Seed } from '../aws-process.ts';
import type { Figure } from '../figure.ts';
import type { Scenario } from '../scenario.ts';
import { clusterArn, rolePath, startWorld, untilSynced } from '../world.ts';

const sizes = [
  { owned: 10, foreign: 2000, bound: 4 },
  { owned: 100, foreign: 2000, bound: 4 },
  { owned: 1000, foreign: 2000, bound: 4 },
  { owned: 5000, foreign: 2000, bound: 8 },
  { owned: 1000, foreign: 0, bound: 2 },
] as const;

/** Number of calls that the peer makes to check one role. */
const peerCallsPerRole = 8;

/** Number of passes to measure: enough to include rare calls, such as the calls of the cluster check. */
const sweeps = 6;
const intervalSeconds = 5;

const rolesOfOurs = (count: number): Seed => ({
  count,
  prefix: 'kon-bench-',
  path: rolePath,
  tags: {
    'k11n.dev/managed-by': 'konstellation',
    'k11n.dev/cluster': clusterArn,
    'k11n.dev/account': 'account-$index',
    'k11n.dev/uid': 'uid-$index',
  },
});

export const sweep: Scenario = {
  name: 'drift sweep',
  summary:
    'calls to AWS per drift detection pass over all roles, in an AWS account that also has roles of others',
  async run({ kon, note }) {
    const figures: Figure[] = [];
    for (const { owned, foreign, bound } of sizes) {
      const world = await startWorld(kon, {
        driftIntervalSeconds: intervalSeconds,
        seeds: [
          { count: foreign, prefix: 'foreign-', path: '/', tags: { team: 'other' } },
          rolesOfOurs(owned),
        ],
      });
      try {
        const operator = await world.startOperator();
        await untilSynced(operator);
        const listings = async (): Promise<number> =>
          (await world.aws.journal(0)).filter(
            ({ action, parameters }) =>
              action === 'GetAccountAuthorizationDetails' && !('Marker' in parameters),
          ).length;
        const first = await listings();
        // Measures from the start of one pass to the start of a later pass, so that the period contains only whole
        // passes.
        while ((await listings()) < first + 1) await delay(20);
        const since = await world.aws.position();
        while ((await listings()) < first + 1 + sweeps) await delay(20);
        const calls = await world.aws.journal(since);
        note(`${owned} roles of ours, ${foreign} of others: ${calls.length} calls in ${sweeps} sweeps`);
        figures.push({
          name: `drift sweep: ${owned} roles, ${foreign} of others`,
          value: calls.length / sweeps,
          unit: 'calls',
          bound,
          peer: owned * peerCallsPerRole,
        });
      } finally {
        await world.stop();
      }
    }
    return figures;
  },
};

/** Size of the inline policies of each foreign role, near IAM's maximum of 10,240 characters. */
const inlineBytes = 9 * 1024;

const ownRoles = 100;

/** Measures the peak memory in mebibytes during a few drift detection passes, without the startup. */
async function memoryOf(
  kon: string,
  foreign: number,
): Promise<{ readonly idle: number; readonly peak: number }> {
  const world = await startWorld(kon, {
    driftIntervalSeconds: intervalSeconds,
    seeds: [
      { count: foreign, prefix: 'foreign-', path: '/', tags: { team: 'other' }, inlineBytes },
      // An operator without managed roles would list roles only once.
      rolesOfOurs(ownRoles),
    ],
  });
  try {
    const operator = await world.startOperator();
    const listings = (): Promise<number> =>
      operator.metric('konstellation_aws_calls_total{service="iam",action="GetAccountAuthorizationDetails"');
    const pages = Math.ceil((foreign + ownRoles) / 1000);
    while ((await listings()) < 2 * pages) await delay(100);
    await operator.resetPeak();
    while ((await listings()) < (2 + sweeps) * pages) await delay(100);
    const { now, peak } = await operator.memory();
    return { idle: now, peak };
  } finally {
    await world.stop();
  }
}

export const sweepMemory: Scenario = {
  name: 'drift memory',
  summary: `resident memory of drift detection passes over roles of others with ${inlineBytes / 1024} KB of inline policies each`,
  async run({ kon, note }) {
    const { idle } = await memoryOf(kon, 0);
    note(`idle, without roles of others: ${idle.toFixed(0)} MiB`);
    const figures: Figure[] = [];
    for (const foreign of [1000, 5000]) {
      const { peak } = await memoryOf(kon, foreign);
      note(`${foreign} roles of others: ${peak.toFixed(0)} MiB at most`);
      figures.push({
        name: `drift memory: ${foreign} roles of others, over idle`,
        value: peak - idle,
        unit: 'MiB',
        bound: 30,
      });
    }
    return figures;
  },
};
