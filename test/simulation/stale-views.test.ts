/**
 * Every scenario with watches that lag, as behind an API server under load or a slow network: the operator then decides on what
 * was true a while ago. It has to end where it ends with fresh views, without undoing or repeating what it did.
 */
import { describe, expect, it } from 'vitest';
import { perform, scenarios } from './scenarios.ts';
import { endState } from './simulation.ts';

const lags = [100, 1_000, 5_000, 30_000];

describe.each(scenarios)('$name', (scenario) => {
  it.each(lags)('ends the same with watches that lag by %i ms', async (lagMs) => {
    const wanted = endState(await perform(scenario));
    const simulation = await perform(scenario, { lagMs });
    expect(endState(simulation)).toEqual(wanted);
    const made = simulation.writes.filter((write) => /^iam (CreateRole|DeleteRole)/.test(write));
    expect(made.length, made.join(', ')).toBe(new Set(made).size + repetitionsOf(scenario.name));
    const atRest = simulation.writes.length;
    await simulation.time.pass(20 * 60_000);
    expect(simulation.writes.slice(atRest)).toEqual([]);
  });
});

/** Scenarios in which the same role is made twice because it was gone in between. */
function repetitionsOf(name: string): number {
  if (name === 'an account is made again under the same name') return 1;
  return name === 'a role is deleted behind our back' ? 1 : 0;
}
