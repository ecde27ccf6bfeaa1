/** Token exchanges in an idle cluster, and drift detection between them. */
import { describe, expect, it } from 'vitest';
import { clusterConfigs, linkedServiceAccounts, type LinkedServiceAccount } from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import { resources } from '../../src/kube/index.ts';
import { create } from './acts.ts';
import { driftIntervalMs, startSimulation, targets, type Simulation } from './simulation.ts';

const hourMs = 3_600_000;

function ready({ server }: Simulation): string {
  const account = server.get(linkedServiceAccounts, 'a') as unknown as LinkedServiceAccount;
  const condition = findCondition(account.status?.conditions, 'Ready');
  return `${condition?.status} ${condition?.reason}`;
}

function exchangesSince({ reads }: Simulation, since: number): number {
  return reads.filter(({ what, at }) => at >= since && what.includes('AssumeRoleWithWebIdentity')).length;
}

/** Starts a simulation with the account `a`, which is proven at the default interval. */
async function proven(): Promise<Simulation> {
  const simulation = await startSimulation();
  const change = { spec: { aws: { proofIntervalSeconds: null } } };
  await simulation.server.client.patch(clusterConfigs, { name: 'simulated' }, change, { type: 'merge' });
  await create('a')(simulation);
  expect(await simulation.time.pass(60_000, () => ready(simulation) === 'True Ready')).toBe(true);
  return simulation;
}

it('an idle account causes at most six token exchanges per target and day', async () => {
  const simulation = await proven();
  const since = simulation.time.now() + 1;
  await simulation.time.pass(24 * hourMs);
  expect(exchangesSince(simulation, since)).toBeGreaterThanOrEqual(4 * targets.length);
  expect(exchangesSince(simulation, since)).toBeLessThanOrEqual(6 * targets.length);
});

/** Whether `Ready` has changed since the time `since`, even if it is True again. */
function hasTurned({ server }: Simulation, since: number): boolean {
  const account = server.get(linkedServiceAccounts, 'a') as unknown as LinkedServiceAccount;
  const { lastTransitionTime = '' } = findCondition(account.status?.conditions, 'Ready') ?? {};
  return Date.parse(lastTransitionTime) >= Math.floor(since / 1000) * 1000;
}

describe('between two proofs, the operator', () => {
  const closed = '{"Version":"2012-10-17","Statement":[]}';
  it.each<[string, (simulation: Simulation) => unknown, (simulation: Simulation, since: number) => boolean]>([
    [
      'reports and repairs a trust policy that admits nobody',
      ({ aws }) => {
        const [role = ''] = aws.roles.keys();
        aws.change(role, (before) => before && { ...before, trustPolicy: closed });
      },
      hasTurned,
    ],
    [
      'reports an OIDC provider without the audience',
      ({ aws }) => {
        aws.clientIds = [];
      },
      (simulation) => ready(simulation) === 'False AudienceMissing',
    ],
    [
      'proves a ServiceAccount that was deleted and recreated',
      ({ server }) => server.client.delete(resources.serviceAccounts, { namespace: 'staging', name: 'a' }),
      (simulation, since) => exchangesSince(simulation, since) > 0,
    ],
  ])('%s within a drift interval', async (_, change, isDetected) => {
    const simulation = await proven();
    const { time } = simulation;
    await time.pass(hourMs);
    const since = time.now();
    await change(simulation);
    expect(await time.pass(driftIntervalMs + 5_000, () => isDetected(simulation, since))).toBe(true);
    // A repaired identity is proven immediately, not only when its next proof is due.
    simulation.aws.clientIds = ['sts.amazonaws.com'];
    const isProven = (): boolean =>
      ready(simulation) === 'True Ready' && exchangesSince(simulation, since) > 0;
    expect(await time.pass(3 * driftIntervalMs, isProven)).toBe(true);
  });
});
