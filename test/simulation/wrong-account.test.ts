/**
 * Credentials that turn out to belong to another AWS account than the cluster's: the operator makes no call with them,
 * not even one that it had already planned.
 */
import { expect, it } from 'vitest';
import {
  clusterConfigs,
  linkedServiceAccounts,
  type ClusterConfig,
  type LinkedServiceAccount,
} from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import { create, edit, fullAccess, readOnly } from './acts.ts';
import { accountId } from './simulated-aws.ts';
import { clusterSpec, driftIntervalMs, startSimulation, type Simulation } from './simulation.ts';

const minute = 60_000;
const elsewhere = { accessKeyId: 'ASIAELSEWHERE', accountId: '999999999999' };
const renewed = { accessKeyId: 'ASIARENEWED', accountId };

const readyOf = ({ server }: Simulation, account: string): string => {
  const object = server.get(linkedServiceAccounts, account) as LinkedServiceAccount | undefined;
  const ready = findCondition(object?.status?.conditions, 'Ready');
  return `${ready?.status} ${ready?.reason}`;
};

const clusterReason = ({ server }: Simulation): string | undefined => {
  const config = server.get(clusterConfigs, 'simulated') as ClusterConfig | undefined;
  return findCondition(config?.status?.conditions, 'Ready')?.reason;
};

/**
 * Returns the calls to IAM about roles. Proofs are left out: their requests are not signed, so credentials of the wrong
 * AWS account do not prevent them.
 */
const callsSince = ({ writes, reads }: Simulation, since: number): readonly string[] =>
  [...writes, ...reads]
    .filter(
      ({ at, what }) =>
        at >= since && /^iam (?!GetCallerIdentity|GetOpenID|GetAccountSummary|AssumeRole)/.test(what),
    )
    .map(({ what }) => what);

/** Starts a simulation with an account in sync and a ClusterConfig that names the AWS account. */
async function begin(): Promise<Simulation> {
  const simulation = await startSimulation();
  const spec = { ...clusterSpec, aws: { ...clusterSpec.aws, accountId } };
  await simulation.server.client.patch(clusterConfigs, { name: 'simulated' }, { spec }, { type: 'merge' });
  await simulation.time.pass(minute);
  await create('a')(simulation);
  expect(await simulation.time.pass(minute, () => readyOf(simulation, 'a') === 'True Ready')).toBe(true);
  await simulation.time.pass(1_000);
  return simulation;
}

it('an operator that restarts with credentials of another AWS account makes no IAM calls for roles, although the ClusterConfig was Ready before the restart', async () => {
  const simulation = await begin();
  const { time, aws } = simulation;
  simulation.restart();
  aws.credentials = elsewhere;
  await create('b')(simulation);
  const since = time.now();
  expect(await time.pass(minute, () => clusterReason(simulation) === 'WrongAccount')).toBe(true);
  await time.pass(5 * minute);
  expect(readyOf(simulation, 'a')).toBe('False ClusterConfigNotReady');
  expect(callsSince(simulation, since)).toEqual([]);

  aws.credentials = renewed;
  expect(await time.pass(minute, () => readyOf(simulation, 'b') === 'True Ready')).toBe(true);
});

it('an operator whose renewed credentials belong to another AWS account makes no further IAM calls for roles, neither for edits nor for drift', async () => {
  const simulation = await begin();
  const { time, aws } = simulation;
  aws.credentials = elsewhere;
  const since = time.now();
  await edit('a', { aws: { policyArns: [readOnly, fullAccess] } })(simulation);
  await create('b')(simulation);
  // The wrong account is detected within 10 seconds, long before the next periodic check of the cluster.
  expect(await time.pass(10_000, () => clusterReason(simulation) === 'WrongAccount')).toBe(true);
  await time.pass(3 * driftIntervalMs);
  expect(readyOf(simulation, 'a')).toBe('False ClusterConfigNotReady');
  expect(readyOf(simulation, 'b')).toBe('False ClusterConfigNotReady');
  expect(callsSince(simulation, since)).toEqual([]);

  aws.credentials = renewed;
  expect(await time.pass(minute, () => readyOf(simulation, 'a') === 'True Ready')).toBe(true);
  expect(await time.pass(minute, () => readyOf(simulation, 'b') === 'True Ready')).toBe(true);
  expect(aws.roles.size).toBe(2);
});

it('an idle operator detects credentials of another AWS account in the next drift pass', async () => {
  const simulation = await begin();
  simulation.aws.credentials = elsewhere;
  const since = simulation.time.now();
  const isReported = (): boolean => clusterReason(simulation) === 'WrongAccount';
  expect(await simulation.time.pass(driftIntervalMs + 1_000, isReported)).toBe(true);
  expect(callsSince(simulation, since)).toEqual([]);
});
