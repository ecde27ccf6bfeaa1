import { describe, expect, it } from 'vitest';
import type { ObservedRole, RoleSnapshot } from '../../identity/index.ts';
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

/** As a listing tells of it. */
const listed = (name: string, change: Partial<ObservedRole> = {}): ObservedRole => {
  const { maxSessionDuration: _, ...role } = roleOf(name, change);
  return role;
};

function setUp(): { beliefs: RoleCache; clock: { now: number }; list: typeof list } {
  const clock = { now: 1_000_000 };
  const beliefs = createRoleCache(() => clock.now as Monotonic);
  const list = (roles: readonly ObservedRole[], more: Partial<RoleSnapshot> = {}): readonly string[] =>
    beliefs.learn({ roles, startedAt: clock.now, ...more }, cluster);
  return { beliefs, clock, list };
}

describe('a listing', () => {
  it('tells which accounts have roles that seem changed, and of nothing else', () => {
    const { beliefs, list } = setUp();
    const before = ['a', 'b', 'c'].map((name) => listed(name));
    expect([...list(before)].sort()).toEqual(['of-a', 'of-b', 'of-c']);
    expect(list(before)).toEqual([]);
    expect(list([listed('a', { attachedPolicyArns: [] }), listed('b')])).toEqual(['of-a', 'of-c']);
    expect(beliefs.roleOf('c')).toBeUndefined();
  });

  it('says nothing of a role that we wrote so shortly before that it may be older', () => {
    const { beliefs, clock, list } = setUp();
    list([listed('a'), listed('b')]);
    beliefs.wrote('a', (role) => role && { ...role, attachedPolicyArns: [] }, 'other');
    beliefs.wrote('b', () => null, 'other');
    clock.now += 14_000;
    expect(list([listed('a'), listed('b')])).toEqual([]);
    expect(beliefs.roleOf('a')?.attachedPolicyArns).toEqual([]);
    expect(beliefs.roleOf('b')).toBeUndefined();
    clock.now += 1_000;
    expect(list([listed('a'), listed('b')])).toEqual(['of-a', 'of-b']);
  });

  it('counts by when it was begun, not by when its last page came', () => {
    const { beliefs, clock, list } = setUp();
    list([listed('a')]);
    const startedAt = clock.now + 100;
    clock.now += 30_000;
    beliefs.wrote('a', (role) => role && { ...role, attachedPolicyArns: [] }, 'other');
    clock.now += 60_000;
    expect(list([listed('a')], { startedAt })).toEqual([]);
  });

  it('leaves the length of sessions as it was known', () => {
    const { beliefs, list } = setUp();
    beliefs.read('a', roleOf('a', { maxSessionDuration: 7200 }), 0);
    expect(list([listed('a')])).toEqual([]);
    expect(beliefs.roleOf('a')?.maxSessionDuration).toBe(7200);
  });

  it('that shows no boundary on any role says nothing about boundaries', () => {
    const { beliefs, list } = setUp();
    beliefs.read('a', roleOf('a', { permissionsBoundaryArn: boundary }), 0);
    expect(list([listed('a')], { withoutBoundaries: true })).toEqual([]);
    expect(beliefs.roleOf('a')?.permissionsBoundaryArn).toBe(boundary);
    // This one shows the boundary of some other role, so ours has none.
    expect(list([listed('a')])).toEqual(['of-a']);
    expect(beliefs.roleOf('a')?.permissionsBoundaryArn).toBeUndefined();
  });

  it('is not asked about roles of others, but for names that we looked at', () => {
    const { beliefs, list } = setUp();
    beliefs.forAccount({ clusterArn: cluster, account: 'of-taken', names: ['taken'] });
    beliefs.read('taken', undefined, 0);
    list([listed('foreign', { tags: {} }), listed('taken', { tags: {} })]);
    expect(beliefs.roleOf('foreign')).toBeUndefined();
    expect(beliefs.roleOf('taken')?.tags).toEqual({});
  });
});

describe('a direct read', () => {
  it('is news when it differs in anything, also in what a listing leaves out', () => {
    const { beliefs } = setUp();
    expect(beliefs.read('a', roleOf('a'), 0)).toBe(true);
    expect(beliefs.read('a', roleOf('a'), 1)).toBe(false);
    expect(beliefs.read('a', roleOf('a', { maxSessionDuration: 7200 }), 2)).toBe(true);
    expect(beliefs.read('a', undefined, 3)).toBe(true);
    expect(beliefs.read('a', undefined, 4)).toBe(false);
  });

  it('that may be older than our last write does not undo it', () => {
    const { beliefs, clock } = setUp();
    beliefs.read('a', roleOf('a'), clock.now);
    beliefs.wrote('a', (role) => role && { ...role, attachedPolicyArns: [] }, 'other');
    clock.now += 10_000;
    expect(beliefs.read('a', roleOf('a'), clock.now)).toBe(false);
    expect(beliefs.roleOf('a')?.attachedPolicyArns).toEqual([]);
    clock.now += 10_000;
    expect(beliefs.read('a', roleOf('a'), clock.now)).toBe(true);
    expect(beliefs.roleOf('a')?.attachedPolicyArns).toEqual([policy]);
  });
});

describe('a write that finds no role', () => {
  it('means that it is gone, unless we wrote it a moment ago and IAM does not know it everywhere yet', () => {
    const { beliefs, clock } = setUp();
    beliefs.wrote('a', () => roleOf('a'), 'trust');
    beliefs.missed('a');
    expect(beliefs.roleOf('a')).toBeDefined();
    clock.now += 20_000;
    beliefs.missed('a');
    expect(beliefs.roleOf('a')).toBeUndefined();
  });
});

describe('that there is no role', () => {
  const belief = (beliefs: RoleCache): unknown =>
    beliefs.forAccount({ clusterArn: cluster, account: 'of-a', names: ['a'] }).get('a');

  it('is to be asked again shortly after we took over: whoever led before may have made it just then', () => {
    const { beliefs, clock } = setUp();
    clock.now += 100_000;
    beliefs.clear();
    clock.now += 1_000;
    beliefs.read('a', undefined, clock.now);
    expect(belief(beliefs)).toMatchObject({ role: null, readAgainAt: clock.now + 14_000 });
    clock.now += 14_000;
    beliefs.read('a', undefined, clock.now);
    expect(belief(beliefs)).toMatchObject({ role: null });
    expect(belief(beliefs)).not.toHaveProperty('readAgainAt');
  });

  it('is to be asked again after a creation of which nobody knows what came of it', () => {
    const { beliefs, clock } = setUp();
    clock.now += 100_000;
    beliefs.perhapsCreated('a');
    expect(belief(beliefs)).toBeUndefined();
    clock.now += 5_000;
    beliefs.read('a', undefined, clock.now);
    expect(belief(beliefs)).toMatchObject({ role: null, readAgainAt: clock.now + 10_000 });
    clock.now += 10_000;
    beliefs.read('a', undefined, clock.now);
    expect(belief(beliefs)).not.toHaveProperty('readAgainAt');
  });

  it('counts at once when it is no longer new that we lead', () => {
    const { beliefs, clock } = setUp();
    clock.now += 15_000;
    beliefs.read('a', undefined, clock.now);
    expect(belief(beliefs)).not.toHaveProperty('readAgainAt');
  });
});

describe('the roles of the cluster', () => {
  it('come in the order in which they have been seen as a whole, the longest ago first', () => {
    const { beliefs, clock, list } = setUp();
    list([listed('c'), listed('foreign', { tags: {} })]);
    beliefs.read('a', roleOf('a'), 500);
    beliefs.wrote('b', () => roleOf('b'), 'trust');
    expect(beliefs.owned(cluster)).toEqual(['c', 'a', 'b']);
    beliefs.read('c', roleOf('c'), clock.now + 1);
    expect(beliefs.owned(cluster)).toEqual(['a', 'b', 'c']);
    expect(beliefs.owned('arn:aws:eks:us-west-2:123456789012:cluster/other')).toEqual([]);
  });

  it('are found by account, also after a role has been handed on', () => {
    const { beliefs } = setUp();
    beliefs.read('a', roleOf('a'), 0);
    const of = (account: string): string[] => [
      ...beliefs.forAccount({ clusterArn: cluster, account, names: [] }).keys(),
    ];
    expect(of('of-a')).toEqual(['a']);
    beliefs.read('a', roleOf('a', { tags: { ...roleOf('a').tags, 'k11n.dev/account': 'other' } }), 1);
    expect([of('of-a'), of('other')]).toEqual([[], ['a']]);
    beliefs.forget('a');
    expect(of('other')).toEqual([]);
  });
});

describe('a role that may or may not be there', () => {
  const { tags } = roleOf('a');
  const seen = (beliefs: RoleCache, isLast: boolean) =>
    beliefs.forAccount({ clusterArn: cluster, account: 'of-a', names: [], isLast }).get('a');
  const unsure = { role: null, source: 'list' };

  it('after a deletion that was not answered is looked for when its account goes', () => {
    const { beliefs, clock } = setUp();
    beliefs.read('a', roleOf('a'), clock.now);
    beliefs.forget('a');
    expect([seen(beliefs, false), seen(beliefs, true)]).toEqual([undefined, unsure]);
    beliefs.read('a', undefined, clock.now + 60_000);
    expect(seen(beliefs, true)).toBeUndefined();
  });

  it('after a creation that was not answered is looked for until IAM can know of it', () => {
    const { beliefs, clock } = setUp();
    clock.now += 60_000;
    beliefs.perhapsCreated('a', tags);
    expect([seen(beliefs, false), seen(beliefs, true)]).toEqual([undefined, unsure]);
    beliefs.read('a', undefined, clock.now + 1_000);
    expect(seen(beliefs, true)).toMatchObject({ role: null, readAgainAt: clock.now + 15_000 });
    beliefs.read('a', roleOf('a'), clock.now + 15_000);
    expect(seen(beliefs, true)?.role?.name).toBe('a');
  });

  it('is nothing to an account of that name that is made later', () => {
    const { beliefs, clock } = setUp();
    beliefs.read('a', roleOf('a'), clock.now);
    beliefs.forget('a');
    beliefs.accountGone('of-a');
    expect(seen(beliefs, true)).toBeUndefined();
  });
});

describe('a write that was not answered', () => {
  it('is followed by a read, once the answer can be believed', () => {
    const { beliefs, clock } = setUp();
    const belief = (): unknown =>
      beliefs.forAccount({ clusterArn: cluster, account: 'of-a', names: ['a'] }).get('a');
    beliefs.read('a', roleOf('a'), clock.now);
    beliefs.doubt('a');
    expect(belief()).toMatchObject({ readAgainAt: clock.now + 15_000 });

    clock.now += 10_000;
    beliefs.wrote('a', (role) => role && { ...role, trustPolicy: '{"a":1}' }, 'trust');
    clock.now += 5_000;
    // So soon after the write in between it may be older than that.
    beliefs.read('a', roleOf('a', { attachedPolicyArns: [] }), clock.now);
    expect(belief()).toMatchObject({
      readAgainAt: clock.now + 10_000,
      role: { attachedPolicyArns: [policy] },
    });

    clock.now += 10_000;
    beliefs.read('a', roleOf('a', { attachedPolicyArns: [] }), clock.now);
    expect(belief()).toMatchObject({ source: 'write', role: { attachedPolicyArns: [] } });
    expect(belief()).not.toHaveProperty('readAgainAt');
  });

  it('is not settled by an answer that may be older', () => {
    const { beliefs, clock, list } = setUp();
    beliefs.read('a', roleOf('a'), clock.now);
    beliefs.doubt('a');
    clock.now += 14_999;
    const older = roleOf('a', { attachedPolicyArns: [] });
    expect([beliefs.read('a', older, clock.now), list([listed('a', older)])]).toEqual([false, []]);
    const found = beliefs.forAccount({ clusterArn: cluster, account: 'of-a', names: [] }).get('a');
    expect(found).toMatchObject({ readAgainAt: clock.now + 1, role: { attachedPolicyArns: [policy] } });
  });
});

describe('what was known for an account that is gone', () => {
  const look = (beliefs: RoleCache, account: string, name = 'a'): unknown =>
    beliefs.forAccount({ clusterArn: cluster, account, names: [name] }).get(name);

  it('is dropped, once no answer can be older than what was written last', () => {
    const { beliefs, clock, list } = setUp();
    look(beliefs, 'of-a');
    beliefs.wrote('a', () => roleOf('a'), 'trust');
    beliefs.wrote('a', () => null, 'other');
    beliefs.accountGone('of-a');
    expect([...beliefs.concernedBy('a')]).toEqual([]);
    clock.now += 60_000;
    // It was begun before the role was deleted.
    expect(list([listed('a')], { startedAt: clock.now - 61_000 })).toEqual([]);
    expect(beliefs.owned(cluster)).toEqual([]);
    clock.now += 600_000;
    list([]);
    expect(look(beliefs, 'later')).toBeUndefined();
  });

  it('goes when the next account does, where nothing is listed', () => {
    const { beliefs, clock } = setUp();
    for (const account of ['one', 'two']) {
      look(beliefs, account, account);
      beliefs.perhapsCreated(account);
      beliefs.read(account, undefined, clock.now);
    }
    beliefs.accountGone('one');
    clock.now += 600_000;
    beliefs.accountGone('two');
    expect([look(beliefs, 'later', 'one'), look(beliefs, 'later', 'two')]).toEqual([undefined, undefined]);
  });

  it('stays while another account looks for it, and when it comes back', () => {
    const { beliefs, clock, list } = setUp();
    for (const account of ['one', 'two']) look(beliefs, account);
    beliefs.wrote('a', () => roleOf('a', { tags: {} }), 'other');
    beliefs.accountGone('one');
    list([listed('a', { tags: {} })]);
    expect([...beliefs.concernedBy('a')]).toEqual(['two']);
    expect(beliefs.roleOf('a')).toBeDefined();
    beliefs.accountGone('two');
    look(beliefs, 'two');
    clock.now += 600_000;
    expect(list([])).toEqual(['two']);
  });

  it('stays as long as there is a role with our marks', () => {
    const { beliefs, list } = setUp();
    look(beliefs, 'of-a');
    list([listed('a')]);
    beliefs.accountGone('of-a');
    list([listed('a')]);
    expect(beliefs.owned(cluster)).toEqual(['a']);
  });
});
