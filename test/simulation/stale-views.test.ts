/**
 * Every scenario with watches that lag, as behind an API server under load or a slow network: the operator then decides on what
 * was true a while ago. It has to end where it ends with fresh views, without undoing or repeating what it did.
 */
import { describe, expect, it } from 'vitest';
import { referenceOf } from './crash-plans.ts';
import { agreesWithStatus, endsAs, repeatsNoMore, rests } from './oracles.ts';
import { perform, scenarios } from './scenarios.ts';

const lags = [100, 1_000, 5_000, 30_000];

describe.each(scenarios)('$name', (scenario) => {
  it.each(lags)('ends the same with watches that lag by %i ms', async (lagMs) => {
    const reference = await referenceOf(scenario);
    const { simulation, monitor } = await perform(scenario, { lagMs: () => lagMs }, lagMs);
    expect(monitor.violations).toEqual([]);
    expect(endsAs(simulation, reference.end)).toEqual([]);
    expect(repeatsNoMore(simulation, reference.counts, 0)).toEqual([]);
    expect(await agreesWithStatus(simulation)).toEqual([]);
    expect(await rests(simulation)).toEqual([]);
  });
});
