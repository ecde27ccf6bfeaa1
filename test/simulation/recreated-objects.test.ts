/**
 * Objects that are deleted and recreated with the same name while watches lag: no recreated object gets the status of
 * its predecessor.
 */
import { expect, it } from 'vitest';
import { clusterConfigs, type ClusterConfig } from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import { accountId } from './simulated-aws.ts';
import { clusterSpec, startSimulation, type Simulation } from './simulation.ts';

const minute = 60_000;
const elsewhere = { accessKeyId: 'ASIAELSEWHERE', accountId: '999999999999' };

const configOf = ({ server }: Simulation): ClusterConfig =>
  server.get(clusterConfigs, 'simulated') as ClusterConfig;
const reasonOf = (simulation: Simulation): string | undefined =>
  findCondition(configOf(simulation).status?.conditions, 'Ready')?.reason;

it('a recreated ClusterConfig does not get the status of its predecessor', async () => {
  let lagMs = 0;
  const simulation = await startSimulation({ faults: { lagMs: () => lagMs } });
  const { aws, server, time } = simulation;
  // The generation distinguishes the two statuses: this ClusterConfig has generation 2, and its successor has
  // generation 1.
  const spec = { ...clusterSpec, aws: { ...clusterSpec.aws, accountId } };
  await server.client.patch(clusterConfigs, { name: 'simulated' }, { spec }, { type: 'merge' });
  expect(await time.pass(minute, () => configOf(simulation).status?.observedGeneration === 2)).toBe(true);
  const { apiVersion, kind, metadata } = configOf(simulation);

  const before = { writes: simulation.writes.length, effects: simulation.effects.length };
  lagMs = 5 * minute;
  await server.client.delete(clusterConfigs, metadata);
  await server.client.create(clusterConfigs, { apiVersion, kind, metadata: { name: 'simulated' }, spec });
  // The drift pass detects credentials of the wrong AWS account. Because of the lag, the operator then tries to write
  // this result to the status of the deleted ClusterConfig.
  aws.credentials = elsewhere;
  expect(await time.pass(2 * lagMs, () => reasonOf(simulation) === 'WrongAccount')).toBe(true);
  expect(configOf(simulation).status?.observedGeneration).toBe(1);
  const isStatus = ({ what }: { readonly what: string }): boolean => /clusterconfigs.*status/i.test(what);
  expect(simulation.writes.slice(before.writes).filter(isStatus).length).toBeGreaterThan(
    simulation.effects.slice(before.effects).filter(isStatus).length,
  );
});
