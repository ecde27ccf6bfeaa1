import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSameQuantity } from './quantity.ts';

describe('isSameQuantity', () => {
  test.each([
    ['0.5', '500m'],
    ['1000m', '1'],
    ['1024Mi', '1Gi'],
    ['1.5Gi', '1536Mi'],
    ['1e', 'no quantity'],
    ['.5', '500m'],
    ['0.0000000001', '1n'],
    ['2k', '2000'],
    ['1G', '1Gi'],
    ['', ''],
    ['1', '1.000'],
  ])('compares the amounts of %s and %s', (one, other) => {
    const different = new Set(['1e', '1G', '']);
    expect(isSameQuantity(one, other)).toBe(!different.has(one));
  });

  test('recognizes equal amounts in thousandths and units, and with different binary prefixes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (amount) => {
        expect(isSameQuantity(String(amount), `${amount}000m`)).toBe(true);
        expect(isSameQuantity(`${amount}Gi`, `${amount * 1024}Mi`)).toBe(true);
        expect(isSameQuantity(String(amount), String(amount + 1))).toBe(false);
      }),
    );
  });
});
