/**
 * Switches an account, or the whole cluster, from one identity mode to the other while apps run. The identity gate of
 * the workload planner decides which apps roll, when and how often, so the account planner and the gate are tested
 * together.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IdentityMode } from '../../api/index.ts';
import { planAccount, wantedMode, type Step } from '../../identity/index.ts';
import {
  applyStep,
  createWorld,
  edit,
  facts,
  isServed,
  makePod,
  observe,
  type SimulatedPod,
  type SimulatedWorld,
} from '../../identity/testing/simulated-world.ts';
import { identityGate } from '../../workloads/identity-gate.ts';

const targets = ['canary', 'production', 'staging'];
const modes = ['IRSA', 'PodIdentity'] as const;

/**
 * A Deployment, reduced to the identity mark in its pod template (role ARN and audience), and all marks that the
 * template has had.
 */
type RunningApp = { readonly target: string; mark: string | undefined; readonly marks: string[] };

type Switch = { readonly of: 'account' | 'cluster'; readonly mode: IdentityMode };

/** Record of one simulated run. */
type Reported = {
  /** Descriptions of the pods that lost their credentials. */
  readonly cutOff: string[];
  /** Association steps of all targets, in the order of execution. */
  readonly associated: string[];
};

function podsOf(world: SimulatedWorld, target: string): readonly SimulatedPod[] {
  return world.namespaces.get(target)?.pods ?? [];
}

/** Simulates a rolling update: creates the new pod first, and then removes the old pods. */
function roll(world: SimulatedWorld, app: RunningApp, replacesAtOnce: boolean): boolean {
  const gate = identityGate({
    account: 'myaccount',
    linkedServiceAccount: world.account,
    target: app.target,
    deployedMark: app.mark,
  });
  const namespace = world.namespaces.get(app.target);
  if (!namespace) return false;
  const old = namespace.pods ?? [];
  if (gate.open && gate.identity && gate.identity.mark !== app.mark) {
    app.mark = gate.identity.mark;
    app.marks.push(app.mark);
    makePod(world, app.target);
    if (replacesAtOnce) namespace.pods = podsOf(world, app.target).slice(-1);
    return true;
  }
  if (old.length < 2) return false;
  namespace.pods = old.slice(-1);
  return true;
}

/**
 * Runs rounds until the planner has no steps and all apps are rolled out.
 * @param pace one value per round: whether the apps roll out in this round. After the last value, the list starts
 * again. If the first value is false, every app replaces all its pods at once, without a rolling update
 */
function work(
  world: SimulatedWorld,
  apps: readonly RunningApp[],
  pace: readonly boolean[],
  reported: Reported,
): void {
  for (let round = 0; round < 400; round += 1) {
    const plan = planAccount(observe(world));
    if (plan.steps.length === 0) world.account = { ...world.account, status: plan.status };
    for (const step of plan.steps) {
      expectProvenBeforeRemoved(world, step);
      expectOneAtATime(world, step);
      applyStep(world, step);
      if (step.kind === 'CreateAssociation' || step.kind === 'DeleteAssociation')
        reported.associated.push(`${step.kind} ${step.target}`);
      else if (step.kind === 'ConfirmAssociation') reported.associated.push(`${step.kind} ${step.target}`);
      watch(world, reported);
    }
    const acts = pace[round % pace.length] ?? true;
    const rolled = acts && apps.map((app) => roll(world, app, !pace[0])).some(Boolean);
    watch(world, reported);
    if (rolled || !acts || plan.steps.length > 0) continue;
    if (plan.requeueAt === undefined || plan.requeueAt >= world.now + 60_000) return;
    world.now = plan.requeueAt;
  }
  throw new Error('it does not come to rest');
}

/**
 * Records pods that lost their credentials for any reason except the deletion of their association; see docs/adr/0006.
 */
function watch(world: SimulatedWorld, { cutOff }: Reported): void {
  for (const target of targets)
    for (const pod of podsOf(world, target)) {
      if (isServed(world, target, pod)) continue;
      const isEndOfAssociation =
        pod.holds?.mode === 'PodIdentity' &&
        !world.associations.has(target) &&
        wantedMode(world.account, world.facts) === 'IRSA';
      if (!isEndOfAssociation) cutOff.push(`${target}/${pod.name} with ${JSON.stringify(pod.holds)}`);
    }
}

/** Expects that a token of the ServiceAccount was exchanged under the current trust policy before the association is deleted. */
function expectProvenBeforeRemoved(world: SimulatedWorld, step: Step): void {
  if (step.kind !== 'DeleteAssociation') return;
  const proof = world.journal.findLast(
    ({ step: done }) =>
      (done.kind === 'ProveIdentity' && done.target === step.target && !done.pod) ||
      done.kind === 'UpdateTrustPolicy',
  );
  const isProof = proof?.step.kind === 'ProveIdentity' && proof.refused === undefined;
  expect(isProof, `${step.target} goes without its association unproven`).toBe(true);
}

/**
 * Expects that targets switch one at a time: in every other target that has begun the switch, no pod of the previous
 * mode is left.
 */
function expectOneAtATime(world: SimulatedWorld, step: Step): void {
  if (step.kind !== 'DeleteAssociation' && step.kind !== 'CreateAssociation') return;
  const wanted = wantedMode(world.account, world.facts);
  if ((step.kind === 'CreateAssociation') !== (wanted === 'PodIdentity')) return;
  // In a target with pods that hold a Pod Identity, a new association restores the credentials of these pods. It does
  // not begin a switch.
  const restores = podsOf(world, step.target).some(({ holds }) => holds?.mode === 'PodIdentity');
  if (step.kind === 'CreateAssociation' && restores) return;
  const begun = targets.filter(
    (target) =>
      target !== step.target &&
      world.associations.has(target) === (wanted === 'PodIdentity') &&
      podsOf(world, target).some(({ holds }) => holds && holds.mode !== wanted),
  );
  expect(begun, `${step.kind} ${step.target} while others are not current`).toEqual([]);
}

function start(mode: IdentityMode): { world: SimulatedWorld; apps: readonly RunningApp[] } {
  const world = createWorld();
  world.facts = { ...facts, targets, identityMode: mode };
  for (const target of targets) world.namespaces.set(target, { state: 'present', users: [] });
  return { world, apps: targets.map((target) => ({ target, mark: undefined, marks: [] })) };
}

function turn(world: SimulatedWorld, { of, mode }: Switch): void {
  if (of === 'cluster') world.facts = { ...world.facts, identityMode: mode };
  else edit(world, { aws: { ...world.account.spec.aws, identityMode: mode } });
}

const switches = fc.array(
  fc.record({
    of: fc.constantFrom('account', 'cluster'),
    mode: fc.constantFrom(...modes),
  }) as fc.Arbitrary<Switch>,
  { minLength: 1, maxLength: 4 },
);
const pace = fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }).map((acts) => [...acts, true]);

describe('a switch of the identity mode', () => {
  it('never interrupts the credentials of a running pod, and rolls each target exactly once', () => {
    fc.assert(
      fc.property(fc.constantFrom(...modes), switches, pace, (first, turns, rounds) => {
        const { world, apps } = start(first);
        const reported: Reported = { cutOff: [], associated: [] };
        work(world, apps, rounds, reported);
        let changes = 1;
        for (const one of turns) {
          const before = wantedMode(world.account, world.facts);
          turn(world, one);
          const after = wantedMode(world.account, world.facts);
          if (before !== after) changes += 1;
          work(world, apps, rounds, reported);
          for (const target of targets) {
            const pods = podsOf(world, target);
            expect(pods.map((pod) => pod.holds?.mode)).toEqual([after]);
            expect(pods.every((pod) => isServed(world, target, pod))).toBe(true);
          }
        }
        expect(reported.cutOff).toEqual([]);
        expect(apps.map(({ marks }) => marks.length)).toEqual(targets.map(() => changes));
        for (const row of world.account.status?.targets ?? []) expect(row).toMatchObject({ proven: true });
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it.each(modes)(
    'to %s proceeds target by target, and confirms each target before the next begins',
    (mode) => {
      const { world, apps } = start(mode === 'IRSA' ? 'PodIdentity' : 'IRSA');
      work(world, apps, [true], { cutOff: [], associated: [] });
      const reported: Reported = { cutOff: [], associated: [] };
      turn(world, { of: 'account', mode });
      work(world, apps, [true], reported);
      const change = mode === 'IRSA' ? 'DeleteAssociation' : 'CreateAssociation';
      expect(reported.associated).toEqual(
        targets.flatMap((target) => [`${change} ${target}`, `ConfirmAssociation ${target}`]),
      );
    },
  );
});
