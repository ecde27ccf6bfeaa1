/**
 * Two processes and one lease: the one that leads stands still for longer than the lease, at each of its writes, and writes
 * nothing afterwards; or dies there. The other goes on within the lease's duration and one try, to the same end.
 */
import { describe, expect, it } from 'vitest';
import { inTime, noLimit } from './time-limit.ts';
import { commandFor, leaderPlansOf, referenceOf, violationsOf } from './plans.ts';
import { scenarios } from './scenarios.ts';

const names = ['policies are edited', 'an account is deleted', 'an app changes its account'];
const chosen = scenarios.filter(({ name }) => names.includes(name));

describe.each(chosen)('$name', (scenario) => {
  it('goes on with the other process, whichever write the leader was at', noLimit, async () => {
    const reference = await inTime(scenario.name, () => referenceOf(scenario));
    for (const plan of leaderPlansOf(reference)) {
      const command = commandFor(reference, plan);
      expect(await inTime(command, () => violationsOf(reference, plan)), command).toEqual([]);
    }
  });
});

it('every scenario named here exists', () => {
  expect(chosen.map(({ name }) => name)).toEqual(names);
});
