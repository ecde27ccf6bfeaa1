/**
 * A ClusterConfig from before namespaces were reserved lists a namespace that is reserved now. This target affects one
 * status row of each account and app, and nothing else.
 */
import { expect, it } from 'vitest';
import {
  apps,
  clusterConfigs,
  linkedServiceAccounts,
  type App,
  type ClusterConfig,
  type LinkedServiceAccount,
} from '../../src/api/index.ts';
import { findCondition } from '../../src/k8s/conditions.ts';
import { clusterTargets, create, deploy } from './acts.ts';
import { startSimulation } from './simulation.ts';

it('a reserved target of ten accounts and an app affects only its own row in each status, and causes no request and no write', async () => {
  const simulation = await startSimulation();
  const { server, time, writes, reads } = simulation;
  await time.pass(60_000);
  await clusterTargets('kube-system', 'production', 'new', 'staging')(simulation);
  const names = Array.from({ length: 10 }, (_, index) => `account-${index}`);
  for (const name of names) await create(name)(simulation);
  await deploy('app', {
    serviceAccount: 'account-0',
    targets: ['kube-system', 'production'].map((name) => ({ name, deployMode: 'latest' })),
  })(simulation);
  const isServed = (): boolean =>
    names.every((name) => {
      const account = server.get(linkedServiceAccounts, name) as unknown as LinkedServiceAccount | undefined;
      return account?.status?.targets?.filter(({ proven }) => proven).length === 3;
    });
  expect(await time.pass(60_000, isServed)).toBe(true);
  await time.pass(5_000);
  for (const name of names) {
    const { status } = await server.client.get<LinkedServiceAccount>(linkedServiceAccounts, { name });
    expect(status?.targets?.map((row) => [row.name, row.proven, row.reason])).toEqual([
      ['kube-system', false, 'TargetReserved'],
      ['new', true, undefined],
      ['production', true, undefined],
      ['staging', true, undefined],
    ]);
    expect(findCondition(status?.conditions, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'TargetReserved',
    });
    expect(findCondition(status?.conditions, 'PoliciesAttached')?.status).toBe('True');
  }
  const app = await server.client.get<App>(apps, { name: 'app' });
  expect(app.status?.targets?.map((row) => [row.name, row.state, row.reason])).toEqual([
    ['kube-system', 'Failed', 'TargetReserved'],
    ['production', 'Ready', 'Available'],
  ]);
  const config = await server.client.get<ClusterConfig>(clusterConfigs, { name: 'simulated' });
  expect(findCondition(config.status?.conditions, 'Ready')).toMatchObject({
    status: 'True',
    message: expect.stringContaining('"kube-system" is reserved and cannot be a target') as string,
  });
  expect([...writes, ...reads].filter(({ what }) => what.includes('kube-system'))).toEqual([]);
});
