import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesPattern } from './arn.ts';

/** Reference implementation of pattern matching, with exponential run time. */
function matches(text: string, pattern: string): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return text === '';
  const others = rest.join('');
  if (first === '*') return matches(text, others) || (text !== '' && matches(text.slice(1), pattern));
  return text !== '' && (first === '?' || first === text[0]) && matches(text.slice(1), others);
}

describe('matching an ARN with a pattern', () => {
  it('agrees with the reference implementation', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', ':'), maxLength: 12 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?'), maxLength: 8 });
    fc.assert(
      fc.property(text, pattern, (arn, of) => {
        expect(matchesPattern(arn, of)).toBe(matches(arn, of));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['arn:aws:iam::123456789012:policy/team/*', 'arn:aws:iam::123456789012:policy/team/a/b', true],
    ['arn:aws:iam::*:policy/x', 'arn:aws:iam::1:policy/y:policy/x', true],
    ['arn:aws:iam::?:policy/x', 'arn:aws:iam::12:policy/x', false],
    ['arn:aws:iam::aws:policy/A.B', 'arn:aws:iam::aws:policy/AxB', false],
    ['*', '', true],
    ['', 'a', false],
  ])('compares the pattern %j with %j: %s', (pattern, arn, expected) => {
    expect(matchesPattern(arn, pattern)).toBe(expected);
  });

  it.each([5, 10, 25])(
    'with %i stars makes at most as many comparisons as the product of both lengths',
    (stars) => {
      const pattern = `${'*a'.repeat(stars)}b`;
      const arn = 'a'.repeat(2_000);
      // Counts the characters that the function reads, one per comparison. Unlike a duration, this number does not depend on the
      // machine.
      let reads = 0;
      const counted = new Proxy(Object(arn) as object, {
        get(target, key) {
          if (typeof key === 'string' && /^\d+$/.test(key)) reads += 1;
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
      expect(matchesPattern(counted as unknown as string, pattern)).toBe(false);
      expect(reads).toBeGreaterThan(0);
      expect(reads).toBeLessThanOrEqual(arn.length * pattern.length);
    },
  );
});
