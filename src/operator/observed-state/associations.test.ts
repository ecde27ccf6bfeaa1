import { describe, expect, it } from 'vitest';
import { IdentityError, type AssociationWrite, type ObservedAssociation } from '../../identity/index.ts';
import { createAssociationCache, type AssociationCache } from './associations.ts';
import type { Monotonic } from '../../k8s/time.ts';

const details = { roleArn: 'arn:aws:iam::123456789012:role/r', tags: {}, withoutSessionTags: false };
const of = (namespace: string, serviceAccount = 'a') => ({ namespace, serviceAccount });
const listed = (namespace: string, serviceAccount = 'a', id = `a-${namespace}`): ObservedAssociation => ({
  ...of(namespace, serviceAccount),
  id,
  arn: `arn:aws:eks:us-west-2:123456789012:podidentityassociation/main/${id}`,
});
const known = (namespace: string, id?: string): ObservedAssociation => ({
  ...listed(namespace, 'a', id),
  details,
});

const target = 'production';
const create: AssociationWrite = { kind: 'CreateAssociation', target, roleArn: details.roleArn, tags: {} };
const association = known(target);
const remove: AssociationWrite = { kind: 'DeleteAssociation', target, association, why: 'a test' };
const unanswered = new IdentityError('Unreachable', 'no answer', { mayBeDone: true });

function setUp(): {
  cache: AssociationCache;
  clock: { now: number };
  list: (...associations: readonly ObservedAssociation[]) => readonly string[];
  cached: (namespace: string) => unknown;
} {
  const clock = { now: 1_000_000 };
  const cache = createAssociationCache(() => clock.now as Monotonic);
  return {
    cache,
    clock,
    list: (...associations) => cache.listed({ associations, startedAt: clock.now }),
    cached: (namespace) => {
      const found = cache.of('a', [namespace]).get(namespace);
      return found && [found.association?.id ?? null, found.source, found.association?.details !== undefined];
    },
  };
}

describe('before the first listing', () => {
  it('the cache reports no association as existing and no association as absent', () => {
    const { cache } = setUp();
    expect(cache.of('a', ['production']).size).toBe(0);
    expect(cache.namespacesOf('a')).toEqual([]);
  });
});

describe('a listing', () => {
  it('returns only those accounts whose associations are new, changed or deleted', () => {
    const { list, cached } = setUp();
    expect(list(listed('production'), listed('staging', 'b')).toSorted()).toEqual(['a', 'b']);
    expect(list(listed('production'), listed('staging', 'b'))).toEqual([]);
    expect(cached('production')).toEqual(['a-production', 'list', false]);
    expect(cached('elsewhere')).toEqual([null, 'list', false]);
    expect(list(listed('production', 'a', 'a-2'))).toEqual(['a', 'b']);
    expect(cached('production')).toEqual(['a-2', 'list', false]);
  });

  it('keeps the known details of an unchanged association', () => {
    const { cache, list, cached } = setUp();
    list(listed('production'));
    cache.read(of('production'), known('production'));
    expect(list(listed('production'))).toEqual([]);
    expect(cached('production')).toEqual(['a-production', 'read', true]);
  });

  it('does not replace an association whose last write may be newer than the listing', () => {
    const { cache, clock, list, cached } = setUp();
    cache.applied(of('production'), create, known('production'));
    cache.applied(of('staging'), remove, null);
    clock.now += 14_000;
    expect(list(listed('staging'))).toEqual([]);
    expect(cached('production')).toEqual(['a-production', 'write', true]);
    expect(cached('staging')).toEqual([null, 'write', false]);
    clock.now += 1_000;
    expect(list(listed('staging'))).toEqual(['a']);
    expect(cached('production')).toEqual([null, 'list', false]);
    expect(cached('staging')).toEqual(['a-staging', 'list', false]);
  });
});

describe('a write without a response', () => {
  it('leaves the state of the association unknown until the next read', () => {
    const { cache, cached } = setUp();
    cache.applied(of('production'), create, known('production'));
    cache.failed(of('production'), unanswered);
    expect(cached('production')).toEqual([null, 'unknown', false]);
    expect(cache.read(of('production'), known('production'))).toBe(true);
    expect(cached('production')).toEqual(['a-production', 'read', true]);
  });
});

describe('a read of one association', () => {
  it('returns whether it changed the cached state', () => {
    const { cache } = setUp();
    expect(cache.read(of('production'), undefined)).toBe(false);
    expect(cache.read(of('production'), known('production'))).toBe(true);
    expect(cache.read(of('production'), known('production'))).toBe(false);
    const elsewhere = { ...known('production'), details: { ...details, withoutSessionTags: true } };
    expect(cache.read(of('production'), elsewhere)).toBe(true);
  });

  it('is ignored if the read began before our last write, whatever the outcome of that write', () => {
    const { cache, clock, cached } = setUp();
    const startedAt = clock.now;
    clock.now += 10;
    cache.applied(of('production'), create, known('production'));
    expect(cache.read(of('production'), undefined, startedAt)).toBe(false);
    expect(cached('production')).toEqual(['a-production', 'write', true]);
    cache.failed(of('production'), unanswered);
    expect(cache.read(of('production'), known('production'), startedAt)).toBe(false);
    expect(cached('production')).toEqual([null, 'unknown', false]);
    expect(cache.read(of('production'), known('production'), clock.now + 1)).toBe(true);
  });

  it('chooses the association whose last read is the oldest', () => {
    const { cache, clock, list } = setUp();
    list(listed('production'), listed('staging'));
    for (let turn = 0; turn < 4; turn += 1) {
      clock.now += 1_000;
      const [next] = cache.longestUnread(0);
      expect(next?.namespace).toBe(turn % 2 === 0 ? 'production' : 'staging');
      if (next) cache.read(next, known(next.namespace));
    }
  });
});

describe('a change of the cluster ARN', () => {
  it('empties the cache', () => {
    const { cache, list } = setUp();
    list(listed('production'));
    cache.clear();
    expect(cache.of('a', ['production']).size).toBe(0);
    expect(cache.longestUnread(1)).toEqual([]);
  });
});

describe('the cached state for a deleted account', () => {
  /**
   * Keys of all entries that the cache stores for the account. Before the first listing, `of` adds no other entries.
   */
  const entries = (cache: AssociationCache): readonly string[] => [...cache.of('a', []).keys()];

  it('is kept while an AWS response can still be older than the last write, and is dropped afterwards', () => {
    const { cache, clock, list, cached } = setUp();
    list();
    expect(cached('production')).toEqual([null, 'list', false]);
    cache.applied(of('production'), create, known('production'));
    cache.applied(of('production'), remove, null);
    cache.accountDeleted('a');
    clock.now += 60_000;
    // The listing began before the association was deleted.
    expect(cache.listed({ associations: [listed('production')], startedAt: clock.now - 61_000 })).toEqual([]);
    expect(cache.namespacesOf('a')).toEqual([]);
    clock.now += 540_000;
    list();
    expect(entries(cache)).toEqual([]);
  });

  it('is dropped when the next account is deleted, if no listing runs before that', () => {
    const { cache, clock } = setUp();
    for (const account of ['a', 'b']) {
      cache.of(account, ['production']);
      cache.applied(of('production', account), remove, null);
      cache.read(of('staging', account), undefined);
    }
    cache.accountDeleted('a');
    clock.now += 600_000;
    cache.accountDeleted('b');
    expect(entries(cache)).toEqual([]);
  });

  it('is kept if the deleted account is created again', () => {
    const { cache, clock, list, cached } = setUp();
    list();
    cache.applied(of('production'), remove, null);
    cache.accountDeleted('a');
    expect(cached('production')).toEqual([null, 'write', false]);
    clock.now += 600_000;
    list();
    cache.accountDeleted('b');
    expect(cached('production')).toEqual([null, 'write', false]);
  });

  it('is kept after a write with an unknown outcome, until a listing that began after the write', () => {
    const { cache, clock, list } = setUp();
    list();
    cache.failed(of('production'), unanswered);
    const lostAt = clock.now;
    clock.now += 600_000;
    cache.accountDeleted('a');
    cache.listed({ associations: [], startedAt: lostAt + 14_000 });
    expect(entries(cache)).toEqual(['production']);
    cache.accountDeleted('a');
    list();
    expect(entries(cache)).toEqual([]);
  });

  it('is kept while the association exists, whoever owns it, and is dropped once the association is deleted', () => {
    const { cache, list } = setUp();
    list(listed('production'), listed('staging', 'nobodys'));
    cache.accountDeleted('a');
    list(listed('production'), listed('staging', 'nobodys'));
    expect([cache.namespacesOf('a'), cache.namespacesOf('nobodys')]).toEqual([['production'], ['staging']]);
    expect(list().toSorted()).toEqual(['a', 'nobodys']);
    expect([entries(cache), [...cache.of('nobodys', []).keys()]]).toEqual([[], []]);
  });
});
