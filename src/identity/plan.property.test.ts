/** Whatever people, others and bad luck do to an account's world: the planner ends in the wanted state and touches nothing else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conditionOf } from '../api/index.ts';
import { roleName } from './names.ts';
import { planAccount } from './plan.ts';
import { screenPolicies } from './policies.ts';
import {
  carryOut,
  createWorld,
  edit,
  facts,
  observe,
  requestDeletion,
  settle,
  sweep,
  type SimulatedWorld,
} from './testing/simulated-world.ts';
import { stepKey, type Step } from './steps.ts';
import { subjectOf } from './trust.ts';
import type { ObservedRole } from './world.ts';

const base = roleName({ clusterArn: facts.clusterArn, clusterName: facts.name, account: 'myaccount' });
const policies = ['A', 'B', 'C', 'D', 'E'].map((name) => `arn:aws:iam::aws:policy/${name}`);
const missing = 'arn:aws:iam::aws:policy/Missing';
const targets = ['production', 'staging', 'canary'];

/** What can happen to the world, by name so that a counterexample reads well. */
type Happening =
  | {
      readonly is: 'edit';
      readonly policies: readonly string[];
      readonly targets: readonly string[] | undefined;
    }
  | { readonly is: 'policyDetached'; readonly which: number }
  | { readonly is: 'policyAttached'; readonly arn: string }
  | { readonly is: 'trustBroken' }
  | { readonly is: 'roleDeleted' }
  | { readonly is: 'boundarySet' }
  | { readonly is: 'namespaceGone'; readonly target: string }
  | { readonly is: 'namespaceBack'; readonly target: string }
  | { readonly is: 'annotationLost'; readonly target: string }
  | { readonly is: 'restart' }
  | { readonly is: 'sweep' }
  | { readonly is: 'time'; readonly seconds: number }
  /** The operator works for a while: how many steps it gets done, and how the last one ends. */
  | {
      readonly is: 'work';
      readonly steps: number;
      readonly end: 'done' | 'killedBefore' | 'killedAfter' | 'answerLost';
    };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      is: fc.constant('work' as const),
      steps: fc.integer({ min: 0, max: 12 }),
      end: fc.constantFrom('done', 'killedBefore', 'killedAfter', 'answerLost'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      is: fc.constant('edit' as const),
      policies: fc.subarray([...policies, missing]),
      targets: fc.option(fc.subarray(targets, { minLength: 1 }), { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ is: 'sweep' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ is: fc.constant('time' as const), seconds: fc.integer({ min: 1, max: 900 }) }),
  },
  fc.record({ is: fc.constant('policyDetached' as const), which: fc.nat(5) }),
  fc.record({ is: fc.constant('policyAttached' as const), arn: fc.constantFrom(...policies) }),
  fc.constant({ is: 'trustBroken' as const }),
  fc.constant({ is: 'roleDeleted' as const }),
  fc.constant({ is: 'boundarySet' as const }),
  fc.record({ is: fc.constant('namespaceGone' as const), target: fc.constantFrom(...targets) }),
  fc.record({ is: fc.constant('namespaceBack' as const), target: fc.constantFrom(...targets) }),
  fc.record({ is: fc.constant('annotationLost' as const), target: fc.constantFrom(...targets) }),
  fc.constant({ is: 'restart' as const }),
);

/** Roles that are not ours and must stay as they are, one of them with a name that could be a further role of ours. */
const foreigners: readonly ObservedRole[] = ['someone-elses', `${base}-2`].map((name) => ({
  name,
  arn: `arn:aws:iam::123456789012:role/konstellation/${name}`,
  id: 'AROAFOREIGN',
  path: '/konstellation/',
  trustPolicy: '{"Version":"2012-10-17","Statement":[]}',
  attachedPolicyArns: [policies[0] ?? ''],
  inlinePolicyNames: ['theirs'],
  maxSessionDuration: 3600,
  tags: {
    'k11n.dev/managed-by': 'konstellation',
    'k11n.dev/cluster': 'another',
    'k11n.dev/account': 'myaccount',
  },
}));

function start(): SimulatedWorld {
  const world = createWorld();
  world.facts = { ...facts, targets };
  for (const target of targets) world.namespaces.set(target, { state: 'present', users: [] });
  world.missingPolicies.add(missing);
  for (const role of foreigners) world.roles.set(role.name, role);
  return world;
}

function happen(world: SimulatedWorld, what: Happening): void {
  const role = world.roles.get(base);
  const change = (to: Partial<ObservedRole>): void => {
    if (role) world.roles.set(base, { ...role, ...to });
  };
  switch (what.is) {
    case 'edit':
      return edit(world, {
        aws: { policyArns: [...what.policies] },
        ...(what.targets ? { targets: [...what.targets] } : {}),
      });
    case 'policyDetached':
      return change({
        attachedPolicyArns: (role?.attachedPolicyArns ?? []).filter((_, index) => index !== what.which),
      });
    case 'policyAttached':
      return change({ attachedPolicyArns: [...new Set([...(role?.attachedPolicyArns ?? []), what.arn])] });
    case 'trustBroken':
      return change({
        trustPolicy: '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*"}]}',
      });
    case 'boundarySet':
      return change({ permissionsBoundaryArn: policies[0] ?? '' });
    case 'roleDeleted':
      world.roles.delete(base);
      return;
    case 'namespaceGone':
      world.namespaces.delete(what.target);
      return;
    case 'namespaceBack':
      if (!world.namespaces.has(what.target))
        world.namespaces.set(what.target, { state: 'present', users: [] });
      return;
    case 'annotationLost': {
      const namespace = world.namespaces.get(what.target);
      if (namespace?.serviceAccount) {
        const { roleArn: _, roleArnManager: __, ...rest } = namespace.serviceAccount;
        namespace.serviceAccount = rest;
      }
      return;
    }
    case 'restart':
      return restart(world);
    case 'sweep':
      return sweep(world);
    case 'time':
      world.now += what.seconds * 1000;
      return;
    case 'work':
      return work(world, what.steps, what.end);
  }
}

function restart(world: SimulatedWorld): void {
  world.beliefs.clear();
  world.failures.clear();
  world.proofs.clear();
  sweep(world);
}

function work(world: SimulatedWorld, steps: number, end: Extract<Happening, { is: 'work' }>['end']): void {
  let left = steps;
  for (;;) {
    const plan = planAccount(observe(world));
    if (plan.steps.length === 0 || left <= 0) {
      if (plan.steps.length === 0) world.account = { ...world.account, status: plan.status };
      return;
    }
    for (const step of plan.steps) {
      left -= 1;
      if (left > 0 || end === 'done') {
        carryOut(world, step);
        continue;
      }
      if (end === 'killedAfter') carryOut(world, step);
      if (end === 'answerLost') loseAnswer(world, step);
      else restart(world);
      return;
    }
  }
}

/** It was done, but all we hear is that the connection broke. */
function loseAnswer(world: SimulatedWorld, step: Step): void {
  const believed = new Map(world.beliefs);
  carryOut(world, step);
  if (step.kind === 'AddFinalizer' || step.kind === 'RemoveFinalizer') return;
  world.beliefs.clear();
  for (const [name, belief] of believed) world.beliefs.set(name, belief);
  // Whether there is a role now is not known.
  if (step.kind === 'CreateRole') world.beliefs.delete(step.role);
  world.failures.set(stepKey(step), {
    code: 'Unreachable',
    message: 'the answer was lost',
    at: world.now,
    attempts: 1,
    retryAt: world.now + 500,
  });
  if (step.kind === 'ProveIdentity') world.proofs.set(step.target, { key: '', at: world.now });
}

/** The last fault is over: time passes, IAM is listed, and the operator works until it has nothing left to do. */
function calm(world: SimulatedWorld): void {
  for (let round = 0; round < 6; round += 1) {
    world.now += 600_000;
    sweep(world);
    settle(world);
  }
}

function expectInStep(world: SimulatedWorld): void {
  const { account } = world;
  const wanted = screenPolicies(account.spec.aws.policyArns, world.facts).wanted.filter(
    (arn) => arn !== missing,
  );
  const role = world.roles.get(base);
  expect([...(role?.attachedPolicyArns ?? [])].sort()).toEqual([...wanted].sort());
  expect(role?.permissionsBoundaryArn).toBeUndefined();
  const admitted = (account.spec.targets ?? targets).filter((target) => world.namespaces.has(target)).sort();
  const trust = JSON.parse(role?.trustPolicy ?? '{}') as {
    Statement: [{ Effect: string; Condition?: { StringEquals: Record<string, unknown> } }];
  };
  const subjects = Object.entries(trust.Statement[0].Condition?.StringEquals ?? {}).find(([key]) =>
    key.endsWith(':sub'),
  )?.[1];
  expect(trust.Statement[0].Effect).toBe(admitted.length > 0 ? 'Allow' : 'Deny');
  expect(subjects ?? []).toEqual(admitted.map((target) => subjectOf(target, 'myaccount')));
  for (const target of targets) {
    const serviceAccount = world.namespaces.get(target)?.serviceAccount;
    expect(serviceAccount?.roleArn).toBe(admitted.includes(target) ? role?.arn : undefined);
  }
  const ready = conditionOf(account.status?.conditions, 'Ready')?.status;
  const allThere = (account.spec.targets ?? targets).every((target) => world.namespaces.has(target));
  expect(ready).toBe(allThere && !account.spec.aws.policyArns.includes(missing) ? 'True' : 'False');
  expect(account.status?.targets?.filter((row) => row.proven).map((row) => row.name)).toEqual(admitted);
}

function expectForeignersUntouched(world: SimulatedWorld): void {
  for (const role of foreigners) expect(world.roles.get(role.name)).toEqual(role);
  for (const { step } of world.journal) {
    if ('role' in step && step.kind !== 'ReadRole' && step.kind !== 'CreateRole') {
      expect(foreigners.map((role) => role.name)).not.toContain(step.role);
    }
  }
}

describe('whatever happens', () => {
  it('an account ends in step, nothing is left to do, and nothing foreign was touched', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 14 }), (story) => {
        const world = start();
        for (const what of story) happen(world, what);
        calm(world);
        expectInStep(world);
        expectForeignersUntouched(world);
        const before = world.journal.length;
        settle(world);
        expect(world.journal.slice(before).map((entry) => entry.step.kind)).toEqual([]);
      }),
      { numRuns: 10_000 },
    );
  }, 300_000);

  it('a deletion leaves nothing of ours behind, and all that is foreign', () => {
    fc.assert(
      fc.property(
        fc.array(happening, { maxLength: 10 }),
        fc.array(happening, { maxLength: 6 }),
        (before, after) => {
          const world = start();
          for (const what of before) happen(world, what);
          requestDeletion(world);
          for (const what of after) if (!world.gone && what.is !== 'edit') happen(world, what);
          calm(world);
          expect(world.roles.has(base)).toBe(false);
          expect([...world.roles.keys()].sort()).toEqual(foreigners.map((role) => role.name).sort());
          for (const namespace of world.namespaces.values()) expect(namespace.serviceAccount).toBeUndefined();
          expectForeignersUntouched(world);
        },
      ),
      { numRuns: 3000 },
    );
  }, 300_000);

  it('an edit of policies never detaches what stays listed, and attaches before it detaches', () => {
    const lists = fc.subarray(policies);
    fc.assert(
      fc.property(lists, lists, (before, after) => {
        const world = start();
        edit(world, { aws: { policyArns: before } });
        settle(world);
        world.journal.length = 0;
        edit(world, { aws: { policyArns: after } });
        settle(world);
        const kinds = world.journal.map(({ step }) => step.kind);
        expect(kinds.filter((kind) => kind === 'ProveIdentity')).toEqual([]);
        const lastAttach = kinds.lastIndexOf('AttachPolicy');
        const firstDetach = kinds.indexOf('DetachPolicy');
        expect(firstDetach === -1 || lastAttach < firstDetach).toBe(true);
        for (const { step } of world.journal)
          if (step.kind === 'DetachPolicy') expect(after).not.toContain(step.policyArn);
      }),
      { numRuns: 1000 },
    );
  });
});
