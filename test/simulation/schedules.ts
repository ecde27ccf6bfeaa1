/**
 * Random schedules: acts of users, and faults of the operator's requests, watches and processes. Eight consecutive
 * seeds share their acts and differ in the faults; a run with the same acts and no faults determines the expected end
 * state.
 */
import { endState, type EndState } from './end-state.ts';
import { checkInvariants } from './invariants/invariants.ts';
import { agreesWithStatus, pauses, repeatsNoMore, rests, standsAs, type Violation } from './oracles.ts';
import { promptMs } from './perform.ts';
import { createDraws } from './random.ts';
import { everythingRepaired, randomHappenings, type Happening } from './random-acts.ts';
import { randomFaultSchedule } from './random-fault-schedule.ts';
import { startSimulation, type Simulation } from './simulation.ts';

export type Outcome = {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** Descriptions of the acts and faults. */
  readonly words: readonly string[];
  readonly simulation: Simulation;
};

const schedulesPerActs = 8;
/** Time before the first act, and the maximum time that faults continue after the last act. Milliseconds. */
const startMs = 20_000;
const afterwardsMs = 30_000;
/**
 * Time limit for getting in sync after the last act and fault: two retries with the longest delay (five minutes), and
 * one minute more.
 */
const untilRestMs = 660_000;

const clear = new Map<number, Promise<EndState>>();

/** Runs one seed and checks all oracles. */
export async function runSeed(seed: number): Promise<Outcome> {
  const people = Math.floor(seed / schedulesPerActs);
  const happenings = randomHappenings(createDraws(people).fork('people'));
  const wanted = await endWithoutFaults(people, happenings);

  const forMs = happenings.reduce((sum, { afterMs }) => sum + afterMs, 0) + afterwardsMs;
  const schedule = randomFaultSchedule(createDraws(seed).fork('weather'), startMs, forMs);
  let monitor: { readonly violations: readonly Violation[] } = { violations: [] };
  const simulation = await startSimulation({
    ...schedule.options,
    seed,
    prepare: async (prepared) => {
      monitor = checkInvariants(prepared, {
        unawareMs: promptMs + schedule.blindMs,
        readsLag: schedule.readsLag,
        leaseIsReached: false,
      });
      schedule.disturb(prepared);
    },
  });
  await happen(simulation, happenings);
  const repetitions = happenings.length + schedule.interruptions();
  const violations = [
    ...monitor.violations,
    ...standsAs([endState(simulation)], [wanted]),
    ...repeatsNoMore(simulation, new Map(), repetitions),
    ...(await agreesWithStatus(simulation)),
    ...(await rests(simulation)),
    ...pauses(simulation),
  ];
  const words = [
    ...happenings.map(({ afterMs, words: said }) => `after ${afterMs} ms: ${said}`),
    ...schedule.words,
  ];
  return { seed, violations, words, simulation };
}

function endWithoutFaults(people: number, happenings: readonly Happening[]): Promise<EndState> {
  const known = clear.get(people);
  if (known) return known;
  const end = (async () => {
    const simulation = await startSimulation();
    await happen(simulation, happenings);
    return endState(simulation);
  })();
  // Keeps only the latest result, because later seeds use no earlier result.
  clear.clear();
  clear.set(people, end);
  return end;
}

async function happen(simulation: Simulation, happenings: readonly Happening[]): Promise<void> {
  const { time } = simulation;
  await time.pass(startMs);
  for (const { afterMs, act } of happenings) {
    await time.pass(afterMs);
    await act(simulation);
  }
  await time.pass(afterwardsMs);
  await everythingRepaired(simulation);
  await time.pass(untilRestMs);
}

/** Returns the command that runs only this seed. */
export function commandForSeed(seed: number): string {
  return `npx node scripts/crash-plans.ts --seed ${seed}`;
}
