/** Runs a scenario under a fault schedule. */
import { endState, type EndState } from './end-state.ts';
import { checkInvariants, type Invariants } from './invariants/invariants.ts';
import { cutsOff, halts, type Violation } from './oracles.ts';
import type { Scenario } from './scenarios.ts';
import { startSimulation, type Simulation, type SimulationOptions } from './simulation.ts';

/**
 * Time for the operator to apply an act, and time for the operator to finish its work after the last act, in
 * milliseconds. Only the time after the last act is longer than the slowest retry.
 */
export const betweenActsMs = 240_000;
const untilRestMs = 660_000;
/** Time for the operator to start and get in sync, even with the slowest watches. */
const startMs = 185_000;
/** Time limit, while no faults are injected, for the operator to react to a change that it has observed. */
export const promptMs = 5_000;

export type Performed = {
  readonly simulation: Simulation;
  readonly monitor: Invariants;
  /** End states: one at the end of the pause after each act, and one at the end of the run. */
  readonly states: readonly EndState[];
  /** Violations found at the end of the pause after each act. */
  readonly violations: readonly Violation[];
};

/**
 * @param blindMs maximum time that faults hide changes from the operator
 * @param disturb called before the first act
 */
export async function perform(
  scenario: Scenario,
  options: Omit<SimulationOptions, 'prepare'> = {},
  blindMs = 0,
  disturb: (simulation: Simulation) => void = () => undefined,
): Promise<Performed> {
  let monitor: Invariants | undefined;
  const simulation = await startSimulation({
    ...options,
    prepare: async (prepared) => {
      monitor = checkInvariants(prepared, { unawareMs: promptMs + blindMs });
      disturb(prepared);
    },
  });
  const states: EndState[] = [];
  const violations: Violation[] = [];
  await simulation.time.pass(startMs);
  for (const act of scenario.acts) {
    await act(simulation);
    await simulation.time.pass(betweenActsMs);
    states.push(endState(simulation));
    violations.push(...halts(simulation), ...cutsOff(simulation));
  }
  await simulation.time.pass(untilRestMs);
  states.push(endState(simulation));
  if (!monitor) throw new Error('the simulation was not watched over');
  return { simulation, monitor, states, violations };
}
