/**
 * Properties of an account with several roles, including an adopted role in some runs. After any edits and faults, exactly one
 * role trusts and serves each target. After the deletion of the account, only roles that existed before the account remain.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planAccount } from './account.ts';
import { nameOf, theirs } from '../testing/settled-world.ts';
import {
  admits,
  applyStep,
  createWorld,
  edit,
  facts,
  observe,
  readOnly,
  requestDeletion,
  settle,
  resync,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import { stepKey } from '../steps/index.ts';
import type { Step } from '../steps/step.ts';
import { subjectOf, trustPolicy } from '../desired/trust.ts';

const targets = ['canary', 'main', 'stage', 'trial'];
/** Size in characters of a trust policy with this number of targets. */
const sizeFor = (count: number): number =>
  trustPolicy({ ...facts, subjects: targets.slice(-count).map((target) => subjectOf(target, 'myaccount')) })
    .length + 8;

type Happening =
  | { readonly is: 'targets'; readonly targets: readonly string[] }
  | { readonly is: 'quota'; readonly room: number }
  | { readonly is: 'namespaceGone' | 'namespaceBack' | 'stripped'; readonly target: string }
  | { readonly is: 'trustBroken' | 'roleDeleted'; readonly index: number }
  | { readonly is: 'boundary'; readonly isSet: boolean }
  | { readonly is: 'restart' | 'list' }
  | {
      readonly is: 'work';
      readonly steps: number;
      readonly end: End;
    };

/**
 * Outcome of the last step. `unlisted`: the operator is killed after the step, and the next listing does not show the step's role
 * yet.
 */
type End = 'done' | 'killedBefore' | 'killedAfter' | 'unlisted' | 'answerLost' | 'unsent';

const target = fc.constantFrom(...targets);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      is: fc.constant('work' as const),
      steps: fc.integer({ min: 0, max: 15 }),
      end: fc.constantFrom<End>('done', 'killedBefore', 'killedAfter', 'unlisted', 'answerLost', 'unsent'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      is: fc.constant('targets' as const),
      targets: fc.subarray(targets, { minLength: 1 }),
    }),
  },
  fc.record({ is: fc.constant('quota' as const), room: fc.integer({ min: 1, max: 4 }) }),
  fc.record({
    is: fc.constantFrom('namespaceGone' as const, 'namespaceBack' as const, 'stripped' as const),
    target,
  }),
  fc.record({
    is: fc.constantFrom('trustBroken' as const, 'roleDeleted' as const),
    index: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({ is: fc.constant('boundary' as const), isSet: fc.boolean() }),
  fc.record({ is: fc.constantFrom('restart' as const, 'list' as const) }),
);

function start(adopt: boolean, deletionPolicy: 'Delete' | 'Retain'): SimulatedWorld {
  const adoption = adopt ? { roleName: theirs.name, adopt } : {};
  const world = createWorld({ deletionPolicy, aws: { policyArns: [readOnly], ...adoption } });
  world.facts = { ...facts, targets, quotas: { ...facts.quotas, trustPolicySize: sizeFor(1) } };
  world.namespaces.clear();
  for (const name of targets) world.namespaces.set(name, { state: 'present', users: [] });
  world.roles.set(theirs.name, theirs);
  return world;
}

function happen(world: SimulatedWorld, what: Happening): void {
  switch (what.is) {
    case 'targets':
      // Lists the roles before each edit. Without this listing, an edit right after a crash, followed by a deletion, could leave
      // the last created role behind.
      resync(world);
      return edit(world, { targets: [...what.targets] });
    case 'quota':
      world.facts = { ...world.facts, quotas: { ...facts.quotas, trustPolicySize: sizeFor(what.room) } };
      return;
    case 'namespaceGone':
      world.namespaces.delete(what.target);
      return;
    case 'namespaceBack':
      if (!world.namespaces.has(what.target))
        world.namespaces.set(what.target, { state: 'present', users: [] });
      return;
    case 'stripped': {
      const namespace = world.namespaces.get(what.target);
      if (!namespace?.serviceAccount) return;
      const { roleArn: _, roleArnManager: __, ...rest } = namespace.serviceAccount;
      namespace.serviceAccount = rest;
      return;
    }
    case 'trustBroken': {
      const role = world.roles.get(nameOf(what.index));
      if (role) world.roles.set(role.name, { ...role, trustPolicy: theirs.trustPolicy });
      return;
    }
    case 'roleDeleted':
      world.roles.delete(nameOf(what.index));
      return;
    case 'boundary': {
      const { permissionsBoundaryArn: _, ...rest } = world.facts;
      world.facts = what.isSet ? { ...rest, permissionsBoundaryArn: readOnly } : rest;
      return;
    }
    case 'restart':
      return restart(world);
    case 'list':
      return resync(world);
    case 'work':
      return work(world, what.steps, what.end);
  }
}

function restart(world: SimulatedWorld): void {
  for (const map of [world.cachedRoles, world.failures, world.proofs, world.lastSynced]) map.clear();
  resync(world);
}

function work(world: SimulatedWorld, steps: number, end: End): void {
  let left = steps;
  while (!world.gone) {
    const plan = planAccount(observe(world));
    if (plan.steps.length === 0) world.account = { ...world.account, status: plan.status };
    if (plan.steps.length === 0 || left <= 0) return;
    for (const step of plan.steps) {
      left -= 1;
      if (left > 0 || end === 'done') applyStep(world, step);
      else {
        if (end === 'answerLost' || end === 'unsent') loseAnswer(world, step, end === 'answerLost');
        else {
          if (end !== 'killedBefore') applyStep(world, step);
          restart(world);
          if (end === 'unlisted' && step.kind === 'CreateRole') world.cachedRoles.delete(step.role);
        }
        return;
      }
    }
  }
}

/** Simulates a connection error: the operator does not learn whether the step was executed. */
function loseAnswer(world: SimulatedWorld, step: Step, isDone: boolean): void {
  if (!('role' in step) || step.kind === 'ReadRole') return;
  const before = world.cachedRoles.get(step.role);
  if (isDone) applyStep(world, step);
  // The operator knows neither whether the role exists nor who owns it.
  if (['CreateRole', 'DeleteRole', 'UntagRole'].includes(step.kind))
    world.cachedRoles.set(step.role, { role: null, source: 'list' });
  else if (before) world.cachedRoles.set(step.role, { ...before, readAgainAt: world.now + 15_000 });
  world.failures.set(stepKey(step), {
    code: 'Unreachable',
    message: 'the answer was lost',
    at: world.now,
    attempts: 1,
    retryAt: world.now + 500,
  });
}

function calm(world: SimulatedWorld): void {
  for (let round = 0; round < 6 && !world.gone; round += 1) {
    world.now += 600_000;
    resync(world);
    settle(world);
  }
}

function expectServed(world: SimulatedWorld): void {
  const wanted = (world.account.spec.targets ?? targets).filter((name) => world.namespaces.has(name));
  const roles = [...world.roles.values()];
  for (const name of targets) {
    const letIn = roles.filter((role) => admits(role.trustPolicy, 'IRSA', name, 'myaccount'));
    expect(letIn.map((role) => role.arn)).toEqual(
      wanted.includes(name) ? [world.namespaces.get(name)?.serviceAccount?.roleArn] : [],
    );
  }
  for (const role of roles) {
    if (role.name === theirs.name && !world.account.spec.aws.adopt) continue;
    expect(role.trustPolicy.length).toBeLessThanOrEqual(world.facts.quotas.trustPolicySize);
    expect(role.attachedPolicyArns).toEqual([readOnly]);
    // Without a boundary in the ClusterConfig, an adopted role keeps its own boundary.
    if (role.name !== theirs.name || world.facts.permissionsBoundaryArn !== undefined)
      expect(role.permissionsBoundaryArn).toBe(world.facts.permissionsBoundaryArn);
  }
}

it("each target of an account with several roles uses exactly one role, and the account's deletion leaves only retained roles and roles that existed before the account", () => {
  const stories = fc.array(happening, { maxLength: 10 });
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.constantFrom('Delete' as const, 'Retain' as const),
      stories,
      fc.boolean(),
      fc.array(happening, { maxLength: 5 }),
      (adopt, deletionPolicy, before, isCalm, after) => {
        const world = start(adopt, deletionPolicy);
        for (const what of before) happen(world, what);
        if (isCalm) {
          calm(world);
          expectServed(world);
        }
        requestDeletion(world);
        for (const what of after) if (!world.gone && what.is !== 'targets') happen(world, what);
        calm(world);
        // The account was deleted, or it never got the finalizer, and only the role that existed before remains.
        expect(world.gone || world.roles.size === 1).toBe(true);
        for (const { serviceAccount } of world.namespaces.values()) expect(serviceAccount).toBeUndefined();
        const isTaken = world.roles.get(theirs.name)?.tags['k11n.dev/adopted'] !== undefined;
        if (deletionPolicy === 'Delete' || !adopt) expect(isTaken).toBe(false);
        const retained = { 'k11n.dev/retained': facts.clusterArn, 'k11n.dev/account': 'myaccount' };
        expect(world.roles.get(theirs.name)).toMatchObject({ id: theirs.id });
        expect(world.roles.get(theirs.name)?.tags).toEqual(
          isTaken ? { ...theirs.tags, ...retained, 'k11n.dev/adopted': 'true' } : theirs.tags,
        );
        const left = [...world.roles.values()].filter(({ name }) => name !== theirs.name);
        if (deletionPolicy === 'Delete') expect(left.map(({ name }) => name)).toEqual([]);
        for (const role of left) expect(role.tags).toEqual(retained);
        if (!adopt) expect(world.roles.get(theirs.name)).toEqual(theirs);
      },
    ),
    { numRuns: 1000 },
  );
}, 900_000);
