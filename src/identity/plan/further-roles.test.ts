/** What the planner does when one trust policy is too small for an account: further roles, and what becomes of them. */
import { describe, expect, it } from 'vitest';
import { nameOf, ready, theirs } from '../testing/settled-world.ts';
import {
  createWorld,
  edit,
  facts,
  readOnly,
  requestDeletion,
  settle,
  resync,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import { subjectOf, trustPolicy } from '../desired/trust.ts';

/** There is room for one target in a trust policy. */
const trustPolicySize = trustPolicy({ ...facts, subjects: [subjectOf('production', 'myaccount')] }).length;
const narrowFacts = { ...facts, quotas: { ...facts.quotas, trustPolicySize } };

function adopting(): SimulatedWorld {
  const world = createWorld({ aws: { policyArns: [readOnly], roleName: theirs.name, adopt: true } });
  world.facts = narrowFacts;
  world.roles.set(theirs.name, theirs);
  return world;
}

describe('beside a role that was taken over', () => {
  it('further roles are made', () => {
    const world = adopting();
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect([...world.roles.keys()].sort()).toEqual([nameOf(2), theirs.name].sort());
  });

  it('further roles go with the account, and only the one that was there before stays', () => {
    const world = adopting();
    settle(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect([...world.roles.values()].map(({ id, tags }) => ({ id, tags }))).toEqual([
      { id: theirs.id, tags: { team: 'payments' } },
    ]);
  });

  it('further roles stay with Retain, each tagged as retained', () => {
    const world = adopting();
    edit(world, { deletionPolicy: 'Retain' });
    settle(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    const retained = {
      'k11n.dev/retained': world.facts.clusterArn,
      'k11n.dev/account': world.account.metadata.name,
    };
    expect([...world.roles.values()].map(({ tags }) => tags)).toEqual([
      { team: 'payments', ...retained, 'k11n.dev/adopted': 'true' },
      retained,
    ]);
  });
});

describe('a role that was taken over and is not needed any more', () => {
  it('is given back, not deleted', () => {
    const world = adopting();
    settle(world);
    // Somebody took the finalizer off; the account is made anew, with a role of its own.
    world.account = {
      ...createWorld().account,
      metadata: { name: 'myaccount', uid: 'uid-2', generation: 1 },
    };
    settle(world);
    resync(world);
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(world.roles.get(theirs.name)?.id).toBe(theirs.id);
    expect(world.roles.get(theirs.name)?.tags).toEqual({ team: 'payments' });
  });
});

it('a further role of which nobody heard goes with the account', () => {
  const world = createWorld();
  world.facts = narrowFacts;
  settle(world);
  expect([...world.roles.keys()]).toEqual([nameOf(1), nameOf(2)]);
  // It was made right before a crash: no status tells of it, and the listing after the start comes too early.
  const { status: _, ...account } = world.account;
  world.account = account;
  world.cachedRoles.delete(nameOf(2));
  for (const [target, namespace] of world.namespaces) {
    const { serviceAccount: __, ...rest } = namespace;
    world.namespaces.set(target, rest);
  }
  requestDeletion(world);
  settle(world);
  expect(world.gone).toBe(true);
  expect([...world.roles.keys()]).toEqual([]);
});

it('an account that chose the name of one of its own further roles has two roles, not two wills for one', () => {
  const world = createWorld({ aws: { policyArns: [readOnly], roleName: nameOf(2) } });
  world.facts = narrowFacts;
  settle(world);
  expect(ready(world)).toBe('True Ready');
  expect([...world.roles.keys()].sort()).toEqual([nameOf(1), nameOf(2)]);
  world.journal.length = 0;
  settle(world);
  expect(world.journal).toEqual([]);
  requestDeletion(world);
  settle(world);
  expect(world.roles.size).toBe(0);
});
