/** Two chains of 1,000 specs each; `make soak` runs more chains. */
import { expect, it } from 'vitest';
import { chainOf, hasInvalidSpec, violationsOfChain } from './chains.ts';

it.each([0, 1])(
  'chain number %i, which consists of 1,000 specs, reaches the same end state as its last spec alone',
  { timeout: 240_000 },
  async (seed) => {
    const chain = chainOf(seed, 1_000);
    expect(chain.specs.length).toBe(1_000);
    expect(hasInvalidSpec(chain)).toBe(true);
    expect(await violationsOfChain(chain)).toEqual([]);
  },
);
