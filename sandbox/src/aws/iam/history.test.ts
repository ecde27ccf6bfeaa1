import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHistory } from './history.ts';

const retention = 1000;

describe('the history of a map', () => {
  it('returns, for any time in the retention period, the entries of a copy that was made at that time', () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      value: fc.option(fc.integer(), { nil: undefined }),
      after: fc.integer({ min: 0, max: 400 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const history = createHistory<number>(retention);
        const copies: { at: number; entries: [string, number][] }[] = [];
        const model = new Map<string, number>();
        let now = 0;
        for (const { key, value, after } of steps) {
          now += after;
          if (value === undefined) {
            history.delete(key, now);
            model.delete(key);
          } else {
            history.set(key, value, now);
            model.set(key, value);
          }
          const entries = [...model].sort(([left], [right]) => (left < right ? -1 : 1));
          copies.push({ at: now, entries });
        }
        // If several writes share a millisecond, a read as of that time returns the last write.
        const lastOfItsTime = copies.filter((copy, index) => copy.at !== copies[index + 1]?.at);
        for (const { at, entries } of lastOfItsTime) {
          if (at < now - retention) continue;
          expect([...history.entries({ at })]).toEqual(entries);
          for (const key of ['a', 'b', 'c', 'd']) {
            expect(history.get(key, at)).toBe(entries.find(([name]) => name === key)?.[1]);
          }
        }
        expect([...history.entries()]).toEqual(copies.at(-1)?.entries ?? []);
        expect(history.size()).toBe(model.size);
      }),
    );
  });

  it('lists the entries after a key, even if this key does not exist', () => {
    const history = createHistory<number>(retention);
    for (const key of ['a', 'c', 'e']) history.set(key, 1, 0);
    const keysAfter = (after: string) => Array.from(history.entries({ after }), ([key]) => key);
    expect(keysAfter('a')).toEqual(['c', 'e']);
    expect(keysAfter('b')).toEqual(['c', 'e']);
    expect(keysAfter('e')).toEqual([]);
  });

  it('records a write at the time of the previous write if the clock was set back', () => {
    const history = createHistory<string>(retention);
    history.set('a', 'first', 100);
    history.set('a', 'second', 50);
    expect(history.get('a')).toBe('second');
    expect(history.get('a', 100)).toBe('second');
    expect(history.get('a', 99)).toBeUndefined();
  });
});
