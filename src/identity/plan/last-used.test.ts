import { describe, expect, it } from 'vitest';
import type { LinkedServiceAccountStatus } from '../../api/index.ts';
import {
  createWorld,
  edit,
  observe,
  requestDeletion,
  resync,
  settle,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import type { ObservedRole, RoleUse } from '../state/world.ts';
import { planAccount } from './account.ts';

/** World whose account is in sync and whose role has the given last use. */
function inSync(lastUsed: RoleUse | undefined): SimulatedWorld {
  const world = createWorld();
  settle(world);
  use(world, lastUsed);
  return world;
}

/** Sets the same last use for every role of the world, and lets the operator list the roles. */
function use(world: SimulatedWorld, lastUsed: RoleUse | undefined): void {
  for (const [name, { lastUsed: _, ...role }] of world.roles)
    world.roles.set(name, { ...role, ...(lastUsed ? { lastUsed } : {}) });
  resync(world);
}

const statusOf = (world: SimulatedWorld): LinkedServiceAccountStatus => {
  settle(world);
  return world.account.status ?? {};
};
const november = { date: '2026-11-28', trackedSince: '2026-01-01' };

describe('the status of an account', () => {
  it('contains the last use of its role, and a new use changes nothing else', () => {
    const world = inSync(november);
    const { lastUsed, ...others } = statusOf(world);
    expect(lastUsed).toEqual(november);
    use(world, { ...november, date: '2026-11-29' });
    expect(planAccount(observe(world)).steps).toEqual([]);
    expect(statusOf(world)).toEqual({ ...others, lastUsed: { ...november, date: '2026-11-29' } });
  });

  it('contains no last use while the use of the role is unknown, whatever an earlier status reported', () => {
    const world = inSync(undefined);
    world.account = { ...world.account, status: { ...world.account.status, lastUsed: november } };
    expect(statusOf(world).lastUsed).toBeUndefined();
  });

  it('contains no last use if the role with the wanted name is foreign', () => {
    const world = createWorld({ aws: { policyArns: [], roleName: 'theirs' } });
    const theirs: ObservedRole = {
      name: 'theirs',
      arn: 'arn:aws:iam::123456789012:role/theirs',
      id: 'AROATHEIRS',
      path: '/',
      trustPolicy: '{}',
      attachedPolicyArns: [],
      inlinePolicyNames: [],
      tags: {},
      lastUsed: november,
    };
    world.roles.set(theirs.name, theirs);
    resync(world);
    expect(statusOf(world).conditions?.[0]?.reason).toBe('RoleNotOwned');
    expect(statusOf(world).lastUsed).toBeUndefined();
  });

  it('contains no last use while the operator has not read a role that the status names', () => {
    const world = inSync(november);
    statusOf(world);
    for (const name of world.cachedRoles.keys()) world.cachedRoles.set(name, { role: null, source: 'list' });
    expect(planAccount(observe(world)).status.lastUsed).toBeUndefined();
  });

  it('contains no last use while the ClusterConfig is not usable', () => {
    const world = inSync(november);
    statusOf(world);
    const cluster = { ok: false, reason: 'x', message: 'x' } as const;
    const { status } = planAccount({ ...observe(world), cluster, roles: new Map() });
    expect(status.lastUsed).toBeUndefined();
    expect(status.roleArn).toBeDefined();
  });

  it('still contains the last use while the account is in quarantine, for the security responder', () => {
    const world = inSync(november);
    world.quarantines = [{ name: 'q', since: '2026-11-29T00:00:00Z' }];
    expect(statusOf(world).lastUsed).toEqual(november);
    use(world, { ...november, date: '2026-11-29' });
    expect(statusOf(world).lastUsed?.date).toBe('2026-11-29');
  });

  it('contains the last use while an edit is blocked, and while the deletion waits for pods', () => {
    const world = inSync(november);
    edit(world, { aws: { policyArns: [], ofLaterVersion: 'x' } as never });
    expect(statusOf(world).conditions?.[0]?.reason).toBe('SpecNewerThanOperator');
    expect(statusOf(world).lastUsed).toEqual(november);
    edit(world, { aws: { policyArns: [] } });
    world.namespaces.get('production')?.users.push('pod-1');
    requestDeletion(world);
    expect(statusOf(world).lastUsed).toEqual(november);
  });
});
