/**
 * Outages and races: a namespace without its label; a link that no watch reports; an issuer that cannot be found; a
 * role that exists in IAM but is not visible yet; an hour without AWS in the middle of a deletion; a ServiceAccount
 * that is adopted in the middle of a deletion; and two operators that run in one cluster by mistake.
 */
import { describe, expect, it } from 'vitest';
import {
  accountLabel,
  clusterConfigs,
  linkedServiceAccounts,
  targetLabel,
  type ClusterConfig,
  type LinkedServiceAccount,
} from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import { isNotFound, resources, type KubeObject } from '../../src/kube/index.ts';
import { clusterTargets, remove } from './acts.ts';
import { agreesWithStatus, pauses, rests } from './oracles.ts';
import { startSimulation, targets, type Simulation } from './simulation.ts';

const [readOnly, fullAccess] = ['ReadOnly', 'FullAccess'].map(
  (name) => `arn:aws:iam::aws:policy/AmazonS3${name}`,
);
const minute = 60_000;

const accountOf = (name: string, policyArns: readonly (string | undefined)[]): KubeObject =>
  ({
    apiVersion: 'k11n.dev/v1alpha1',
    kind: 'LinkedServiceAccount',
    metadata: { name },
    spec: { aws: { policyArns }, deletionPolicy: 'Delete' },
  }) as KubeObject;

async function accountIn({ server }: Simulation, name: string): Promise<LinkedServiceAccount | undefined> {
  try {
    return await server.client.get<LinkedServiceAccount>(linkedServiceAccounts, { name });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

const isGone = ({ server }: Simulation, name: string): boolean =>
  !server.list(linkedServiceAccounts).some(({ metadata }) => metadata.name === name);

const linksOf = ({ server }: Simulation): readonly string[] =>
  targets.flatMap((target) =>
    server.list(resources.serviceAccounts, target).map(({ metadata }) => `${target}/${metadata.name}`),
  );

it('a write that is refused in a namespace is repeated as soon as the namespace has the label of a target', async () => {
  let isClosed = true;
  const link = 'kube create serviceaccounts staging/a';
  const simulation = await startSimulation({
    faults: { fate: ({ what }) => (isClosed && what === link ? { fault: 'denied' } : {}) },
  });
  const { server, time, failures } = simulation;
  await time.pass(minute);
  await server.client.create(linkedServiceAccounts, accountOf('a', [readOnly]));
  const refusals = (): number => failures.filter(({ what }) => what === link).length;
  // After the fourth failure, at least half a minute passes before each further attempt.
  expect(await time.pass(5 * minute, () => refusals() === 4)).toBe(true);
  const namespace = await server.client.get<KubeObject>(resources.namespaces, { name: 'staging' });
  const { [targetLabel]: _, ...labels } = namespace.metadata.labels ?? {};
  await server.client.update(resources.namespaces, {
    ...namespace,
    metadata: { ...namespace.metadata, labels },
  });
  isClosed = false;
  // The operator restores the label. The change of the label makes the operator repeat the refused write immediately.
  expect(await time.pass(2_000, () => linksOf(simulation).includes('staging/a'))).toBe(true);
  expect(refusals()).toBe(4);
});

it('if an account and its target are removed before a watch reports the linked ServiceAccount, nothing is left behind', async () => {
  let lagMs = 0;
  const simulation = await startSimulation({ faults: { lagMs: () => lagMs } });
  simulation.onArrival(({ what }) => {
    if (!what.startsWith('kube create serviceaccounts')) return undefined;
    lagMs = minute / 2;
    return () => (lagMs = 0);
  });
  const { server, time, aws, effects } = simulation;
  await time.pass(minute);
  await server.client.create(linkedServiceAccounts, accountOf('a', [readOnly]));
  await time.pass(1_000);
  await clusterTargets('staging')(simulation);
  await remove('a')(simulation);
  expect(await time.pass(5 * minute, () => isGone(simulation, 'a'))).toBe(true);
  expect(effects.map(({ what }) => what)).toContain('kube create serviceaccounts production/a');
  expect(linksOf(simulation)).toEqual([]);
  expect([...aws.roles.keys()]).toEqual([]);
});

it('a role whose creation has an unknown outcome, and that IAM does not show yet, is read at growing intervals', async () => {
  const make = 'iam CreateRole';
  let isHeard = false;
  const simulation = await startSimulation({
    faults: {
      fate({ what }) {
        if (isHeard || !what.startsWith(make)) return {};
        isHeard = true;
        return { fault: 'answerLost' };
      },
      readLagMs: () => 10_000,
    },
  });
  const { server, time, writes, reads } = simulation;
  await time.pass(minute);
  await server.client.create(linkedServiceAccounts, accountOf('a', [readOnly]));
  await time.pass(minute);
  const ready = findCondition((await accountIn(simulation, 'a'))?.status?.conditions, 'Ready');
  expect(ready?.status).toBe('True');
  // The call is repeated immediately, and then after 0.5, 1, 2, 4 and 8 seconds. Jitter shortens each of these
  // intervals by at most half.
  const sentAt = writes.filter(({ what }) => what.startsWith(make)).map(({ at }) => at);
  const intervals = sentAt.slice(1).map((at, index) => at - (sentAt[index] ?? 0));
  for (const [index, interval] of intervals.slice(1).entries())
    expect(interval).toBeGreaterThanOrEqual(250 * 2 ** index);
  expect(sentAt.length).toBeLessThanOrEqual(8);
  expect(reads.filter(({ what }) => what.startsWith('iam GetRole')).length).toBeLessThanOrEqual(10);
  expect(pauses(simulation)).toEqual([]);
});

it('a clock that is set back delays neither drift detection nor the retry of a failure', async () => {
  let offsetMs = 0;
  let isDenied = true;
  const simulation = await startSimulation({
    faults: {
      clockOffsetMs: () => offsetMs,
      fate: ({ what }) =>
        isDenied && what.startsWith('iam CreateRole kon-simulated-b-') ? { fault: 'denied' } : {},
    },
  });
  const { server, time, aws } = simulation;
  const reasonOf = async (name: string): Promise<string | undefined> =>
    findCondition((await accountIn(simulation, name))?.status?.conditions, 'Ready')?.reason;
  await time.pass(minute);
  for (const name of ['a', 'b'])
    await server.client.create(linkedServiceAccounts, accountOf(name, [readOnly]));
  await time.pass(2_000);
  expect([await reasonOf('a'), await reasonOf('b')]).toEqual(['Ready', 'AccessDenied']);
  offsetMs = -60 * minute;
  isDenied = false;
  const [name = ''] = aws.roles.keys();
  aws.change(name, (role) => role && { ...role, attachedPolicyArns: [] });
  const isWhole = (): boolean => aws.roles.get(name)?.attachedPolicyArns.length === 1;
  // The second drift pass from now is long enough after the operator's writes that its listing cannot be stale.
  expect(await time.pass(2 * minute + 5_000, isWhole)).toBe(true);
  await time.pass(minute);
  expect(await reasonOf('b')).toBe('Ready');
});

it('if a call succeeds without a response and the retry is refused, the operator reads the change back, and reports no drift', async () => {
  let attempts = 0;
  const simulation = await startSimulation({
    faults: {
      fate({ what }) {
        if (!what.startsWith('iam AttachRolePolicy') || !what.endsWith(`${fullAccess}`)) return {};
        attempts += 1;
        return { fault: attempts === 1 ? 'answerLost' : 'denied' };
      },
    },
  });
  const { server, time, aws } = simulation;
  const policies = async (...policyArns: readonly (string | undefined)[]): Promise<void> => {
    await server.client.patch(
      linkedServiceAccounts,
      { name: 'a' },
      { spec: { aws: { policyArns } } },
      { type: 'merge' },
    );
  };
  const attached = (): readonly string[] =>
    [...aws.roles.values()].flatMap((role) => role.attachedPolicyArns);
  await time.pass(minute);
  await server.client.create(linkedServiceAccounts, accountOf('a', [readOnly]));
  // The following edits are made long before the next drift pass, so no drift pass causes the writes.
  await time.pass(5 * minute + 20_000);
  await policies(readOnly, fullAccess);
  await time.pass(2_000);
  expect(attempts).toBe(2);
  expect(attached()).toEqual([readOnly, fullAccess]);
  await policies(readOnly);
  // The policy is detached as soon as IAM's reads are consistent again.
  expect(await time.pass(16_000, () => attached().length === 1)).toBe(true);
  const reasons = server.list(resources.events).map((event) => (event as { reason?: string }).reason);
  expect(reasons).not.toContain('RoleDrifted');
});

it('a role that was created again is not proven while STS still issues sessions of the deleted role', async () => {
  const stsLagMs = 20_000;
  const simulation = await startSimulation({ faults: { trustLagMs: () => stsLagMs } });
  const { server, time, aws } = simulation;
  await time.pass(minute);
  await server.client.create(linkedServiceAccounts, accountOf('a', [readOnly]));
  await time.pass(2 * minute);
  const reported = async () => (await accountIn(simulation, 'a'))?.status;
  const before = await reported();
  expect(findCondition(before?.conditions, 'Ready')?.status).toBe('True');
  const [name = ''] = aws.roles.keys();
  let madeAt: number | undefined;
  const provenAt: number[] = [];
  aws.onChange(({ action, at }) => void (action === 'CreateRole' && (madeAt = at)));
  simulation.onArrival(({ what }) => {
    if (what !== 'kube apply linkedserviceaccounts a status') return undefined;
    return () => {
      const account = server.get(linkedServiceAccounts, 'a') as LinkedServiceAccount | undefined;
      const isNew = account?.status?.roleId !== before?.roleId;
      if (isNew && account?.status?.targets?.some(({ proven }) => proven)) provenAt.push(time.now());
    };
  });
  aws.change(name, () => undefined);
  expect(await time.pass(5 * minute, () => provenAt.length > 0)).toBe(true);
  expect((provenAt[0] ?? 0) - (madeAt ?? Infinity)).toBeGreaterThanOrEqual(stsLagMs);
});

describe('a cluster whose issuer could not be determined for a while', () => {
  const begin = async (): Promise<{
    simulation: Simulation;
    isReady: () => boolean;
    setOut: (is: boolean) => void;
  }> => {
    let isOut = false;
    const simulation = await startSimulation({
      faults: {
        fate: ({ what }) => (isOut && what.includes('openid-configuration') ? { fault: 'denied' } : {}),
        ageMs: (starts) => (starts === 0 ? 0 : minute / 2),
      },
    });
    const isReady = (): boolean => {
      const config = simulation.server.get(clusterConfigs, 'simulated') as ClusterConfig | undefined;
      return findCondition(config?.status?.conditions, 'Ready')?.status === 'True';
    };
    expect(await simulation.time.pass(minute, isReady)).toBe(true);
    await simulation.server.client.create(linkedServiceAccounts, accountOf('a', [readOnly]));
    isOut = true;
    expect(await simulation.time.pass(10 * minute, () => !isReady())).toBe(true);
    return { simulation, isReady, setOut: (is) => void (isOut = is) };
  };

  it('is reported ready again by a new process that has not yet read the last status', async () => {
    const { simulation, isReady, setOut } = await begin();
    setOut(false);
    simulation.restart();
    expect(await simulation.time.pass(minute, isReady)).toBe(true);
  });

  it('is checked for drift as soon as it is ready again', async () => {
    const { simulation, isReady, setOut } = await begin();
    const { time, reads } = simulation;
    const looks = (): number =>
      reads.filter(({ what }) => /^iam (GetRole |GetAccountAuthorizationDetails)/.test(what)).length;
    await time.pass(2 * minute);
    const before = looks();
    setOut(false);
    expect(await time.pass(2 * minute, isReady)).toBe(true);
    await time.pass(100);
    expect(looks()).toBeGreaterThan(before);
  });
});

it("a failed request for the API server's issuer does not block accounts", async () => {
  let unanswered = 0;
  let isOut = false;
  const simulation = await startSimulation({
    faults: {
      fate: ({ what }) => {
        if (!isOut || !what.includes('openid-configuration')) return {};
        unanswered += 1;
        return { fault: unanswered % 2 === 0 ? 'failed' : 'unsent' };
      },
    },
  });
  const { server, time, effects } = simulation;
  const isReady = async (): Promise<boolean> =>
    findCondition((await accountIn(simulation, 'a'))?.status?.conditions, 'Ready')?.status === 'True';
  await time.pass(minute);
  await server.client.create(linkedServiceAccounts, accountOf('a', [readOnly]));
  await time.pass(minute);
  expect(await isReady()).toBe(true);
  isOut = true;
  const before = effects.length;
  expect(await time.pass(10 * minute, () => unanswered === 4)).toBe(true);
  // The first account needs no write, and the creation of another account is not delayed.
  expect(effects.slice(before).map(({ what }) => what)).toEqual([]);
  await server.client.create(linkedServiceAccounts, accountOf('b', [readOnly]));
  await time.pass(minute);
  expect(linksOf(simulation)).toContain('production/b');
  expect(await isReady()).toBe(true);
});

describe('a deletion during which AWS is unavailable for an hour', () => {
  // The outage begins right before one of the operator's writes to IAM: the change of the trust policy, the detachment
  // of a policy, or the deletion of the role.
  it.each([0, 1, 2])(
    'reports an outage that begins after %i writes to IAM, and ends when AWS is available again',
    async (writesBefore) => {
      let writesLeft = Infinity;
      let isOut = false;
      const simulation = await startSimulation({
        faults: {
          fate({ system, kind }) {
            if (system !== 'aws') return {};
            if (isOut) return { fault: 'unsent' };
            if (kind === 'write') writesLeft -= 1;
            if (writesLeft >= 0) return {};
            isOut = true;
            return { fault: 'unsent' };
          },
        },
      });
      const { server, time, aws } = simulation;
      await time.pass(minute);
      await server.client.create(linkedServiceAccounts, accountOf('a', [readOnly]));
      await time.pass(5 * minute);
      expect(findCondition((await accountIn(simulation, 'a'))?.status?.conditions, 'Ready')?.status).toBe(
        'True',
      );
      writesLeft = writesBefore;
      await server.client.delete(linkedServiceAccounts, { name: 'a' });
      await time.pass(60 * minute);
      const held = await accountIn(simulation, 'a');
      expect(findCondition(held?.status?.conditions, 'Ready')).toMatchObject({
        status: 'False',
        reason: 'Unreachable',
        message: expect.stringContaining('iam:') as string,
      });
      isOut = false;
      writesLeft = Infinity;
      expect(await time.pass(10 * minute, () => isGone(simulation, 'a'))).toBe(true);
      expect([...aws.roles.keys()]).toEqual([]);
      expect(linksOf(simulation)).toEqual([]);
      // The ClusterConfig also reports that AWS is available again.
      await time.pass(minute);
      expect(await rests(simulation)).toEqual([]);
    },
  );
});

it('the operator does not delete a ServiceAccount that another owner takes over during the deletion', async () => {
  const deletion = 'kube delete serviceaccounts production/a';
  const simulation = await startSimulation({
    faults: { fate: ({ what }) => (what === deletion ? { requestDelayMs: 5_000 } : {}) },
  });
  const { server, time, writes } = simulation;
  await time.pass(minute);
  await server.client.create(linkedServiceAccounts, accountOf('a', [readOnly]));
  await time.pass(5 * minute);
  await server.client.delete(linkedServiceAccounts, { name: 'a' });
  expect(await time.pass(minute, () => writes.some(({ what }) => what === deletion))).toBe(true);
  const theirs = await server.client.patch<KubeObject>(
    resources.serviceAccounts,
    { namespace: 'production', name: 'a' },
    { metadata: { labels: { [accountLabel]: null } } },
    { type: 'merge' },
  );
  expect(await time.pass(10 * minute, () => isGone(simulation, 'a'))).toBe(true);
  expect(linksOf(simulation)).toEqual(['production/a']);
  expect(server.get(resources.serviceAccounts, 'a', 'production')?.metadata.uid).toBe(theirs.metadata.uid);
});

describe('two operators by mistake on one cluster', () => {
  it('create every object once, apply edits, and leave nothing behind', async () => {
    const simulation = await startSimulation({ processes: 2 });
    const { server, time, aws } = simulation;
    await time.pass(minute);
    for (const name of ['a', 'b', 'c'])
      await server.client.create(linkedServiceAccounts, accountOf(name, [readOnly]));
    await time.pass(5 * minute);
    expect(simulation.processes).toHaveLength(2);
    expect([...aws.roles.values()].map((role) => role.attachedPolicyArns)).toEqual([
      [readOnly],
      [readOnly],
      [readOnly],
    ]);
    expect(linksOf(simulation).toSorted()).toEqual(
      targets.flatMap((target) => ['a', 'b', 'c'].map((name) => `${target}/${name}`)),
    );
    expect(await agreesWithStatus(simulation)).toEqual([]);

    for (let edit = 1; edit <= 6; edit += 1) {
      const account = await server.client.get<LinkedServiceAccount>(linkedServiceAccounts, { name: 'a' });
      const policyArns = [edit % 2 === 0 ? readOnly : fullAccess].flatMap((arn) => arn ?? []);
      await server.client.update(linkedServiceAccounts, {
        ...account,
        spec: { ...account.spec, aws: { policyArns } },
      });
      await time.pass(minute / 2);
    }
    await server.client.delete(linkedServiceAccounts, { name: 'b' });
    await time.pass(5 * minute);
    expect([...aws.roles.values()].map((role) => role.attachedPolicyArns)).toEqual([[readOnly], [readOnly]]);
    expect(linksOf(simulation).filter((link) => link.endsWith('/b'))).toEqual([]);
    expect(await agreesWithStatus(simulation)).toEqual([]);
    // Both operators stop writing, instead of reverting each other's work for ever.
    expect(await rests(simulation)).toEqual([]);
  });
});
