/**
 * Every write of every scenario, to Kubernetes and to AWS, is once the last thing the operator did, once the last thing it
 * tried, once one whose answer it never heard, and once the last before the connection is gone for a minute. Each run has to
 * end where the undisturbed one ends. The plans are not picked: they are the writes that the undisturbed run was seen to make.
 */
import { endState, type EndState } from './end-state.ts';
import type { Fate } from './operator-process.ts';
import { agreesWithStatus, countsOf, endsAs, repeatsNoMore, rests, type Violation } from './oracles.ts';
import { perform, type Scenario } from './scenarios.ts';
import type { Weather } from './simulation.ts';

export const crashes = ['killedBefore', 'killedAfter', 'answerLost', 'cutOff'] as const;
export type Crash = (typeof crashes)[number];

export type Plan = { readonly write: number; readonly how: Crash };

export type Reference = {
  readonly scenario: Scenario;
  /** In words, in the order in which they were sent. */
  readonly writes: readonly string[];
  readonly end: EndState;
  readonly counts: ReadonlyMap<string, number>;
  readonly violations: readonly Violation[];
};

/** How long a connection stays cut off, in milliseconds. */
const cutOffMs = 60_000;

export async function referenceOf(scenario: Scenario): Promise<Reference> {
  const { simulation, monitor } = await perform(scenario);
  const reference = {
    scenario,
    writes: simulation.writes.map(({ what }) => what),
    end: endState(simulation),
    counts: countsOf(simulation.effects),
  };
  const views = await agreesWithStatus(simulation);
  return { ...reference, violations: [...monitor.violations, ...views, ...(await rests(simulation))] };
}

export function plansOf({ writes }: Reference): readonly Plan[] {
  return writes.flatMap((_, write) => crashes.map((how) => ({ write, how })));
}

export async function violationsOf(reference: Reference, plan: Plan): Promise<readonly Violation[]> {
  const { simulation, monitor } = await perform(reference.scenario, weatherOf(plan));
  const starts = plan.how.startsWith('killed') ? 2 : 1;
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
    ...crash,
    ...endsAs(simulation, reference.end),
    ...repeatsNoMore(simulation, reference.counts, 1),
    ...(await agreesWithStatus(simulation)),
  ];
  return [...found, ...(await rests(simulation))];
}

function weatherOf({ write, how }: Plan): Weather {
  let cut: { readonly system: string; readonly until: number } | undefined;
  return {
    fate({ index, system }, now): Fate {
      if (index === write) {
        if (how !== 'cutOff') return { fault: how };
        cut = { system, until: now + cutOffMs };
        return { fault: 'answerLost' };
      }
      return cut?.system === system && now < cut.until ? { fault: 'unsent' } : {};
    },
  };
}

/** The command that runs this plan again, alone. */
export function commandFor({ scenario }: Reference, { write, how }: Plan): string {
  return `npx node scripts/crash-plans.ts --scenario '${scenario.name}' --write ${write} --how ${how}`;
}
