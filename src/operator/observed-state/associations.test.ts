import { describe, expect, it } from 'vitest';
import type { ObservedAssociation } from '../../identity/index.ts';
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

function setUp(): {
  beliefs: AssociationCache;
  clock: { now: number };
  list: (...associations: readonly ObservedAssociation[]) => readonly string[];
  belief: (namespace: string) => unknown;
} {
  const clock = { now: 1_000_000 };
  const beliefs = createAssociationCache(() => clock.now as Monotonic);
  return {
    beliefs,
    clock,
    list: (...associations) => beliefs.learn({ associations, startedAt: clock.now }),
    belief: (namespace) => {
      const found = beliefs.of('a', [namespace]).get(namespace);
      return found && [found.association?.id ?? null, found.source, found.association?.details !== undefined];
    },
  };
}

describe('before the first listing', () => {
  it('nothing is believed of anything', () => {
    const { beliefs } = setUp();
    expect(beliefs.of('a', ['production']).size).toBe(0);
    expect(beliefs.namespacesOf('a')).toEqual([]);
  });
});

describe('a listing', () => {
  it('tells whose associations are new, changed or gone, and of nothing else', () => {
    const { list, belief } = setUp();
    expect(list(listed('production'), listed('staging', 'b')).toSorted()).toEqual(['a', 'b']);
    expect(list(listed('production'), listed('staging', 'b'))).toEqual([]);
    expect(belief('production')).toEqual(['a-production', 'list', false]);
    expect(belief('elsewhere')).toEqual([null, 'list', false]);
    expect(list(listed('production', 'a', 'a-2'))).toEqual(['a', 'b']);
    expect(belief('production')).toEqual(['a-2', 'list', false]);
  });

  it('takes nothing from what is known of the same association', () => {
    const { beliefs, list, belief } = setUp();
    list(listed('production'));
    beliefs.read(of('production'), known('production'));
    expect(list(listed('production'))).toEqual([]);
    expect(belief('production')).toEqual(['a-production', 'read', true]);
  });

  it('does not undo what we wrote so shortly before that it may be older', () => {
    const { beliefs, clock, list, belief } = setUp();
    beliefs.wrote(of('production'), known('production'));
    beliefs.wrote(of('staging'), null);
    clock.now += 14_000;
    expect(list(listed('staging'))).toEqual([]);
    expect(belief('production')).toEqual(['a-production', 'write', true]);
    expect(belief('staging')).toEqual([null, 'write', false]);
    clock.now += 1_000;
    expect(list(listed('staging'))).toEqual(['a']);
    expect(belief('production')).toEqual([null, 'list', false]);
    expect(belief('staging')).toEqual(['a-staging', 'list', false]);
  });
});

describe('a write that was not answered', () => {
  it('leaves nothing believed but that, until somebody looks', () => {
    const { beliefs, belief } = setUp();
    beliefs.wrote(of('production'), known('production'));
    beliefs.lost(of('production'));
    expect(belief('production')).toEqual([null, 'unknown', false]);
    expect(beliefs.read(of('production'), known('production'))).toBe(true);
    expect(belief('production')).toEqual(['a-production', 'read', true]);
  });
});

describe('a look at one', () => {
  it('tells whether it was news', () => {
    const { beliefs } = setUp();
    expect(beliefs.read(of('production'), undefined)).toBe(false);
    expect(beliefs.read(of('production'), known('production'))).toBe(true);
    expect(beliefs.read(of('production'), known('production'))).toBe(false);
    const elsewhere = { ...known('production'), details: { ...details, withoutSessionTags: true } };
    expect(beliefs.read(of('production'), elsewhere)).toBe(true);
  });

  it('tells nothing when it was begun before our last write, whatever became of that', () => {
    const { beliefs, clock, belief } = setUp();
    const startedAt = clock.now;
    clock.now += 10;
    beliefs.wrote(of('production'), known('production'));
    expect(beliefs.read(of('production'), undefined, startedAt)).toBe(false);
    expect(belief('production')).toEqual(['a-production', 'write', true]);
    beliefs.lost(of('production'));
    expect(beliefs.read(of('production'), known('production'), startedAt)).toBe(false);
    expect(belief('production')).toEqual([null, 'unknown', false]);
    expect(beliefs.read(of('production'), known('production'), clock.now + 1)).toBe(true);
  });

  it('is due for the one that was not looked at for the longest', () => {
    const { beliefs, clock, list } = setUp();
    list(listed('production'), listed('staging'));
    for (let turn = 0; turn < 4; turn += 1) {
      clock.now += 1_000;
      const next = beliefs.longestUnread();
      expect(next?.namespace).toBe(turn % 2 === 0 ? 'production' : 'staging');
      if (next) beliefs.read(next, known(next.namespace));
    }
  });
});

describe('another cluster', () => {
  it('has nothing to do with what was known', () => {
    const { beliefs, list } = setUp();
    list(listed('production'));
    beliefs.clear();
    expect(beliefs.of('a', ['production']).size).toBe(0);
    expect(beliefs.longestUnread()).toBeUndefined();
  });
});

describe('what was known for an account that is gone', () => {
  /** Only what is written down of it: before a listing, of anything else nothing is believed. */
  const entries = (beliefs: AssociationCache): readonly string[] => [...beliefs.of('a', []).keys()];

  it('is dropped, once no answer can be older than what was written last', () => {
    const { beliefs, clock, list, belief } = setUp();
    list();
    expect(belief('production')).toEqual([null, 'list', false]);
    beliefs.wrote(of('production'), known('production'));
    beliefs.wrote(of('production'), null);
    beliefs.accountGone('a');
    clock.now += 60_000;
    // It was begun before the association was deleted.
    expect(beliefs.learn({ associations: [listed('production')], startedAt: clock.now - 61_000 })).toEqual(
      [],
    );
    expect(beliefs.namespacesOf('a')).toEqual([]);
    clock.now += 540_000;
    list();
    expect(entries(beliefs)).toEqual([]);
  });

  it('goes when the next account does, where nothing is listed', () => {
    const { beliefs, clock } = setUp();
    for (const account of ['a', 'b']) {
      beliefs.of(account, ['production']);
      beliefs.wrote(of('production', account), null);
      beliefs.read(of('staging', account), undefined);
    }
    beliefs.accountGone('a');
    clock.now += 600_000;
    beliefs.accountGone('b');
    expect(entries(beliefs)).toEqual([]);
  });

  it('stays when the account comes back', () => {
    const { beliefs, clock, list, belief } = setUp();
    list();
    beliefs.wrote(of('production'), null);
    beliefs.accountGone('a');
    expect(belief('production')).toEqual([null, 'write', false]);
    clock.now += 600_000;
    list();
    beliefs.accountGone('b');
    expect(belief('production')).toEqual([null, 'write', false]);
  });

  it('stays while a write is in doubt, until a listing was begun after it', () => {
    const { beliefs, clock, list } = setUp();
    list();
    beliefs.lost(of('production'));
    const lostAt = clock.now;
    clock.now += 600_000;
    beliefs.accountGone('a');
    beliefs.learn({ associations: [], startedAt: lostAt + 14_000 });
    expect(entries(beliefs)).toEqual(['production']);
    beliefs.accountGone('a');
    list();
    expect(entries(beliefs)).toEqual([]);
  });

  it('stays as long as there is an association, and goes with it, whosever it is', () => {
    const { beliefs, list } = setUp();
    list(listed('production'), listed('staging', 'nobodys'));
    beliefs.accountGone('a');
    list(listed('production'), listed('staging', 'nobodys'));
    expect([beliefs.namespacesOf('a'), beliefs.namespacesOf('nobodys')]).toEqual([
      ['production'],
      ['staging'],
    ]);
    expect(list().toSorted()).toEqual(['a', 'nobodys']);
    expect([entries(beliefs), [...beliefs.of('nobodys', []).keys()]]).toEqual([[], []]);
  });
});
