/** Every crash plan of every scenario; `make crash-plans` runs the same outside of a test run. */
import { describe, expect, it } from 'vitest';
import { commandFor, crashPlansOf, referenceOf, violationsOf } from './plans.ts';
import { scenarios } from './scenarios.ts';

describe.each(scenarios)('$name', (scenario) => {
  it('ends the same, whichever write was the last', { timeout: 240_000 }, async () => {
    const reference = await referenceOf(scenario);
    expect(reference.violations).toEqual([]);
    expect(reference.writes.length).toBeGreaterThan(0);
    for (const plan of crashPlansOf(reference))
      expect(await violationsOf(reference, plan), commandFor(reference, plan)).toEqual([]);
  });
});
