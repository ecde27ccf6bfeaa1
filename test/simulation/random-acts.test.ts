import { expect, it } from 'vitest';
import { apps, clusterConfigs, linkedServiceAccounts } from '../../src/api/index.ts';
import { clusterTargets, create, deploy, queue, redeploy, remove, wait } from './acts.ts';
import { applyAccountInTurn } from './random-acts.ts';
import { startSimulation, targets } from './simulation.ts';

it('applyAccountInTurn applies an account although pods outside the targets block the deletion of the account’s predecessor', async () => {
  const simulation = await startSimulation();
  const { server } = simulation;
  const spec = { targets: targets.map((name) => ({ name, deployMode: 'latest' as const })) };
  await create('a')(simulation);
  await deploy('app', { ...spec, serviceAccount: 'a' })(simulation);
  await wait(60_000)(simulation);
  await clusterTargets('production')(simulation);
  await remove('a')(simulation);
  await redeploy('app', spec)(simulation);
  await wait(600_000)(simulation);
  expect(server.get(linkedServiceAccounts, 'a')?.metadata.deletionTimestamp).toBeDefined();
  const before = server.get(apps, 'app')?.spec;

  await applyAccountInTurn('a', { aws: { policyArns: [queue] } })(simulation);

  const account = server.get(linkedServiceAccounts, 'a');
  expect(account?.metadata.deletionTimestamp).toBeUndefined();
  expect(account?.spec).toMatchObject({ aws: { policyArns: [queue] } });
  expect(server.get(apps, 'app')?.spec).toEqual(before);
  expect(server.get(clusterConfigs, 'simulated')?.spec).toMatchObject({ targets: ['production'] });
});
