/** Lets a scenario happen, in whatever weather. */
import { watchOver, type Monitor } from './monitor.ts';
import type { Scenario } from './scenarios.ts';
import { startSimulation, type Simulation, type SimulationOptions } from './simulation.ts';

/** Time for the operator to follow an act, and to come to rest after the last one: longer than the slowest retry. Milliseconds. */
const betweenActsMs = 240_000;
const untilRestMs = 900_000;
/** How long the operator may take to act on what it sees, where nothing holds it up. */
export const promptMs = 5_000;

export type Performed = { readonly simulation: Simulation; readonly monitor: Monitor };

/** @param blindMs for how long the weather may keep the operator from what has changed */
export async function perform(
  scenario: Scenario,
  options: Omit<SimulationOptions, 'prepare'> = {},
  blindMs = 0,
): Promise<Performed> {
  let monitor: Monitor | undefined;
  const simulation = await startSimulation({
    ...options,
    prepare: async (prepared) => {
      monitor = watchOver(prepared, { unawareMs: promptMs + blindMs });
    },
  });
  await simulation.time.pass(5_000 + 4 * blindMs);
  for (const act of scenario.acts) {
    await act(simulation);
    await simulation.time.pass(betweenActsMs);
  }
  await simulation.time.pass(untilRestMs);
  if (!monitor) throw new Error('the simulation was not watched over');
  return { simulation, monitor };
}
