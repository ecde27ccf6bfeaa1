/** Measures the time until IAM has a changed policy, for an idle operator and for a busy operator. */
import { setTimeout as delay } from 'node:timers/promises';
import { linkedServiceAccounts } from '../../src/api/index.ts';
import { percentile, type Figure } from '../figure.ts';
import type { Scenario } from '../scenario.ts';
import { isReady, policies, startWorld, untilSynced, type World } from '../world.ts';

const latencyMs = 30;
const edits = 60;
const other = 'arn:aws:iam::aws:policy/AmazonS3FullAccess';

type Edit = {
  /** Time until the API server has accepted the edit. The operator does not influence this time. */
  readonly takenMs: number;
  readonly attachedMs: number;
  readonly detachedMs: number;
  readonly calls: number;
};

/** Replaces the first policy of an account with another policy, or restores the first policy. */
async function editOnce(world: World, name: string, role: string): Promise<Edit> {
  const account = await world.client.get<{
    apiVersion: string;
    kind: string;
    metadata: { name: string };
    spec: { aws: { policyArns: string[] } };
  }>(linkedServiceAccounts, { name });
  const [before = ''] = account.spec.aws.policyArns;
  const after = before === other ? policies[0] : other;
  const since = await world.aws.position();
  const startedAt = Date.now();
  await world.client.patch(
    linkedServiceAccounts,
    { name },
    { spec: { aws: { policyArns: [after, policies[1]] } } },
    { type: 'merge' },
  );
  const takenMs = Date.now() - startedAt;
  for (;;) {
    // The journal records the time of each call, so frequent polling would gain no precision and would take processor time from
    // the measured processes.
    await delay(latencyMs);
    const calls = (await world.aws.journal(since)).filter(
      ({ service, resource }) => service === 'iam' && resource.endsWith(`/${role}`),
    );
    const attached = calls.find(({ action, status }) => action === 'AttachRolePolicy' && status === 200);
    const detached = calls.find(({ action, status }) => action === 'DetachRolePolicy' && status === 200);
    if (attached && detached) {
      return {
        takenMs,
        attachedMs: attached.time + attached.durationMs - startedAt,
        detachedMs: detached.time + detached.durationMs - startedAt,
        calls: calls.length,
      };
    }
  }
}

async function editMany(world: World, pauseMs: number, go: () => boolean): Promise<readonly Edit[]> {
  const account = await world.client.get<{
    apiVersion: string;
    kind: string;
    metadata: { name: string };
    status?: { roleArn?: string };
  }>(linkedServiceAccounts, { name: 'edited-0' });
  const arn = account.status?.roleArn ?? '';
  const role = arn.slice(arn.lastIndexOf('/') + 1);
  const measured: Edit[] = [];
  while (measured.length < edits && go()) {
    measured.push(await editOnce(world, 'edited-0', role));
    await delay(pauseMs);
  }
  return measured;
}

function figuresOf(when: string, measured: readonly Edit[], peer?: number): readonly Figure[] {
  const attached = measured.map((edit) => edit.attachedMs);
  const p95 = percentile(attached, 0.95);
  return [
    {
      name: `one policy changed, ${when}: until attached, p95`,
      value: p95,
      unit: 'ms',
      bound: latencyMs + 50,
      ...(peer === undefined ? {} : { peer }),
    },
    {
      name: `one policy changed, ${when}: until attached, median`,
      value: percentile(attached, 0.5),
      unit: 'ms',
    },
    {
      name: `one policy changed, ${when}: until the API server has taken it, p95`,
      value: percentile(
        measured.map((edit) => edit.takenMs),
        0.95,
      ),
      unit: 'ms',
    },
    {
      name: `one policy changed, ${when}: until the old one is detached, p95`,
      value: percentile(
        measured.map((edit) => edit.detachedMs),
        0.95,
      ),
      unit: 'ms',
    },
    {
      name: `one policy changed, ${when}: calls to IAM`,
      value: measured.reduce((sum, edit) => sum + edit.calls, 0) / measured.length,
      unit: 'calls',
      bound: 2,
    },
  ];
}

export const edit: Scenario = {
  name: 'one policy changed',
  summary: `one policy of an account swapped for another, with AWS at ${latencyMs} ms per call, from the edit being sent`,
  async run({ kon, note }) {
    const world = await startWorld(kon, { faults: { latencyMs } });
    try {
      const operator = await world.startOperator();
      await untilSynced(operator);
      await world.createAccounts(1, 'edited');
      await world.untilAccounts(1, isReady);
      const idle = await editMany(world, 100, () => true);

      let busy = true;
      const burst = world
        .createAccounts(1000, 'burst')
        .then(() => world.untilAccounts(1001, isReady))
        .finally(() => {
          busy = false;
        });
      // Waits until the burst has started.
      await delay(1_000);
      const [during] = await Promise.all([editMany(world, 250, () => busy), burst]);
      note(`${idle.length} edits while idle, ${during.length} while 1,000 accounts are being made`);
      return [...figuresOf('idle', idle, 193), ...figuresOf('during a burst', during)];
    } finally {
      await world.stop();
    }
  },
};
