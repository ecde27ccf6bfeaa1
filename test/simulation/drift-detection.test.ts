/** Drift detection: its calls, how often they are made, and what the operator does when AWS denies them. */
import { describe, expect, it } from 'vitest';
import {
  clusterConfigs,
  linkedServiceAccounts,
  type ClusterConfig,
  type LinkedServiceAccount,
} from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import { resources, type KubeObject } from '../../src/kube/index.ts';
import { create, foreignRole, put } from './acts.ts';
import type { Fault } from './operator-process.ts';
import { clusterSpec, driftIntervalMs, startSimulation, type Simulation } from './simulation.ts';

const listing = 'iam GetAccountAuthorizationDetails';
const policy = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const minute = 60_000;

type Reported = {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly name: string };
};

/** Starts a simulation with the accounts `a`, `b` and `c` in sync. Their roles have not been changed out of band. */
async function fleet(
  faultOf: (what: string, now: number) => Fault | undefined = () => undefined,
): Promise<Simulation> {
  const simulation = await startSimulation({
    faults: { fate: ({ what }, now) => ({ fault: faultOf(what, now) }) },
    prepare: async ({ server }) => {
      for (const name of ['a', 'b', 'c'])
        await server.client.create(linkedServiceAccounts, {
          apiVersion: 'k11n.dev/v1alpha1',
          kind: 'LinkedServiceAccount',
          metadata: { name },
          spec: { aws: { policyArns: [policy] }, deletionPolicy: 'Delete' },
        } as KubeObject);
    },
  });
  expect(await simulation.time.pass(5 * minute, () => simulation.aws.roles.size === 3)).toBe(true);
  await simulation.time.pass(minute);
  return simulation;
}

/**
 * Lets `ms` milliseconds pass and counts the IAM reads in this time, except the reads of proofs and of the cluster
 * check.
 */
async function readsDuring(simulation: Simulation, ms: number): Promise<Readonly<Record<string, number>>> {
  const before = simulation.reads.length;
  await simulation.time.pass(ms);
  const counts: Record<string, number> = {};
  for (const { what } of simulation.reads.slice(before)) {
    const [system, action = ''] = what.split(' ');
    if (system !== 'iam' || action === 'AssumeRoleWithWebIdentity') continue;
    if (['GetCallerIdentity', 'GetOpenIDConnectProvider', 'GetAccountSummary'].includes(action)) continue;
    counts[action] = (counts[action] ?? 0) + 1;
  }
  return counts;
}

const roleOf = ({ aws }: Simulation, account: string): string =>
  [...aws.roles.keys()].find((name) => name.startsWith(`kon-simulated-${account}-`)) ?? '';

const detach = (simulation: Simulation, account: string): void =>
  simulation.aws.change(roleOf(simulation, account), (role) => role && { ...role, attachedPolicyArns: [] });

const isWhole = (simulation: Simulation, account: string): boolean =>
  simulation.aws.roles.get(roleOf(simulation, account))?.attachedPolicyArns.includes(policy) === true;

describe('a drift pass', () => {
  it('lists all roles one time, and individually reads the one role whose turn it is', async () => {
    const simulation = await fleet();
    expect(await readsDuring(simulation, 10 * driftIntervalMs)).toEqual({
      GetAccountAuthorizationDetails: 10,
      GetRole: 10,
    });
  });

  it('reads the OIDC provider once, besides the reads for the status of the ClusterConfig', async () => {
    const simulation = await fleet();
    const before = simulation.reads.length;
    await simulation.time.pass(10 * driftIntervalMs);
    const reads = simulation.reads
      .slice(before)
      .filter(({ what }) => what.includes('GetOpenIDConnectProvider'));
    expect(reads.length).toBeGreaterThanOrEqual(10);
    expect(reads.length).toBeLessThanOrEqual(13);
  });

  it('that reads a role individually finds drift that a listing does not show', async () => {
    const simulation = await fleet();
    for (const account of ['a', 'b', 'c'])
      simulation.aws.change(
        roleOf(simulation, account),
        (role) => role && { ...role, maxSessionDuration: 7200 },
      );
    await simulation.time.pass(4 * driftIntervalMs);
    expect([...simulation.aws.roles.values()].map((role) => role.maxSessionDuration)).toEqual([
      3600, 3600, 3600,
    ]);
  });

  it('runs at the interval in the ClusterConfig, and applies a new interval at once', async () => {
    const simulation = await fleet();
    const { server } = simulation;
    // The interval changes 15 seconds after a drift pass, when the next drift pass is not due yet according to the old
    // interval.
    await simulation.time.pass(
      2 * minute,
      () => simulation.reads.at(-1)?.what.startsWith('iam GetRole') === true,
    );
    await simulation.time.pass(minute / 4);
    const config = await server.client.get<KubeObject>(clusterConfigs, { name: 'simulated' });
    await server.client.update(clusterConfigs, {
      ...config,
      spec: { ...clusterSpec, aws: { ...clusterSpec.aws, driftIntervalSeconds: 5 } },
    } as KubeObject);
    await simulation.time.pass(1_000);
    expect(await readsDuring(simulation, minute)).toMatchObject({ GetAccountAuthorizationDetails: 12 });
  });

  it.each<[string, Fault | undefined]>([
    ['in a listing', undefined],
    ['in reads of single roles while listings are denied', 'denied'],
  ])('detects, %s, that the blocker of an account no longer exists', async (_, fault) => {
    const simulation = await fleet((what) => (what.startsWith(listing) ? fault : undefined));
    const reason = (): string | undefined =>
      findCondition(
        (simulation.server.get(linkedServiceAccounts, 'd') as LinkedServiceAccount | undefined)?.status
          ?.conditions,
        'Ready',
      )?.reason;
    put(foreignRole('theirs'))(simulation);
    await create('d', { aws: { roleName: 'theirs' } })(simulation);
    expect(await simulation.time.pass(minute, () => reason() === 'RoleNotOwned')).toBe(true);
    await simulation.time.pass(5 * minute);
    simulation.aws.change('theirs', () => undefined);
    expect(await simulation.time.pass(driftIntervalMs + 5_000, () => reason() === 'Ready')).toBe(true);
  });

  it('repairs drift within the interval, with a single write to IAM', async () => {
    const simulation = await fleet();
    detach(simulation, 'b');
    const before = simulation.effects.length;
    expect(await simulation.time.pass(driftIntervalMs + 5_000, () => isWhole(simulation, 'b'))).toBe(true);
    await simulation.time.pass(5_000);
    const writes = simulation.effects.slice(before).map(({ what }) => what);
    expect(writes.filter((what) => what.startsWith('iam '))).toEqual([
      expect.stringMatching(/^iam AttachRolePolicy .*kon-simulated-b-/),
    ]);
  });
});

it('Events report drift and its repair', async () => {
  const simulation = await fleet();
  const role = roleOf(simulation, 'b');
  const foreign = 'arn:aws:iam::aws:policy/AdministratorAccess';
  simulation.aws.change(role, (before) => before && { ...before, attachedPolicyArns: [policy, foreign] });
  const before = simulation.server.list(resources.events).length;
  await simulation.time.pass(driftIntervalMs + 30_000);
  expect(simulation.aws.roles.get(role)?.attachedPolicyArns).toEqual([policy]);
  const reported = simulation.server.list(resources.events).slice(before) as unknown as readonly Reported[];
  expect(reported.map(({ type, reason, note }) => ({ type, reason, note }))).toEqual([
    {
      type: 'Warning',
      reason: 'RoleDrifted',
      note: `changed outside Konstellation: the policy ${foreign} was attached`,
    },
    {
      type: 'Normal',
      reason: 'PolicyDetached',
      note: `detached ${foreign} from ${role}: the account does not list the policy`,
    },
  ]);
  expect(reported.map(({ regarding }) => regarding.name)).toEqual(['b', 'b']);
});

describe('where a listing is denied', () => {
  it('the operator reads roles one by one, finds drift as before, and tries the listing again later', async () => {
    let denied = true;
    const simulation = await fleet((what) => (denied && what.startsWith(listing) ? 'denied' : undefined));
    const reads = await readsDuring(simulation, 10 * driftIntervalMs);
    // The listing was attempted once at the start, a minute ago. The next attempt follows after a quarter of an hour.
    expect(reads).toMatchObject({ GetRole: 30, ListAttachedRolePolicies: 30 });
    expect(reads).not.toHaveProperty('GetAccountAuthorizationDetails');
    detach(simulation, 'c');
    expect(await simulation.time.pass(driftIntervalMs + 5_000, () => isWhole(simulation, 'c'))).toBe(true);

    denied = false;
    await simulation.time.pass(16 * minute);
    expect(await readsDuring(simulation, 5 * driftIntervalMs)).toEqual({
      GetAccountAuthorizationDetails: 5,
      GetRole: 5,
    });
  });
});

it('the ClusterConfig reports that drift detection is denied, until drift detection is allowed again', async () => {
  let denied = false;
  const reads = /^iam (GetAccountAuthorizationDetails|GetRole|List)/;
  const simulation = await fleet((what) => (denied && reads.test(what) ? 'denied' : undefined));
  const checked = (): string | undefined => {
    const config = simulation.server.get(clusterConfigs, 'simulated') as ClusterConfig | undefined;
    const condition = findCondition(config?.status?.conditions, 'DriftChecked');
    return condition && `${condition.status} ${condition.reason}`;
  };
  expect(checked()).toBe('True DriftChecked');
  denied = true;
  expect(await simulation.time.pass(driftIntervalMs + 5_000, () => checked() === 'False AccessDenied')).toBe(
    true,
  );
  // The report is written once, not with every drift pass.
  const version = (): string | undefined =>
    simulation.server.get(clusterConfigs, 'simulated')?.metadata.resourceVersion;
  const before = version();
  await simulation.time.pass(5 * driftIntervalMs);
  expect(version()).toBe(before);
  denied = false;
  expect(await simulation.time.pass(16 * minute, () => checked() === 'True DriftChecked')).toBe(true);
});

describe('where a listing fails', () => {
  it('at the start, the operator reads the roles of accounts one by one, and creates missing roles', async () => {
    const simulation = await fleet((what) => (what.startsWith(listing) ? 'failed' : undefined));
    const { items } = await simulation.server.client.list<LinkedServiceAccount>(linkedServiceAccounts);
    expect(items.map(({ status }) => findCondition(status?.conditions, 'Ready')?.status)).toEqual([
      'True',
      'True',
      'True',
    ]);
  });

  it('for a while, the operator treats no role as deleted, and continues the drift passes afterwards', async () => {
    let failing = false;
    const simulation = await fleet((what) => (failing && what.startsWith(listing) ? 'failed' : undefined));
    failing = true;
    detach(simulation, 'a');
    const before = simulation.effects.length;
    await simulation.time.pass(5 * driftIntervalMs);
    expect(simulation.effects.slice(before).filter(({ what }) => what.startsWith('iam '))).toEqual([]);
    expect(isWhole(simulation, 'a')).toBe(false);
    failing = false;
    expect(await simulation.time.pass(2 * driftIntervalMs, () => isWhole(simulation, 'a'))).toBe(true);
  });
});

it('the operator does not undo a write because of a response that is older than the write', async () => {
  const simulation = await fleet();
  simulation.aws.readLagMs = () => 10_000;
  const { server } = simulation;
  const other = 'arn:aws:iam::aws:policy/AmazonSQSFullAccess';
  const before = simulation.effects.length;
  // The edits fall at different times of the interval between drift passes, some of them right before a drift pass.
  for (let edit = 0; edit < 24; edit += 1) {
    const account = await server.client.get<LinkedServiceAccount>(linkedServiceAccounts, { name: 'a' });
    await server.client.update(linkedServiceAccounts, {
      ...account,
      spec: { ...account.spec, aws: { policyArns: [edit % 2 === 0 ? other : policy] } },
    });
    await simulation.time.pass(7_000);
  }
  const writes = simulation.effects.slice(before).filter(({ what }) => what.startsWith('iam '));
  expect(writes).toHaveLength(48);
});
