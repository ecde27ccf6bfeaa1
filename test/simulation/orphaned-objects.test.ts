/** Objects of an app that is deleted without its objects (`kubectl delete --cascade=orphan`) while watches miss the deletion. */
import { expect, it } from 'vitest';
import { apps } from '../../src/api/index.ts';
import { resources } from '../../src/kube/index.ts';
import { deploy } from './acts.ts';
import { startSimulation } from './simulation.ts';

const minute = 60_000;

it('the operator does not make a deleted app the owner of its former objects again', async () => {
  let isMissed = false;
  const simulation = await startSimulation({ faults: { misses: () => isMissed } });
  const { server, time, writes } = simulation;
  const deployment = () => server.get(resources.deployments, 'app', 'production');
  await deploy('app')(simulation);
  expect(await time.pass(minute, () => deployment() !== undefined)).toBe(true);
  await time.pass(minute);

  isMissed = true;
  await server.client.delete(apps, { name: 'app' });
  isMissed = false;
  // The garbage collector removes the owner references of the objects. The garbage collector deletes any object that
  // gets a reference to the deleted app again.
  const before = writes.length;
  await server.client.patch(
    resources.deployments,
    { namespace: 'production', name: 'app' },
    { metadata: { ownerReferences: null } },
    { type: 'merge' },
  );
  await time.pass(minute);
  expect(writes.slice(before).filter(({ what }) => what.includes('deployments'))).toEqual([]);
  expect(deployment()?.metadata.ownerReferences).toBeUndefined();
});
