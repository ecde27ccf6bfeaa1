import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { covers } from './coverage.ts';
import { matchesGlyphs, plainGlyphs } from './pattern.ts';

const of = (characters: readonly string[], maxLength: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...characters), { maxLength }).map((list) => list.join(''));
const grant = (action: string): Parameters<typeof covers>[0] => [{ action, resource: '*', conditions: '' }];

let covered = 0;

test('a grant that covers another grant matches every request that the other grant matches', () => {
  fc.assert(
    fc.property(
      of(['a', 'b', '*', '?'], 4),
      of(['a', 'b', '*', '?'], 4),
      of(['a', 'b'], 4),
      (outer, inner, action) => {
        if (!covers(grant(outer), grant(inner))) return;
        covered += 1;
        if (matchesGlyphs(plainGlyphs(inner), action))
          expect(matchesGlyphs(plainGlyphs(outer), action)).toBe(true);
      },
    ),
    { numRuns: 20_000 },
  );
  expect(covered).toBeGreaterThan(500);
});
