/**
 * Fault plans of a scenario. For each write, to Kubernetes or to AWS, there is one plan for each of these faults: the
 * operator stops right after the write; it stops right before the write; the response to the write is
 * lost; the write is followed by a minute without a connection; or the next process starts with a view that is older than the
 * write. For each change there is one plan where all watches miss it. In other plans watches lag. Each run has to
 * reach the end state of the undisturbed run. The plans are not a sample: they cover all writes and changes of the
 * undisturbed run.
 */
import type { EndState } from './end-state.ts';
import type { Fate, OperatorProcess } from './operator-process.ts';
import {
  agreesWithStatus,
  countsOf,
  pauses,
  repeatsNoMore,
  rests,
  standsAs,
  type Violation,
} from './oracles.ts';
import { betweenActsMs, perform } from './perform.ts';
import { createDraws } from './random.ts';
import type { Scenario } from './scenarios.ts';
import { missedUntilMs, type Simulation, type SimulationOptions, type FaultSchedule } from './simulation.ts';

const crashes = ['killedBefore', 'killedAfter', 'answerLost', 'cutOff'] as const;

export type Plan =
  | { readonly kind: 'killedBefore'; readonly write: number }
  | { readonly kind: 'killedAfter'; readonly write: number }
  | { readonly kind: 'answerLost'; readonly write: number }
  | { readonly kind: 'cutOff'; readonly write: number }
  /** The response to this write is lost, and no watch reports the change either. */
  | { readonly kind: 'unheard'; readonly write: number }
  /** The process is killed after this write. The next process starts with a state of the cluster from some time ago. */
  | { readonly kind: 'olderView'; readonly write: number }
  /** Watches omit `count` consecutive changes, from change number `first` on. */
  | { readonly kind: 'missed'; readonly first: number; readonly count: number }
  /** For each change, with a probability of one half, no watch reports the change. */
  | { readonly kind: 'missedAtRandom'; readonly seed: number }
  | { readonly kind: 'lag'; readonly ms: number }
  /** IAM reads return the state from some time ago. */
  | { readonly kind: 'oldReads'; readonly ms: number }
  /**
   * The process is killed after this write. If the next process sends requests that accept any version, the server
   * responds to them from an old cache.
   */
  | { readonly kind: 'oldCache'; readonly write: number }
  /**
   * Two processes compete for the lease. At this write, the leader is paused for longer than its lease
   * (`pausedLeader`), or it is killed (`killedLeader`).
   */
  | { readonly kind: 'pausedLeader'; readonly write: number }
  | { readonly kind: 'killedLeader'; readonly write: number };

export type Reference = {
  readonly scenario: Scenario;
  /** Descriptions of the operator's writes, in the order in which it sent them. */
  readonly writes: readonly string[];
  /** Descriptions of the changes that watches reported. */
  readonly news: readonly string[];
  /** The state after each act, and at the end. */
  readonly states: readonly EndState[];
  readonly counts: ReadonlyMap<string, number>;
  readonly violations: readonly Violation[];
};

/** Duration of a lost connection, and age of an older view, in milliseconds. */
const cutOffMs = 60_000;
const olderMs = 30_000;
const lags = [100, 1_000, 5_000, 30_000];
const oldReads = [5_000, 10_000];
/**
 * Age of a stale cache, in milliseconds. Right after the third act, such a cache still has the state after the first
 * act, while the operator has had time to see the second act.
 */
const cacheAgeMs = 2 * betweenActsMs;
export const leaseMs = 15_000;
const pauseMs = 60_000;
/** Number of consecutive changes that watches miss, as when a busy server or a long interruption merges them. */
const missedInARow = 6;
const randomSubsets = 8;

export async function referenceOf(scenario: Scenario): Promise<Reference> {
  const { simulation, monitor, states, violations: late } = await perform(scenario);
  const reference = {
    scenario,
    writes: simulation.writes.map(({ what }) => what),
    news: [...simulation.news],
    states,
    counts: countsOf(simulation),
  };
  const views = await agreesWithStatus(simulation);
  const violations = [
    ...monitor.violations,
    ...late,
    ...views,
    ...(await rests(simulation)),
    ...pauses(simulation),
  ];
  return { ...reference, violations };
}

export const crashPlansOf = ({ writes }: Reference): readonly Plan[] =>
  writes.flatMap((what, write) => [
    ...crashes.map((kind) => ({ kind, write })),
    ...(isWatched(what) ? [{ kind: 'unheard', write } as const] : []),
  ]);

/** Whether watches report the change: AWS has no watches, and the operator watches no Events. */
const isWatched = (what: string): boolean => what.startsWith('kube ') && !what.includes(' events ');

export const stalePlansOf = ({ writes, news }: Reference): readonly Plan[] => [
  ...lags.map((ms) => ({ kind: 'lag', ms }) as const),
  ...oldReads.map((ms) => ({ kind: 'oldReads', ms }) as const),
  ...writes.map((_, write) => ({ kind: 'olderView', write }) as const),
  ...news.flatMap((_, first) => [1, 2].map((count) => ({ kind: 'missed', first, count }) as const)),
  ...news.flatMap((_, first) =>
    first % missedInARow === 0 ? ({ kind: 'missed', first, count: missedInARow } as const) : [],
  ),
  ...Array.from({ length: randomSubsets }, (_, seed) => ({ kind: 'missedAtRandom', seed }) as const),
];

export const leaderPlansOf = ({ writes }: Reference): readonly Plan[] =>
  writes.flatMap((_, write) => (['pausedLeader', 'killedLeader'] as const).map((kind) => ({ kind, write })));

/**
 * Plans that are run only to catch planted bugs: the correct operator asks the API server for the most recent state, so
 * it never starts from an old watch cache.
 */
export const oldCachePlansOf = ({ writes }: Reference): readonly Plan[] =>
  writes.map((_, write) => ({ kind: 'oldCache', write }));

export async function violationsOf(reference: Reference, plan: Plan): Promise<readonly Violation[]> {
  const { blindMs = 0, starts = 1, repetitions = 0, disturb, ...options } = effectsOf(plan);
  const performed = await perform(reference.scenario, options, blindMs, disturb);
  const { simulation, monitor, states } = performed;
  const crash: Violation[] =
    simulation.starts() === starts
      ? []
      : [
          {
            oracle: 'crash',
            message: `the operator was started ${simulation.starts()} times, not ${starts}`,
          },
        ];
  const found = [
    ...monitor.violations,
    ...performed.violations,
    ...crash,
    ...standsAs(states, reference.states),
    ...repeatsNoMore(simulation, reference.counts, repetitions),
    ...(await agreesWithStatus(simulation)),
  ];
  return [...found, ...(await rests(simulation)), ...pauses(simulation)];
}

type Effects = Pick<SimulationOptions, 'faults' | 'leases'> & {
  readonly disturb?: (simulation: Simulation) => void;
  /** Maximum time that changes are hidden from the operator. */
  readonly blindMs?: number;
  readonly starts?: number;
  /**
   * Number of creations or deletions of an object that are accepted in addition to those of the undisturbed run. The
   * operator can repeat a write whose outcome it does not know.
   */
  readonly repetitions?: number;
};

function effectsOf(plan: Plan): Effects {
  switch (plan.kind) {
    case 'killedBefore':
    case 'killedAfter':
      return {
        faults: { fate: ({ index }) => (index === plan.write ? { fault: plan.kind } : {}) },
        starts: 2,
        repetitions: 1,
      };
    case 'answerLost':
      return {
        faults: { fate: ({ index }) => (index === plan.write ? { fault: 'answerLost' } : {}) },
        repetitions: 1,
      };
    case 'cutOff':
      return { faults: cutOffAt(plan.write), repetitions: 1 };
    case 'unheard':
      return unheard(plan.write);
    case 'olderView':
      return {
        faults: {
          fate: ({ index }) => (index === plan.write ? { fault: 'killedAfter' } : {}),
          ageMs: (starts) => (starts === 0 ? 0 : olderMs),
        },
        blindMs: olderMs,
        starts: 2,
        repetitions: 1,
      };
    case 'missed':
      return {
        faults: { misses: (index) => index >= plan.first && index < plan.first + plan.count },
        blindMs: missedUntilMs,
      };
    case 'missedAtRandom': {
      const draws = createDraws(plan.seed);
      return { faults: { misses: () => draws.chance(0.5) }, blindMs: missedUntilMs };
    }
    case 'lag':
      return { faults: { lagMs: () => plan.ms }, blindMs: plan.ms };
    case 'oldReads':
      return { faults: { readLagMs: () => plan.ms }, blindMs: plan.ms };
    case 'oldCache':
      return {
        faults: {
          fate: ({ index }) => (index === plan.write ? { fault: 'killedAfter' } : {}),
          cacheAgeMs: (starts) => (starts === 0 ? 0 : cacheAgeMs),
        },
        starts: 2,
        repetitions: 1,
      };
    case 'pausedLeader':
      return withoutLeader(plan.write, (simulation, leader) => {
        leader.pause();
        simulation.time.setTimer(() => leader.resume(), pauseMs);
      });
    case 'killedLeader':
      return withoutLeader(plan.write, (_, leader) => leader.kill());
  }
}

/** Runs two processes. At this write, `lose` pauses or kills the leader. */
function withoutLeader(
  write: number,
  lose: (simulation: Simulation, leader: OperatorProcess) => void,
): Effects {
  let world: Simulation | undefined;
  return {
    leases: { processes: 2, durationMs: leaseMs },
    faults: {
      fate({ index, process }) {
        const leader = world?.processes.find(({ name }) => name === process);
        if (index === write && world && leader) lose(world, leader);
        return {};
      },
    },
    disturb(simulation) {
      world = simulation;
    },
    // A process that has lost the lease exits and is started again.
    starts: 3,
    repetitions: 1,
  };
}

/** Loses the response to this write, and hides its change from watches. Only a later list shows the result. */
function unheard(write: number): Effects {
  let isNext = false;
  let isSilent = false;
  return {
    faults: {
      fate({ index }) {
        isNext = index === write;
        return isNext ? { fault: 'answerLost' } : {};
      },
      misses: () => isSilent,
    },
    disturb(simulation) {
      simulation.onArrival(() => {
        isSilent = isNext;
        isNext = false;
        // The write is applied immediately, before any other task runs.
        queueMicrotask(() => (isSilent = false));
        return undefined;
      });
    },
    blindMs: missedUntilMs,
    repetitions: 1,
  };
}

function cutOffAt(write: number): FaultSchedule {
  let cut: { readonly system: string; readonly until: number } | undefined;
  return {
    fate({ index, system }, now): Fate {
      if (index === write) {
        cut = { system, until: now + cutOffMs };
        return { fault: 'answerLost' };
      }
      return cut?.system === system && now < cut.until ? { fault: 'unsent' } : {};
    },
  };
}

/** Returns a short word for the plan: `killedAfter:12`, `missed:30+6`, `lag:5000`. */
export function wordFor(plan: Plan): string {
  switch (plan.kind) {
    case 'missed':
      return `missed:${plan.first}+${plan.count}`;
    case 'missedAtRandom':
      return `missedAtRandom:${plan.seed}`;
    case 'lag':
    case 'oldReads':
      return `${plan.kind}:${plan.ms}`;
    default:
      return `${plan.kind}:${plan.write}`;
  }
}

/** Returns the command that runs only this plan. */
export function commandFor({ scenario }: Reference, plan: Plan): string {
  return `npx node scripts/crash-plans.ts --scenario '${scenario.name}' --plan ${wordFor(plan)}`;
}
