/** When associations are looked at: seldom where nothing uses them, at once when a pod shows one, and else as roles are. */
import { describe, expect, it } from 'vitest';
import {
  clusterConfigs,
  conditionOf,
  linkedServiceAccounts,
  type ClusterConfig,
  type LinkedServiceAccount,
} from '../../src/api/index.ts';
import { create, deploy, foreignRole, put, redeploy } from './acts.ts';
import { driftIntervalMs, startSimulation, type Simulation } from './simulation.ts';

const hourMs = 3_600_000;

function lookedAt({ reads }: Simulation, since: number): number {
  return reads.filter(
    ({ what, at }) => at >= since && what.startsWith('eks ListPodIdentityAssociations unknown'),
  ).length;
}

function reasonIn({ server }: Simulation, target: string): string | undefined {
  const account = server.get(linkedServiceAccounts, 'a') as unknown as LinkedServiceAccount | undefined;
  return account?.status?.targets?.find(({ name }) => name === target)?.reason;
}

describe('where nothing uses Pod Identity', () => {
  it('associations are listed once in ten sweeps', async () => {
    const simulation = await startSimulation();
    await create('a')(simulation);
    await simulation.time.pass(60_000);
    const since = simulation.time.now();
    await simulation.time.pass(hourMs);
    expect(lookedAt(simulation, since)).toBe(hourMs / (10 * driftIntervalMs));
  });

  it('one of somebody else is told as soon as a pod comes up with it', async () => {
    const simulation = await startSimulation();
    await create('a')(simulation);
    await deploy('app', { serviceAccount: 'a' })(simulation);
    await simulation.time.pass(60_000);
    put(foreignRole('theirs'))(simulation);
    simulation.aws.eks.put({
      namespace: 'production',
      serviceAccount: 'a',
      roleArn: foreignRole('theirs').arn,
      tags: {},
      disableSessionTags: false,
    });
    await simulation.time.pass(30_000);
    expect(reasonIn(simulation, 'production')).toBeUndefined();
    await redeploy('app', { serviceAccount: 'a', imageTag: '2' })(simulation);
    await simulation.time.pass(5_000);
    expect(reasonIn(simulation, 'production')).toBe('ForeignAssociation');
    expect(reasonIn(simulation, 'staging')).toBeUndefined();
  });
});

describe('where an account uses Pod Identity', () => {
  it('associations are listed as often as roles are', async () => {
    const simulation = await startSimulation();
    await create('a', { aws: { identityMode: 'PodIdentity' } })(simulation);
    await simulation.time.pass(60_000);
    const since = simulation.time.now();
    await simulation.time.pass(hourMs);
    expect(lookedAt(simulation, since)).toBe(hourMs / driftIntervalMs);
  });
});

describe('after AWS could not be reached for so long that the cluster was not known', () => {
  it('roles and associations are looked at again', async () => {
    let isAway = false;
    const simulation = await startSimulation({
      weather: { fate: ({ system }) => (isAway && system === 'aws' ? { fault: 'unsent' } : {}) },
    });
    await create('a', { aws: { identityMode: 'PodIdentity' } })(simulation);
    await simulation.time.pass(60_000);
    const ready = (): string | undefined => {
      const config = simulation.server.get(clusterConfigs, 'simulated') as unknown as ClusterConfig;
      return conditionOf(config.status?.conditions, 'Ready')?.status;
    };
    isAway = true;
    await simulation.time.pass(600_000, () => ready() === 'False');
    expect(ready()).toBe('False');
    // A sweep is due meanwhile, which knows no cluster to sweep.
    await simulation.time.pass(2 * driftIntervalMs);
    expect(ready()).toBe('False');
    isAway = false;
    await simulation.time.pass(600_000, () => ready() === 'True');
    const since = simulation.time.now();
    await simulation.time.pass(600_000);
    expect(lookedAt(simulation, since)).toBeGreaterThanOrEqual(9);
    const ofRoles = simulation.reads.filter(
      ({ what, at }) => at >= since && what.startsWith('iam GetAccountAuthorizationDetails'),
    );
    expect(ofRoles.length).toBeGreaterThanOrEqual(9);
  });
});
