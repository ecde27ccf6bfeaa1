import { describe, expect, it } from 'vitest';
import {
  IdentityError,
  type CreatedRole,
  type ObservedRole,
  type RoleSnapshot,
  type RoleWrite,
} from '../../identity/index.ts';
import { createRoleCache, type RoleCache } from './roles.ts';
import type { Monotonic } from '../../k8s/time.ts';

const cluster = 'arn:aws:eks:us-west-2:123456789012:cluster/main';
const policy = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const boundary = 'arn:aws:iam::123456789012:policy/boundary';

const roleOf = (name: string, change: Partial<ObservedRole> = {}): ObservedRole => ({
  name,
  arn: `arn:aws:iam::123456789012:role/konstellation/${name}`,
  id: 'AROA1',
  path: '/konstellation/',
  trustPolicy: '{}',
  attachedPolicyArns: [policy],
  inlinePolicyNames: [],
  maxSessionDuration: 3600,
  tags: {
    'k11n.dev/managed-by': 'konstellation',
    'k11n.dev/cluster': cluster,
    'k11n.dev/account': `of-${name}`,
    'k11n.dev/uid': 'uid-1',
  },
  ...change,
});

/** Role as a listing shows it. */
const listed = (name: string, change: Partial<ObservedRole> = {}): ObservedRole => {
  const { maxSessionDuration: _, ...role } = roleOf(name, change);
  return role;
};

const detach: RoleWrite = { kind: 'DetachPolicy', role: 'a', policyArn: policy, why: 'a test' };

const create = (name: string, tags = roleOf(name).tags): RoleWrite => {
  const { path, trustPolicy } = roleOf(name);
  const spec = { name, path, trustPolicy, tags, description: '', maxSessionDuration: 3600 };
  return { kind: 'CreateRole', role: name, spec };
};

const created = (name: string): CreatedRole => {
  const { arn, id } = roleOf(name);
  return { arn, id };
};

const unanswered = new IdentityError('Unreachable', 'no answer', { mayBeDone: true });

function setUp(): { cache: RoleCache; clock: { now: number }; list: typeof list } {
  const clock = { now: 1_000_000 };
  const cache = createRoleCache(() => clock.now as Monotonic);
  const list = (roles: readonly ObservedRole[], more: Partial<RoleSnapshot> = {}): readonly string[] =>
    cache.listed({ roles, startedAt: clock.now, ...more }, cluster);
  return { cache, clock, list };
}

describe('a listing', () => {
  it('returns only those accounts whose roles appear to have changed', () => {
    const { cache, list } = setUp();
    const before = ['a', 'b', 'c'].map((name) => listed(name));
    expect([...list(before)].sort()).toEqual(['of-a', 'of-b', 'of-c']);
    expect(list(before)).toEqual([]);
    expect(list([listed('a', { attachedPolicyArns: [] }), listed('b')])).toEqual(['of-a', 'of-c']);
    expect(cache.roleOf('c')).toBeUndefined();
  });

  it('is ignored for a role whose last write may be newer than the listing', () => {
    const { cache, clock, list } = setUp();
    list([listed('a'), listed('b')]);
    cache.applied(detach);
    cache.applied({ kind: 'DeleteRole', role: 'b' });
    clock.now += 14_000;
    expect(list([listed('a'), listed('b')])).toEqual([]);
    expect(cache.roleOf('a')?.attachedPolicyArns).toEqual([]);
    expect(cache.roleOf('b')).toBeUndefined();
    clock.now += 1_000;
    expect(list([listed('a'), listed('b')])).toEqual(['of-a', 'of-b']);
  });

  it('has the age of its first call, not of its last page', () => {
    const { cache, clock, list } = setUp();
    list([listed('a')]);
    const startedAt = clock.now + 100;
    clock.now += 30_000;
    cache.applied(detach);
    clock.now += 60_000;
    expect(list([listed('a')], { startedAt })).toEqual([]);
  });

  it('does not remove a role from the cache if the role was read after the first call of the listing', () => {
    const { cache, clock, list } = setUp();
    const startedAt = clock.now;
    clock.now += 1_000;
    // The account is reconciled after a listing that does not contain its role.
    cache.forAccount({ clusterArn: cluster, account: 'a', names: ['theirs'] });
    cache.read('theirs', roleOf('theirs', { tags: {} }), clock.now);
    clock.now += 1_000;
    expect(list([], { startedAt })).toEqual([]);
    expect(cache.roleOf('theirs')).toBeDefined();
    clock.now += 1_000;
    list([]);
    expect(cache.roleOf('theirs')).toBeUndefined();
  });

  it('keeps the cached maximum session duration, which listings omit', () => {
    const { cache, list } = setUp();
    cache.read('a', roleOf('a', { maxSessionDuration: 7200 }), 0);
    expect(list([listed('a')])).toEqual([]);
    expect(cache.roleOf('a')?.maxSessionDuration).toBe(7200);
  });

  it('keeps the cached document of an inline policy that it shows by name only, and reports a policy whose shown document has changed', () => {
    const { cache, clock, list } = setUp();
    const inline = { inlinePolicyNames: ['konstellation'] };
    cache.forAccount({ clusterArn: cluster, account: 'of-a', names: ['a'] });
    cache.read('a', roleOf('a', { ...inline, inlinePolicy: '{}' }), clock.now);
    clock.now += 60_000;
    expect(list([listed('a', inline)])).toEqual([]);
    expect(cache.roleOf('a')?.inlinePolicy).toBe('{}');
    expect(list([listed('a', { ...inline, inlinePolicy: '{"Version":"2012-10-17"}' })])).toEqual(['of-a']);
    expect(list([listed('a')])).toEqual(['of-a']);
    expect(cache.roleOf('a')?.inlinePolicy).toBeUndefined();
  });

  it('without a boundary on any role does not change the cached boundaries', () => {
    const { cache, list } = setUp();
    cache.read('a', roleOf('a', { permissionsBoundaryArn: boundary }), 0);
    expect(list([listed('a')], { withoutBoundaries: true })).toEqual([]);
    expect(cache.roleOf('a')?.permissionsBoundaryArn).toBe(boundary);
    // This listing shows a boundary on another role, which proves that the listing includes boundaries. The role "a"
    // thus has none.
    expect(list([listed('a')])).toEqual(['of-a']);
    expect(cache.roleOf('a')?.permissionsBoundaryArn).toBeUndefined();
  });

  it('adds a role of another owner to the cache only if an account uses the name of the role', () => {
    const { cache, list } = setUp();
    cache.forAccount({ clusterArn: cluster, account: 'of-taken', names: ['taken'] });
    cache.read('taken', undefined, 0);
    list([listed('foreign', { tags: {} }), listed('taken', { tags: {} })]);
    expect(cache.roleOf('foreign')).toBeUndefined();
    expect(cache.roleOf('taken')?.tags).toEqual({});
  });
});

describe('the last use of a role', () => {
  const usedOn = (date: string): Partial<ObservedRole> => ({
    lastUsed: { date, trackedSince: '2026-01-01' },
  });
  const lastUse = (cache: RoleCache): string | undefined => cache.roleOf('a')?.lastUsed?.date;

  it('enqueues the account exactly once when a listing shows a later day', () => {
    const { cache, list } = setUp();
    list([listed('a', usedOn('2026-11-27')), listed('b')]);
    expect(list([listed('a', usedOn('2026-11-28')), listed('b')])).toEqual(['of-a']);
    expect(list([listed('a', usedOn('2026-11-28')), listed('b')])).toEqual([]);
    expect(lastUse(cache)).toBe('2026-11-28');
  });

  it('is updated even from a listing that is too old for the other parts of the role, and the `source` of the cached role stays the same', () => {
    const { cache, list } = setUp();
    cache.read('a', roleOf('a', usedOn('2026-11-27')), 1_000_000);
    cache.applied(detach);
    expect(list([listed('a', usedOn('2026-11-28'))])).toEqual(['of-a']);
    expect(cache.roleOf('a')).toMatchObject({ attachedPolicyArns: [], ...usedOn('2026-11-28') });
    const found = cache.forAccount({ clusterArn: cluster, account: 'of-a', names: ['a'] });
    expect(found.get('a')?.source).toBe('write');
  });

  it('does not move back if IAM returns an earlier use', () => {
    const { cache, clock, list } = setUp();
    list([listed('a', usedOn('2026-11-28'))]);
    expect(list([listed('a', usedOn('2026-11-27'))])).toEqual([]);
    clock.now += 60_000;
    cache.read('a', roleOf('a', usedOn('2026-11-27')), clock.now);
    expect(lastUse(cache)).toBe('2026-11-28');
  });

  it('enqueues the account if a read shows a later day', () => {
    const { cache, clock } = setUp();
    cache.read('a', roleOf('a', usedOn('2026-11-27')), clock.now);
    expect(cache.read('a', roleOf('a', usedOn('2026-11-27')), clock.now)).toBe(false);
    expect(cache.read('a', roleOf('a', usedOn('2026-11-28')), clock.now)).toBe(true);
  });

  it('is not kept for a recreated role, whether we or others recreated it', () => {
    const { cache, clock, list } = setUp();
    list([listed('a', usedOn('2026-11-28'))]);
    clock.now += 60_000;
    expect(list([listed('a', { id: 'AROA2' })])).toEqual(['of-a']);
    expect(cache.roleOf('a')?.lastUsed).toBeUndefined();
    cache.applied({ kind: 'DeleteRole', role: 'a' });
    const lastUsed = { trackedSince: '2026-11-29' };
    cache.applied(create('a'), { ...created('a'), id: 'AROA3', lastUsed });
    // The listing may be older than the creation of the new role.
    list([listed('a', usedOn('2026-11-28'))]);
    expect(cache.roleOf('a')?.lastUsed).toEqual(lastUsed);
  });
});

describe('a direct read', () => {
  it('changes the cached role if any part differs, including the parts that listings omit', () => {
    const { cache } = setUp();
    expect(cache.read('a', roleOf('a'), 0)).toBe(true);
    expect(cache.read('a', roleOf('a'), 1)).toBe(false);
    expect(cache.read('a', roleOf('a', { maxSessionDuration: 7200 }), 2)).toBe(true);
    expect(cache.read('a', undefined, 3)).toBe(true);
    expect(cache.read('a', undefined, 4)).toBe(false);
  });

  it('is ignored if its result may be older than our last write', () => {
    const { cache, clock } = setUp();
    cache.read('a', roleOf('a'), clock.now);
    cache.applied(detach);
    clock.now += 10_000;
    expect(cache.read('a', roleOf('a'), clock.now)).toBe(false);
    expect(cache.roleOf('a')?.attachedPolicyArns).toEqual([]);
    clock.now += 10_000;
    expect(cache.read('a', roleOf('a'), clock.now)).toBe(true);
    expect(cache.roleOf('a')?.attachedPolicyArns).toEqual([policy]);
  });
});

describe('a write that finds no role', () => {
  it('marks the role as deleted, unless our last write is so recent that IAM may not show the role everywhere yet', () => {
    const { cache, clock } = setUp();
    cache.applied(create('a'), created('a'));
    cache.failed(detach, new IdentityError('RoleNotFound', 'no'));
    expect(cache.roleOf('a')).toBeDefined();
    clock.now += 20_000;
    cache.failed(detach, new IdentityError('RoleNotFound', 'no'));
    expect(cache.roleOf('a')).toBeUndefined();
  });
});

describe('the absence of a role', () => {
  const cached = (cache: RoleCache): unknown =>
    cache.forAccount({ clusterArn: cluster, account: 'of-a', names: ['a'] }).get('a');

  it('is checked by another read shortly after this operator became leader, since the previous leader may have just created the role', () => {
    const { cache, clock } = setUp();
    clock.now += 100_000;
    cache.clear();
    clock.now += 1_000;
    cache.read('a', undefined, clock.now);
    expect(cached(cache)).toMatchObject({ role: null, readAgainAt: clock.now + 14_000 });
    clock.now += 14_000;
    cache.read('a', undefined, clock.now);
    expect(cached(cache)).toMatchObject({ role: null });
    expect(cached(cache)).not.toHaveProperty('readAgainAt');
  });

  it('is confirmed by another read if the creation of the role got no response', () => {
    const { cache, clock } = setUp();
    clock.now += 100_000;
    cache.failed(create('a', {}), unanswered);
    expect(cached(cache)).toBeUndefined();
    clock.now += 5_000;
    cache.read('a', undefined, clock.now);
    expect(cached(cache)).toMatchObject({ role: null, readAgainAt: clock.now + 10_000 });
    clock.now += 10_000;
    cache.read('a', undefined, clock.now);
    expect(cached(cache)).not.toHaveProperty('readAgainAt');
  });

  it('is accepted without another read if this operator has led for some time', () => {
    const { cache, clock } = setUp();
    clock.now += 15_000;
    cache.read('a', undefined, clock.now);
    expect(cached(cache)).not.toHaveProperty('readAgainAt');
  });
});

describe('the roles of the cluster', () => {
  it('are returned in the order of their last complete read, oldest first', () => {
    const { cache, clock, list } = setUp();
    list([listed('c'), listed('foreign', { tags: {} })]);
    cache.read('a', roleOf('a'), 500);
    cache.applied(create('b'), created('b'));
    expect(cache.owned(cluster)).toEqual(['c', 'a', 'b']);
    cache.read('c', roleOf('c'), clock.now + 1);
    expect(cache.owned(cluster)).toEqual(['a', 'b', 'c']);
    expect(cache.owned('arn:aws:eks:us-west-2:123456789012:cluster/other')).toEqual([]);
  });

  it('are found by account, even after a role was transferred to another account', () => {
    const { cache } = setUp();
    cache.read('a', roleOf('a'), 0);
    const of = (account: string): string[] => [
      ...cache.forAccount({ clusterArn: cluster, account, names: [] }).keys(),
    ];
    expect(of('of-a')).toEqual(['a']);
    cache.read('a', roleOf('a', { tags: { ...roleOf('a').tags, 'k11n.dev/account': 'other' } }), 1);
    expect([of('of-a'), of('other')]).toEqual([[], ['a']]);
    cache.failed({ kind: 'DeleteRole', role: 'a' }, unanswered);
    expect(of('other')).toEqual([]);
  });
});

describe('a role that may or may not exist', () => {
  const { tags } = roleOf('a');
  const seen = (cache: RoleCache, isLast: boolean) =>
    cache.forAccount({ clusterArn: cluster, account: 'of-a', names: [], isLast }).get('a');
  const unsure = { role: null, source: 'list' };

  it('is read when its account is deleted, if an earlier deletion of the role got no response', () => {
    const { cache, clock } = setUp();
    cache.read('a', roleOf('a'), clock.now);
    cache.failed({ kind: 'DeleteRole', role: 'a' }, unanswered);
    expect([seen(cache, false), seen(cache, true)]).toEqual([undefined, unsure]);
    cache.read('a', undefined, clock.now + 60_000);
    expect(seen(cache, true)).toBeUndefined();
  });

  it('is read again after a creation without a response, until enough time has passed for IAM to show an existing role', () => {
    const { cache, clock } = setUp();
    clock.now += 60_000;
    cache.failed(create('a', tags), unanswered);
    expect([seen(cache, false), seen(cache, true)]).toEqual([undefined, unsure]);
    cache.read('a', undefined, clock.now + 1_000);
    expect(seen(cache, true)).toMatchObject({ role: null, readAgainAt: clock.now + 15_000 });
    cache.read('a', roleOf('a'), clock.now + 15_000);
    expect(seen(cache, true)?.role?.name).toBe('a');
  });

  it('does not affect an account of the same name that is created later', () => {
    const { cache, clock } = setUp();
    cache.read('a', roleOf('a'), clock.now);
    cache.failed({ kind: 'DeleteRole', role: 'a' }, unanswered);
    cache.accountDeleted('of-a');
    expect(seen(cache, true)).toBeUndefined();
  });
});

describe('a write without a response', () => {
  it('is followed by a read as soon as the result of the read cannot be older than the write', () => {
    const { cache, clock } = setUp();
    const cached = (): unknown =>
      cache.forAccount({ clusterArn: cluster, account: 'of-a', names: ['a'] }).get('a');
    cache.read('a', roleOf('a'), clock.now);
    cache.failed(detach, unanswered);
    expect(cached()).toMatchObject({ readAgainAt: clock.now + 15_000 });

    clock.now += 10_000;
    cache.applied({ kind: 'UpdateTrustPolicy', role: 'a', trustPolicy: '{"a":1}' });
    clock.now += 5_000;
    // This read follows the update so closely that the result may be older than the update.
    cache.read('a', roleOf('a', { attachedPolicyArns: [] }), clock.now);
    expect(cached()).toMatchObject({
      readAgainAt: clock.now + 10_000,
      role: { attachedPolicyArns: [policy] },
    });

    clock.now += 10_000;
    cache.read('a', roleOf('a', { attachedPolicyArns: [] }), clock.now);
    expect(cached()).toMatchObject({ source: 'write', role: { attachedPolicyArns: [] } });
    expect(cached()).not.toHaveProperty('readAgainAt');
  });

  it('keeps its unknown outcome after a read that may be older than the write', () => {
    const { cache, clock, list } = setUp();
    cache.read('a', roleOf('a'), clock.now);
    cache.failed(detach, unanswered);
    clock.now += 14_999;
    const older = roleOf('a', { attachedPolicyArns: [] });
    expect([cache.read('a', older, clock.now), list([listed('a', older)])]).toEqual([false, []]);
    const found = cache.forAccount({ clusterArn: cluster, account: 'of-a', names: [] }).get('a');
    expect(found).toMatchObject({ readAgainAt: clock.now + 1, role: { attachedPolicyArns: [policy] } });
  });
});

describe('the trust policy of a cached role', () => {
  const narrow: RoleWrite = { kind: 'UpdateTrustPolicy', role: 'a', trustPolicy: '{"a":1}' };
  const attach: RoleWrite = { kind: 'AttachPolicy', role: 'a', policyArn: boundary };
  const isOwn = (cache: RoleCache): boolean => {
    const role = cache.forAccount({ clusterArn: cluster, account: 'of-a', names: ['a'] }).get('a');
    return role?.source === 'write' && role.hasOwnTrust === true;
  };

  it('counts as our own after we wrote the trust policy, and after further writes to the role', () => {
    const { cache, clock } = setUp();
    cache.read('a', roleOf('a'), clock.now);
    cache.applied(narrow);
    cache.applied(attach);
    expect(isOwn(cache)).toBe(true);
  });

  it('does not count as our own if we only wrote another part of the role', () => {
    const { cache, clock } = setUp();
    cache.read('a', roleOf('a'), clock.now);
    cache.applied(attach);
    expect(isOwn(cache)).toBe(false);
  });

  it.each(['read', 'list'] as const)(
    'does not count as our own after a %s has shown another trust policy',
    (source) => {
      const { cache, clock, list } = setUp();
      cache.read('a', roleOf('a'), clock.now);
      cache.applied(narrow);
      clock.now += 60_000;
      const changed = roleOf('a', { trustPolicy: '{"by":"others"}' });
      if (source === 'read') cache.read('a', changed, clock.now);
      else list([changed]);
      cache.applied(attach);
      expect(isOwn(cache)).toBe(false);
    },
  );

  it('does not count as our own if our write got no response and a read then shows another trust policy', () => {
    const { cache, clock } = setUp();
    cache.read('a', roleOf('a'), clock.now);
    cache.applied(narrow);
    cache.failed(attach, unanswered);
    clock.now += 60_000;
    cache.read('a', roleOf('a', { trustPolicy: '{"by":"others"}' }), clock.now);
    expect(isOwn(cache)).toBe(false);
  });
});

describe('the cached state for a deleted account', () => {
  const look = (cache: RoleCache, account: string, name = 'a'): unknown =>
    cache.forAccount({ clusterArn: cluster, account, names: [name] }).get(name);

  it('is kept while an AWS response can still be older than the last write, and is dropped afterwards', () => {
    const { cache, clock, list } = setUp();
    look(cache, 'of-a');
    cache.applied(create('a'), created('a'));
    cache.applied({ kind: 'DeleteRole', role: 'a' });
    cache.accountDeleted('of-a');
    expect([...cache.concernedBy('a')]).toEqual([]);
    clock.now += 60_000;
    // The listing began before the role was deleted.
    expect(list([listed('a')], { startedAt: clock.now - 61_000 })).toEqual([]);
    expect(cache.owned(cluster)).toEqual([]);
    clock.now += 600_000;
    list([]);
    expect(look(cache, 'later')).toBeUndefined();
  });

  it('is dropped when the next account is deleted, if no listing runs before that', () => {
    const { cache, clock } = setUp();
    for (const account of ['one', 'two']) {
      look(cache, account, account);
      cache.failed(create(account, {}), unanswered);
      cache.read(account, undefined, clock.now);
    }
    cache.accountDeleted('one');
    clock.now += 600_000;
    cache.accountDeleted('two');
    expect([look(cache, 'later', 'one'), look(cache, 'later', 'two')]).toEqual([undefined, undefined]);
  });

  it('is kept while another account uses the role name, and when the deleted account is created again', () => {
    const { cache, clock, list } = setUp();
    for (const account of ['one', 'two']) look(cache, account);
    cache.applied(create('a', {}), created('a'));
    cache.accountDeleted('one');
    list([listed('a', { tags: {} })]);
    expect([...cache.concernedBy('a')]).toEqual(['two']);
    expect(cache.roleOf('a')).toBeDefined();
    cache.accountDeleted('two');
    look(cache, 'two');
    clock.now += 600_000;
    expect(list([])).toEqual(['two']);
  });

  it('is kept while a role with our ownership tags exists', () => {
    const { cache, list } = setUp();
    look(cache, 'of-a');
    list([listed('a')]);
    cache.accountDeleted('of-a');
    list([listed('a')]);
    expect(cache.owned(cluster)).toEqual(['a']);
  });
});
