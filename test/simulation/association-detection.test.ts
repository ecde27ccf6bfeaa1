/**
 * How often the operator lists associations: rarely if no account uses Pod Identity, and otherwise as often as it lists
 * roles. When a pod starts with an association, the operator lists associations immediately.
 */
import { describe, expect, it } from 'vitest';
import {
  clusterConfigs,
  linkedServiceAccounts,
  type ClusterConfig,
  type LinkedServiceAccount,
} from '../../src/api/index.ts';
import { create, deletePods, deploy, foreignRole, put } from './acts.ts';
import { clusterSpec, driftIntervalMs, startSimulation, type Simulation } from './simulation.ts';

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

describe('where no account uses Pod Identity', () => {
  it('the operator lists associations once in ten drift passes', async () => {
    const simulation = await startSimulation();
    await create('a')(simulation);
    await simulation.time.pass(60_000);
    const since = simulation.time.now();
    await simulation.time.pass(hourMs);
    expect(lookedAt(simulation, since)).toBe(hourMs / (10 * driftIntervalMs));
  });

  it('the operator reports a foreign association as soon as a pod starts with that association', async () => {
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
    // The operator does not roll pods to another role. When a pod is deleted, Kubernetes replaces that pod with a new
    // pod, which gets the other role.
    await deletePods('app', 'production')(simulation);
    await simulation.time.pass(5_000);
    expect(reasonIn(simulation, 'production')).toBe('ForeignAssociation');
    expect(reasonIn(simulation, 'staging')).toBeUndefined();
  });
});

describe('where an account uses Pod Identity', () => {
  it('the operator lists associations as often as roles', async () => {
    const simulation = await startSimulation();
    await create('a', { aws: { identityMode: 'PodIdentity' } })(simulation);
    await simulation.time.pass(60_000);
    const since = simulation.time.now();
    await simulation.time.pass(hourMs);
    expect(lookedAt(simulation, since)).toBe(hourMs / driftIntervalMs);
  });
});

describe('once a deleted ClusterConfig exists again', () => {
  it('the operator lists roles and associations again', async () => {
    const simulation = await startSimulation();
    await create('a', { aws: { identityMode: 'PodIdentity' } })(simulation);
    await simulation.time.pass(60_000);
    const { client } = simulation.server;
    await client.delete(clusterConfigs, { name: 'simulated' });
    // Drift passes are due in this time, but the operator lists nothing while the cluster is unknown.
    await simulation.time.pass(3 * driftIntervalMs);
    const config: ClusterConfig = {
      apiVersion: 'k11n.dev/v1alpha1',
      kind: 'ClusterConfig',
      metadata: { name: 'simulated' },
      spec: clusterSpec,
    };
    await client.create(clusterConfigs, config);
    const since = simulation.time.now();
    await simulation.time.pass(10 * driftIntervalMs);
    expect(lookedAt(simulation, since)).toBeGreaterThanOrEqual(9);
    const ofRoles = simulation.reads.filter(
      ({ what, at }) => at >= since && what.startsWith('iam GetAccountAuthorizationDetails'),
    );
    expect(ofRoles.length).toBeGreaterThanOrEqual(9);
  });
});
