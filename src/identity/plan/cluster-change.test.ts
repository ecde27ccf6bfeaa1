/** Plans for an account whose role belongs to a cluster other than the one that the ClusterConfig names now. */
import { describe, expect, it } from 'vitest';
import { abandonRolesAnnotation } from '../../api/index.ts';
import { findCondition } from '../../k8s/conditions.ts';
import { planAccount } from './account.ts';
import { kinds, name, ready, roleOf, settled } from '../testing/settled-world.ts';
import {
  createWorld,
  edit,
  facts,
  makePod,
  observe,
  requestDeletion,
  settle,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import type { ClusterFacts } from '../state/world.ts';

const otherRegion = 'arn:aws:eks:us-west-1:123456789012:cluster/main';
const otherName = 'arn:aws:eks:us-west-2:123456789012:cluster/renamed';

const changes: readonly (readonly [string, Partial<ClusterFacts>])[] = [
  ['region', { clusterArn: otherRegion }],
  ['clusterName', { clusterArn: otherName, name: 'renamed' }],
];

const inOtherAccount: Partial<ClusterFacts> = {
  accountId: '210987654321',
  clusterArn: 'arn:aws:eks:us-west-2:210987654321:cluster/main',
  providerArn: facts.providerArn.replace('123456789012', '210987654321'),
};

function annotate(world: SimulatedWorld, value: string): void {
  const { metadata } = world.account;
  world.account = {
    ...world.account,
    metadata: { ...metadata, annotations: { [abandonRolesAnnotation]: value } },
  };
}

/** Clears the cached roles, as a restart under the changed ClusterConfig does. */
function change(world: SimulatedWorld, to: Partial<ClusterFacts>): void {
  world.facts = { ...facts, ...to };
  world.cachedRoles.clear();
  world.lastSynced.clear();
}

const message = (world: SimulatedWorld): string =>
  findCondition(world.account.status?.conditions, 'Ready')?.message ?? '';

describe.each(changes)('under a ClusterConfig with another %s', (_field, to) => {
  it('the deletion of an account waits, and continues when the ClusterConfig is restored', () => {
    const world = settled();
    change(world, to);
    requestDeletion(world);
    settle(world);
    expect(new Set(kinds(world))).toEqual(new Set(['ReadRole']));
    expect(ready(world)).toBe('False ClusterChanged');
    expect(message(world)).toContain(facts.clusterArn);
    expect(world.gone).toBe(false);
    change(world, facts);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.roles.size).toBe(0);
  });

  it('the deletion of an account also waits for a role whose name does not depend on the cluster', () => {
    const world = createWorld({ aws: { policyArns: [], roleName: 'chosen' } });
    settle(world);
    change(world, to);
    requestDeletion(world);
    settle(world);
    expect(ready(world)).toBe('False ClusterChanged');
    expect(world.roles.has('chosen')).toBe(true);
  });

  it('the deletion of an account waits for consent or a revert, even if the account retains its role', () => {
    const world = createWorld({ deletionPolicy: 'Retain' });
    settle(world);
    const before = roleOf(world);
    change(world, to);
    requestDeletion(world);
    settle(world);
    expect(ready(world)).toBe('False ClusterChanged');
    expect(roleOf(world)).toEqual(before);
  });

  it('the deletion of an account leaves its role behind after consent', () => {
    const world = settled();
    change(world, to);
    annotate(world, facts.clusterArn);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect([...world.roles.keys()]).toEqual([name]);
    for (const { serviceAccount } of world.namespaces.values()) expect(serviceAccount).toBeUndefined();
  });

  it('an account keeps its role, gets no second role, and its pods keep their access', () => {
    const world = settled();
    makePod(world, 'production');
    settle(world);
    const before = roleOf(world);
    const links = [...world.namespaces.values()].map(({ serviceAccount }) => serviceAccount);
    change(world, to);
    world.journal.length = 0;
    edit(world, { targets: ['production'] });
    settle(world);
    expect(new Set(kinds(world))).toEqual(new Set(['ReadRole']));
    expect(ready(world)).toBe('False ClusterChanged');
    expect(world.account.status?.roleArn).toBe(before.arn);
    expect(roleOf(world)).toEqual(before);
    expect([...world.namespaces.values()].map(({ serviceAccount }) => serviceAccount)).toEqual(links);
  });

  it('an account gets a role of the new cluster after consent, and the earlier role remains unchanged', () => {
    const world = settled();
    const before = roleOf(world);
    change(world, to);
    annotate(world, `${before.arn}, elsewhere`);
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(world.roles.size).toBe(2);
    expect(roleOf(world)).toEqual(before);
  });

  it('an account whose role was deleted out of band gets another role', () => {
    const world = settled();
    world.roles.delete(name);
    change(world, to);
    settle(world);
    expect(ready(world)).toBe('True Ready');
  });
});

describe('under a ClusterConfig with another AWS account', () => {
  it("the deletion of an account waits, even though the account's role does not exist in that AWS account", () => {
    const world = settled();
    const [role] = world.roles.values();
    world.roles.clear();
    change(world, inOtherAccount);
    requestDeletion(world);
    settle(world);
    expect(ready(world)).toBe('False ClusterChanged');
    expect(message(world)).toContain(role?.arn);
    expect(message(world)).toContain(`${abandonRolesAnnotation}=123456789012`);
    annotate(world, '123456789012');
    settle(world);
    expect(world.gone).toBe(true);
  });
});

describe('a role reported by the status', () => {
  it('blocks the deletion while it cannot be read, until a person consents to leave it behind', () => {
    const world = settled();
    const { arn } = roleOf(world);
    change(world, { clusterArn: otherRegion });
    requestDeletion(world);
    world.failures.set(`ReadRole ${name}`, {
      code: 'AccessDenied',
      message: 'denied',
      at: world.now,
      attempts: 1,
      retryAt: world.now + 60_000,
    });
    settle(world);
    expect(ready(world)).toBe('False AccessDenied');
    expect(message(world)).toContain(`${abandonRolesAnnotation}=${arn}`);
    annotate(world, arn);
    settle(world);
    expect(world.gone).toBe(true);
  });

  it("blocks nothing if the status is forged and the account's own role belongs to this cluster", () => {
    const world = settled();
    const { status } = world.account;
    world.account = {
      ...world.account,
      status: { ...status, roleArn: 'arn:aws:iam::210987654321:role/konstellation/elsewhere' },
    };
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(world.account.status?.roleArn).toBe(roleOf(world).arn);
  });

  it('is not read while the account is in sync, and is read at most twice after a change of the cluster', () => {
    const world = settled();
    expect(planAccount(observe(world)).steps).toEqual([]);
    change(world, { clusterArn: otherRegion });
    settle(world);
    expect(kinds(world).filter((kind) => kind === 'ReadRole').length).toBeLessThanOrEqual(2);
  });
});
