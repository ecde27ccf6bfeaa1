/** Random faults over several minutes, determined by a seed. Each run has only some kinds of faults. */
import type { Fate, Fault, Request } from './operator-process.ts';
import type { Draws } from './random.ts';
import { missedUntilMs, type Simulation, type SimulationOptions, type FaultSchedule } from './simulation.ts';

export type RandomFaultSchedule = {
  readonly options: Pick<SimulationOptions, 'faults' | 'leases'>;
  /** Maximum time from a change until the operator has observed it, including the delays of the operator's calls. */
  readonly blindMs: number;
  readonly readsLag: boolean;
  readonly disturb: (simulation: Simulation) => void;
  /** Number of requests with an unknown outcome. Each object may be created or deleted this many additional times. */
  readonly interruptions: () => number;
  readonly words: readonly string[];
};

const faults: readonly Fault[] = [
  'killedBefore',
  'killedAfter',
  'answerLost',
  'unsent',
  'failed',
  'throttled',
];
/** Maximum time that a throttled or failed call waits for its retry, while other calls continue. */
const holdUpMs = 60_000;

/** @param forMs duration of the faults; there are no faults afterwards */
export function randomFaultSchedule(draws: Draws, startMs: number, forMs: number): RandomFaultSchedule {
  const words: string[] = [];
  let endsAt = Infinity;
  let interruptions = 0;
  const isBad = (now: number): boolean => now < endsAt;

  const sorts = draws.chance(0.7) ? draws.someOf(faults, 1) : [];
  const odds = draws.oneOf([0.02, 0.05, 0.15]);
  if (sorts.length > 0) words.push(`of each ${Math.round(1 / odds)} requests one is ${sorts.join(', ')}`);
  const latencyMs = draws.chance(0.4) ? draws.oneOf([100, 2_000]) : 0;
  if (latencyMs > 0) words.push(`requests take up to ${latencyMs} ms each way`);
  const fates = draws.fork('fates');
  const fate = ({ kind }: Request, now: number): Fate => {
    if (!isBad(now)) return {};
    const ways = latencyMs > 0 && fates.chance(0.3) ? ways2(fates, latencyMs) : {};
    if (sorts.length === 0 || !fates.chance(odds)) return ways;
    const fault = fates.oneOf(sorts);
    if (kind === 'lease' && fault.startsWith('killed')) return ways;
    if (kind === 'write' && fault !== 'unsent' && fault !== 'failed' && fault !== 'throttled')
      interruptions += 1;
    return { ...ways, fault };
  };

  const lagMs = draws.chance(0.4) ? draws.oneOf([200, 3_000, 30_000]) : 0;
  if (lagMs > 0) words.push(`watches lag by up to ${lagMs} ms`);
  const lags = draws.fork('lags');
  const ageMs = draws.chance(0.2) ? draws.oneOf([2_000, 30_000]) : 0;
  if (ageMs > 0) words.push(`who starts sees what was so ${ageMs} ms ago`);
  const missOdds = draws.chance(0.3) ? draws.oneOf([0.05, 0.5]) : 0;
  if (missOdds > 0) words.push(`watches miss ${missOdds * 100} of 100 changes`);
  const misses = draws.fork('misses');
  const readLagMs = draws.chance(0.3) ? draws.oneOf([1_000, 10_000]) : 0;
  if (readLagMs > 0) words.push(`IAM tells of what was so up to ${readLagMs} ms ago`);
  const readLags = draws.fork('reads');
  const trustLagMs = draws.chance(0.4) ? draws.oneOf([1_000, 20_000]) : 0;
  if (trustLagMs > 0) words.push(`STS knows nothing younger than ${trustLagMs} ms`);
  const breaks = Array.from({ length: draws.chance(0.4) ? draws.between(1, 4) : 0 }, () => ({
    at: draws.between(0, forMs),
    forget: draws.chance(0.5),
  }));
  for (const { at, forget } of breaks)
    words.push(`watches break at ${at} ms${forget ? ', and cannot go on' : ''}`);
  const isPair = draws.chance(0.2);
  if (isPair) words.push('two processes take turns');
  const kills = Array.from({ length: draws.chance(0.4) ? draws.between(1, 3) : 0 }, () =>
    draws.between(0, forMs),
  );
  for (const at of kills) words.push(`all processes die at ${at} ms`);
  const pauses = Array.from({ length: isPair ? draws.between(1, 2) : 0 }, () => ({
    at: draws.between(0, forMs),
    forMs: draws.between(1_000, 60_000),
  }));
  for (const pause of pauses) words.push(`the leader stands still at ${pause.at} ms, for ${pause.forMs} ms`);

  const schedule: FaultSchedule = {
    fate,
    lagMs: (now) => (lagMs > 0 && isBad(now) ? lags.between(0, lagMs) : 0),
    ageMs: (starts) => (starts === 0 ? 0 : ageMs),
    misses: () => missOdds > 0 && clock !== undefined && isBad(clock()) && misses.chance(missOdds),
    readLagMs: (now) => (readLagMs > 0 && isBad(now) ? readLags.between(0, readLagMs) : 0),
    trustLagMs: (now) => (isBad(now) ? trustLagMs : 0),
  };
  let clock: (() => number) | undefined;
  return {
    options: { faults: schedule, ...(isPair ? { leases: { processes: 2, durationMs: 15_000 } } : {}) },
    blindMs:
      lagMs +
      ageMs +
      readLagMs +
      2 * latencyMs +
      (missOdds > 0 ? missedUntilMs : 0) +
      (sorts.length > 0 || breaks.length > 0 ? holdUpMs : 0),
    readsLag: readLagMs > 0,
    words,
    interruptions: () => interruptions,
    disturb(simulation) {
      const { time, server } = simulation;
      clock = time.now;
      endsAt = time.now() + startMs + forMs;
      for (const { at, forget } of breaks)
        time.setTimer(() => server.interruptWatches({ forget }), startMs + at);
      for (const at of kills)
        time.setTimer(() => {
          interruptions += simulation.processes.length;
          simulation.restart();
        }, startMs + at);
      for (const pause of pauses)
        time.setTimer(() => {
          const leader = simulation.processes.find((process) => process.isLeading());
          leader?.pause();
          interruptions += 1;
          time.setTimer(() => leader?.resume(), pause.forMs);
        }, startMs + pause.at);
    },
  };
}

function ways2(draws: Draws, mostMs: number): Pick<Fate, 'requestDelayMs' | 'responseDelayMs'> {
  return { requestDelayMs: draws.between(0, mostMs), responseDelayMs: draws.between(0, mostMs) };
}
