/**
 * Every scenario with watches that lag, as behind an API server under load or a slow network; with a process that begins with an
 * older view than the one before it; and with each change missed by all watches. The operator then decides on an older state. It has
 * to end where it ends with fresh views, without undoing or repeating its work.
 */
import { describe, expect, it } from 'vitest';
import { inTime, noLimit } from './time-limit.ts';
import { commandFor, referenceOf, stalePlansOf, violationsOf } from './plans.ts';
import { scenarios } from './scenarios.ts';

describe.each(scenarios)('$name', (scenario) => {
  it('ends the same, however old the view', noLimit, async () => {
    const reference = await inTime(scenario.name, () => referenceOf(scenario));
    for (const plan of stalePlansOf(reference)) {
      const command = commandFor(reference, plan);
      expect(await inTime(command, () => violationsOf(reference, plan)), command).toEqual([]);
    }
  });
});
