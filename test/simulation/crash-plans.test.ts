/**
 * Runs every scenario with each of its crash plans: each plan disturbs one write of the operator. `make crash-plans`
 * runs the plans outside the test runner.
 */
import { describe, expect, it } from 'vitest';
import { inTime, noLimit } from './time-limit.ts';
import { commandFor, crashPlansOf, referenceOf, violationsOf } from './plans.ts';
import { scenarios } from './scenarios.ts';

describe.each(scenarios)('$name', (scenario) => {
  it('reaches the same end state after a crash at any write', noLimit, async () => {
    const reference = await inTime(scenario.name, () => referenceOf(scenario));
    expect(reference.violations).toEqual([]);
    expect(reference.writes.length).toBeGreaterThan(0);
    for (const plan of crashPlansOf(reference)) {
      const command = commandFor(reference, plan);
      expect(await inTime(command, () => violationsOf(reference, plan)), command).toEqual([]);
    }
  });
});
