/**
 * Every scenario in three variants: with lagging watches, as with a busy API server or a slow network; with a process
 * that starts with an older view than its predecessor had; and with each change missed by all watches. In each variant,
 * the operator decides based on an older state. It has to reach the same end state as with fresh views, without
 * reverting or repeating its work.
 */
import { describe, expect, it } from 'vitest';
import { inTime, noLimit } from './time-limit.ts';
import { commandFor, referenceOf, stalePlansOf, violationsOf } from './plans.ts';
import { scenarios } from './scenarios.ts';

describe.each(scenarios)('$name', (scenario) => {
  it(
    'reaches the same end state although the operator has a stale view of the cluster',
    noLimit,
    async () => {
      const reference = await inTime(scenario.name, () => referenceOf(scenario));
      for (const plan of stalePlansOf(reference)) {
        const command = commandFor(reference, plan);
        expect(await inTime(command, () => violationsOf(reference, plan)), command).toEqual([]);
      }
    },
  );
});
