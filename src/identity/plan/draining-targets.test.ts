import { expect, it } from 'vitest';
import type { Wall } from '../../k8s/time.ts';
import { edit, createWorld, observe, resync, settle } from '../testing/simulated-world.ts';
import { planAccount } from './account.ts';
import { drainingTargets } from './draining.ts';

it('a target counts as draining from the time at which TargetsLinked of its account stopped being True', () => {
  const world = createWorld();
  settle(world);
  resync(world);
  expect(drainingTargets([world.account])).toEqual([]);
  const roleArn = world.account.status?.roleArn ?? '';
  const staging = world.namespaces.get('staging');
  if (staging)
    staging.pods = [{ name: 'web-1', holds: { mode: 'IRSA', roleArn }, createdAt: world.now as Wall }];
  const since = (world.now += 60_000);
  edit(world, { targets: ['production'] });
  settle(world);
  world.now += 3_600_000;
  const account = { ...world.account, status: planAccount(observe(world)).status };
  expect(drainingTargets([account])).toEqual([{ account: 'myaccount', target: 'staging', since }]);
});
