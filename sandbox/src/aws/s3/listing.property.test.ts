import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { listPage } from './listing.ts';
import { compareKeys } from './store.ts';

const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '😀', '\uffee'), maxLength: 5 });
const keys = fc.uniqueArray(
  text.filter((key) => key !== ''),
  { maxLength: 12 },
);

test('the pages of a listing contain the whole listing in order, for any page size', () => {
  fc.assert(
    fc.property(
      keys,
      text,
      fc.constantFrom('', '/', 'a'),
      fc.integer({ min: 1, max: 4 }),
      (all, prefix, delimiter, limit) => {
        const whole = listPage(all, { prefix, delimiter, after: '', limit: 1000 });
        const items: string[] = [];
        for (let after: string | undefined = ''; after !== undefined;) {
          const page = listPage(all, { prefix, delimiter, after, limit });
          const found = [...page.keys, ...page.commonPrefixes].sort(compareKeys);
          expect(found.length).toBeLessThanOrEqual(limit);
          items.push(...found);
          // Makes the test fail, instead of looping forever, if a page repeats an earlier page.
          expect(items.length).toBeLessThanOrEqual(all.length);
          after = page.next;
        }
        expect(items).toEqual([...whole.keys, ...whole.commonPrefixes].sort(compareKeys));
      },
    ),
  );
});

test('every key with the requested prefix is either listed or covered by exactly one common prefix', () => {
  fc.assert(
    fc.property(keys, text, fc.constantFrom('', '/'), (all, prefix, delimiter) => {
      const { keys: listed, commonPrefixes } = listPage(all, { prefix, delimiter, after: '', limit: 1000 });
      for (const key of all) {
        const places = [
          ...listed.filter((item) => item === key),
          ...commonPrefixes.filter((item) => key.startsWith(item)),
        ];
        expect(places).toHaveLength(key.startsWith(prefix) ? 1 : 0);
      }
    }),
  );
});
