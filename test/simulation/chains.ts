/**
 * Chains of specs: an account, and an app that uses it, are edited many times with varying delays, including an invalid
 * edit that is reverted. The end state of a chain depends only on its last spec: a cluster that is given only this spec
 * has the same end state.
 */
import type { LinkedServiceAccountSpec } from '../../src/api/index.ts';
import { applyAccount, applyApp, policies, type AccountSpec } from './acts.ts';
import { endState } from './end-state.ts';
import { checkInvariants } from './invariants/invariants.ts';
import { agreesWithStatus, rests, standsAs, type Violation } from './oracles.ts';
import { promptMs } from './perform.ts';
import { createDraws, type Draws } from './random.ts';
import { randomSpec } from './random-acts.ts';
import { policiesPerRole } from './simulated-aws.ts';
import { startSimulation, targets, type Simulation } from './simulation.ts';

export type Chain = { readonly specs: readonly AccountSpec[]; readonly gapsMs: readonly number[] };

/** Time before the first spec and after the last, in milliseconds. */
const startMs = 5_000;
const untilRestMs = 900_000;

const app = {
  serviceAccount: 'a',
  targets: targets.map((name) => ({ name, deployMode: 'latest' as const })),
};

/** Returns a chain whose last three specs are an invalid spec, an earlier spec again, and a valid spec. */
export function chainOf(seed: number, length: number): Chain {
  const draws = createDraws(seed).fork('chain');
  const specs = Array.from({ length: length - 3 }, () => randomSpec(draws));
  const earlier = feasible(draws.oneOf(specs));
  const invalid = { ...earlier, aws: { ...earlier.aws, policyArns: [...policies(policiesPerRole + 1)] } };
  const last = feasible(randomSpec(draws));
  return {
    specs: [...specs, invalid, earlier, last],
    gapsMs: Array.from({ length }, () => randomGap(draws)),
  };
}

/** Most edits are made before the operator has applied the previous one. */
function randomGap(draws: Draws): number {
  const most = draws.weighted([
    [5, 0],
    [3, 300],
    [1, 10_000],
  ]);
  return draws.between(0, most);
}

/** Returns the spec with all targets, and with no more policies than a role can have. */
function feasible({ aws, targets: _, ...spec }: AccountSpec): AccountSpec {
  return { ...spec, aws: { ...aws, policyArns: [...(aws?.policyArns ?? [])].slice(0, policiesPerRole) } };
}

export async function violationsOfChain({ specs, gapsMs }: Chain): Promise<readonly Violation[]> {
  let monitor: { readonly violations: readonly Violation[] } = { violations: [] };
  const simulation = await startSimulation({
    prepare: async (prepared) => {
      monitor = checkInvariants(prepared, { unawareMs: promptMs });
    },
  });
  await simulation.time.pass(startMs);
  await applyApp('app', app)(simulation);
  for (const [index, spec] of specs.entries()) {
    await applyAccount('a', spec)(simulation);
    await simulation.time.pass(gapsMs[index] ?? 0);
  }
  await simulation.time.pass(untilRestMs);
  const fresh = await freshApplyOf(specs.at(-1) ?? {});
  return [
    ...monitor.violations,
    ...standsAs([endState(simulation)], [endState(fresh)]),
    ...(await agreesWithStatus(simulation)),
    ...(await rests(simulation)),
  ];
}

async function freshApplyOf(spec: AccountSpec): Promise<Simulation> {
  const simulation = await startSimulation();
  await simulation.time.pass(startMs);
  await applyApp('app', app)(simulation);
  await applyAccount('a', spec)(simulation);
  await simulation.time.pass(untilRestMs);
  return simulation;
}

/** Whether the chain contains an invalid spec. A chain without an invalid spec tests too little. */
export function hasInvalidSpec({ specs }: Chain): boolean {
  const lengthOf = (aws: Partial<LinkedServiceAccountSpec['aws']> | undefined): number =>
    aws?.policyArns?.length ?? 0;
  return specs.slice(0, -1).some(({ aws }) => lengthOf(aws) > policiesPerRole);
}
