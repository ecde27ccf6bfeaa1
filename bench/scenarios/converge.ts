/** Measures the time until many accounts that were created at once are Ready. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Figure } from '../figure.ts';
import { processorTime, processorTimeSince } from '../processor-time.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { isReady, policies, rolePath, startWorld, untilSynced, type Operator, type World } from '../world.ts';

const callsPerAccount = 1 + policies.length;

type Run = {
  /** Times are in seconds since the creation of the first account. */
  readonly inIam: number;
  readonly ready: number;
  readonly iamCalls: number;
  readonly throttled: number;
};

async function converge(world: World, operator: Operator, count: number, note: Bench['note']): Promise<Run> {
  const before = await world.aws.calls();
  const timeBefore = await processorTime();
  const startedAt = Date.now();
  const seconds = (): number => (Date.now() - startedAt) / 1000;
  let inIam: number | undefined;
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) {
      const roles = await world.aws.rolesWith(rolePath, policies.length);
      if (roles >= count) inIam ??= seconds();
      if (inIam !== undefined) return;
      await delay(100);
    }
  })();
  const created = world.createAccounts(count);
  const readiness = world.untilAccounts(count, isReady);
  const tell = async (): Promise<void> => {
    const rate = await operator.metric('konstellation_aws_rate_limit{service="iam"');
    const roles = await world.aws.rolesWith(rolePath, policies.length);
    note(`${seconds().toFixed(0)} s: ${roles} of ${count} roles in step, learned rate ${rate.toFixed(1)}/s`);
  };
  const progress = setInterval(() => void tell(), 10_000);
  try {
    await created;
    note(`accounts created after ${seconds().toFixed(1)} s`);
    await readiness;
  } finally {
    clearInterval(progress);
    over.abort();
  }
  const ready = seconds();
  note(`processor time: ${processorTimeSince(timeBefore, await processorTime())}`);
  await watching;
  const after = await world.aws.calls();
  const iamCalls = Object.entries(after)
    .filter(([name]) => name.startsWith('iam:'))
    .reduce((sum, [name, calls]) => sum + calls - (before[name] ?? 0), 0);
  return {
    inIam: inIam ?? ready,
    ready,
    iamCalls,
    throttled: await operator.metric('konstellation_aws_throttled_total{service="iam"}'),
  };
}

const limited = (
  name: string,
  count: number,
  burst: number,
  mostThrottled: number,
  peer: number | undefined,
): Scenario => ({
  name,
  summary: `${count} accounts with 2 policies and 2 targets, where IAM takes 20 calls a second (burst ${burst}) at 30 ms`,
  async run({ kon, note }) {
    const world = await startWorld(kon, {
      faults: { latencyMs: 30, throttles: [{ services: ['iam'], ratePerSecond: 20, burst }] },
    });
    try {
      const operator = await world.startOperator();
      await untilSynced(operator);
      // Waits until the emulated IAM's rate limiter has refilled after the operator's startup calls.
      await delay((1000 * burst) / 20 + 1000);
      const run = await converge(world, operator, count, note);
      const needed = (count * callsPerAccount - burst) / 20;
      const figures: Figure[] = [
        {
          name: `${name}: all ready`,
          value: run.ready,
          unit: 's',
          bound: needed * 1.1,
          ...(peer === undefined ? {} : { peer }),
        },
        {
          name: `${name}: calls throttled`,
          value: (100 * run.throttled) / run.iamCalls,
          unit: '%',
          bound: mostThrottled,
        },
      ];
      note(
        `${run.iamCalls} calls to IAM, ${run.throttled} of them throttled; ${needed} s are the least possible`,
      );
      return figures;
    } finally {
      await world.stop();
    }
  },
});

export const hundredLimited = limited('100 accounts at 20 calls/s', 100, 40, 3, 65);
export const thousandLimited = limited('1,000 accounts at 20 calls/s', 1000, 40, 1, undefined);

const unlimited = (
  name: string,
  count: number,
  bounds: { readonly inIam?: number; readonly ready: number; readonly memory?: number },
  peers: { readonly inIam?: number; readonly memory?: number },
): Scenario => ({
  name,
  summary: `${count} accounts with 2 policies and 2 targets, where AWS takes 30 ms for a call and as many as there are`,
  async run({ kon, note }) {
    const world = await startWorld(kon, { faults: { latencyMs: 30 } });
    try {
      const operator = await world.startOperator();
      await untilSynced(operator);
      const run = await converge(world, operator, count, note);
      const memory = await operator.memory();
      note(`${run.iamCalls} calls to IAM, ${run.throttled} throttled`);
      note(`resident memory: ${memory.now.toFixed(0)} MiB, ${memory.peak.toFixed(0)} at most`);
      return [
        {
          name: `${name}: all roles in step`,
          value: run.inIam,
          unit: 's',
          ...(bounds.inIam === undefined ? {} : { bound: bounds.inIam }),
          ...(peers.inIam === undefined ? {} : { peer: peers.inIam }),
        },
        { name: `${name}: all targets proven`, value: run.ready, unit: 's', bound: bounds.ready },
        {
          name: `${name}: resident memory at most`,
          value: memory.peak,
          unit: 'MiB',
          ...(bounds.memory === undefined ? {} : { bound: bounds.memory }),
          ...(peers.memory === undefined ? {} : { peer: peers.memory }),
        },
      ];
    } finally {
      await world.stop();
    }
  },
});

export const hundredUnlimited = unlimited('100 accounts without a limit', 100, { ready: 2 }, { inIam: 3.7 });
export const thousandUnlimited = unlimited(
  '1,000 accounts without a limit',
  1000,
  { inIam: 10, ready: 18, memory: 160 },
  { inIam: 30.7, memory: 79 },
);
