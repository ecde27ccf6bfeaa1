/**
 * Two operator processes that compete for one lease. At each of its writes, the leader is either killed, or paused for
 * longer than the lease; after the pause it writes nothing. The other process takes over within the lease duration plus
 * one retry period, and reaches the same end state.
 */
import { describe, expect, it } from 'vitest';
import { inTime, noLimit } from './time-limit.ts';
import { commandFor, leaderPlansOf, referenceOf, violationsOf } from './plans.ts';
import { scenarios } from './scenarios.ts';

const names = ['an account is deleted', 'policies are edited', 'an app changes its account'];
const chosen = scenarios.filter(({ name }) => names.includes(name));

describe.each(chosen)('$name', (scenario) => {
  it(
    'reaches the same end state when a second process becomes leader during any write of the first',
    noLimit,
    async () => {
      const reference = await inTime(scenario.name, () => referenceOf(scenario));
      for (const plan of leaderPlansOf(reference)) {
        const command = commandFor(reference, plan);
        expect(await inTime(command, () => violationsOf(reference, plan)), command).toEqual([]);
      }
    },
  );
});

it('every scenario name in these tests refers to an existing scenario', () => {
  expect(chosen.map(({ name }) => name)).toEqual(names);
});
