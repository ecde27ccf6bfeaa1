import { describe, expect, it } from 'vitest';
import { accountFinalizer } from '../../api/index.ts';
import { after, type Wall } from '../../k8s/time.ts';
import { findCondition } from '../../k8s/conditions.ts';
import { planAccount } from './account.ts';
import { ownershipTags } from '../desired/ownership.ts';
import { kinds, name, ready, roleOf, settled } from '../testing/settled-world.ts';
import {
  createWorld,
  edit,
  facts,
  fullAccess,
  observe,
  requestDeletion,
  settle,
  resync,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';

const enforced = Date.parse('2026-01-01T12:00:00Z') as Wall;

/** World whose account was created `seconds` after the enforcement of the admission policies began. */
function created(seconds: number, world = createWorld()): SimulatedWorld {
  const creationTimestamp = new Date(enforced + seconds * 1000).toISOString();
  world.account = { ...world.account, metadata: { ...world.account.metadata, creationTimestamp } };
  world.admittedSince = enforced;
  return world;
}

describe('an account that is older than the admission policies', () => {
  it.each([
    ['created a day before', created(-86_400)],
    ['created in the same second', created(0)],
    ['created a second later, before every API server enforced the policies', created(1)],
  ])(
    'gets no resources if it was %s, and its status asks the user to create the account again',
    (_how, world) => {
      settle(world);
      expect(kinds(world)).toEqual([]);
      expect(ready(world)).toBe('False NotAdmitted');
      expect(findCondition(world.account.status?.conditions, 'Ready')?.message).toMatch(
        /kon account export myaccount > myaccount\.yaml; kon account delete myaccount; kon apply -f myaccount\.yaml$/,
      );
    },
  );

  it('gets no resources while the age of the account or of a policy is unknown', () => {
    const world = createWorld();
    world.admittedSince = enforced;
    settle(world);
    expect(ready(world)).toBe('False NotAdmitted');
  });

  it('gets no resources through an edit, a finalizer or a status that its author writes', () => {
    const world = created(-60);
    const { metadata } = world.account;
    world.account = {
      ...world.account,
      metadata: { ...metadata, finalizers: [accountFinalizer] },
      status: settled().account.status ?? {},
    };
    edit(world, { aws: { policyArns: [fullAccess] } });
    settle(world);
    expect(kinds(world).filter((kind) => kind !== 'ReadRole')).toEqual([]);
    expect(ready(world)).toBe('False NotAdmitted');
  });

  it('does not get the role of an earlier account with its name', () => {
    const owner = { ...facts, account: 'myaccount', uid: 'uid-0' };
    const world = created(-60);
    const role = { ...roleOf(settled()), tags: ownershipTags(owner) };
    world.roles.set(name, role);
    resync(world);
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(ready(world)).toBe('False NotAdmitted');
  });

  it('can be deleted, and no role is created for it', () => {
    const world = created(-60);
    world.account = {
      ...world.account,
      metadata: { ...world.account.metadata, finalizers: [accountFinalizer] },
    };
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.roles.size).toBe(0);
  });

  it('remains unchanged during its deletion while pods use its ServiceAccount', () => {
    const world = created(-60);
    world.account = {
      ...world.account,
      metadata: { ...world.account.metadata, finalizers: [accountFinalizer] },
    };
    world.namespaces.set('production', { state: 'present', users: ['pod'] });
    requestDeletion(world);
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(ready(world)).toBe('False InUse');
  });
});

describe('an account with a role of its own', () => {
  it('continues to be reconciled when the admission policies are installed, deleted or created again', () => {
    const world = created(-60, settled());
    for (const since of [enforced, Infinity as Wall, after(enforced, 86_400_000)]) {
      world.admittedSince = since;
      expect(planAccount(observe(world)).steps).toEqual([]);
    }
    edit(world, { aws: { policyArns: [fullAccess] } });
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(roleOf(world).attachedPolicyArns).toEqual([fullAccess]);
  });

  it('gets its role again after the role was deleted out of band', () => {
    const world = created(-60, settled());
    world.roles.clear();
    resync(world);
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(world.roles.has(name)).toBe(true);
  });
});

describe('a new account', () => {
  it('is reconciled if it is younger than the admission policies', () => {
    const world = created(2);
    settle(world);
    expect(ready(world)).toBe('True Ready');
  });

  it('gets no resources while an admission policy is missing', () => {
    const world = created(60);
    world.admittedSince = Infinity as Wall;
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(ready(world)).toBe('False NotAdmitted');
  });

  it('is reconciled if the operator requires no admission policies', () => {
    const world = created(-60);
    delete world.admittedSince;
    settle(world);
    expect(ready(world)).toBe('True Ready');
  });
});
