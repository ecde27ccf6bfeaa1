/** When the planner asks for proofs, and what it makes of them. */
import { describe, expect, it } from 'vitest';
import { planAccount } from './plan.ts';
import { kinds, name, ready, roleOf, settled } from './testing/settled-world.ts';
import { createWorld, observe, settle, waitFor } from './testing/simulated-world.ts';

describe('proofs', () => {
  it('tell a role that is not known everywhere yet from one that refuses', () => {
    const world = createWorld();
    settle(world, { passes: 40 });
    const before = roleOf(world);
    world.roles.set(name, { ...before, trustPolicy: '{"Version":"2012-10-17","Statement":[]}' });
    world.proofs.clear();
    const { status: _, ...account } = world.account;
    world.account = account;
    settle(world);
    expect(ready(world)).toBe('False WaitingForPropagation');
    world.now += 120_000;
    settle(world);
    expect(ready(world)).toBe('False AssumeRoleDenied');
  });

  it('survive a restart of the operator by way of the status', () => {
    const world = settled();
    world.proofs.clear();
    settle(world);
    expect(kinds(world)).toEqual([]);
  });

  it('are repeated at a slow pace', () => {
    const world = settled();
    const plan = planAccount(observe(world));
    waitFor(world, plan);
    settle(world);
    expect(kinds(world)).toEqual(['ProveIdentity', 'ProveIdentity']);
  });

  it('are repeated also when they were given before the operator was restarted', () => {
    const world = settled();
    world.proofs.clear();
    world.proofsSince = world.now;
    // Whatever else brings the account up meanwhile puts nothing off.
    for (let pass = 0; pass < 2; pass += 1) {
      world.now += 6 * 60_000;
      settle(world);
    }
    expect(kinds(world)).toEqual(['ProveIdentity', 'ProveIdentity']);
  });
});
