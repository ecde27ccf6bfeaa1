/**
 * Properties of the planner: after any edits, out-of-band changes and faults, its plans lead to the desired state and change no
 * foreign object.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type IdentityMode } from '../../api/index.ts';
import { findCondition } from '../../k8s/conditions.ts';
import { wantedMode } from '../desired/role.ts';
import { roleName } from '../desired/names.ts';
import { planAccount } from './account.ts';
import { listedPolicies } from '../desired/policy-names.ts';
import { screenPolicies } from './policies.ts';
import { proofSlotOf } from '../steps/proof.ts';
import {
  admits,
  applyStep,
  createWorld,
  edit,
  facts,
  makePod,
  observe,
  readUnreadAssociation,
  requestDeletion,
  restart,
  settle,
  resync,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import { stepKey } from '../steps/index.ts';
import type { Step } from '../steps/step.ts';
import type { ObservedAssociation, ObservedRole } from '../state/world.ts';

const base = roleName({ clusterArn: facts.clusterArn, clusterName: facts.name, account: 'myaccount' });
const policies = ['A', 'B', 'C', 'D', 'E'].map((name) => `arn:aws:iam::aws:policy/${name}`);
const missing = 'arn:aws:iam::aws:policy/Missing';
const targets = ['production', 'staging', 'canary'];

const modes = ['IRSA', 'PodIdentity'] as const;
const mode = (): fc.Arbitrary<IdentityMode | undefined> =>
  fc.option(fc.constantFrom(...modes), { nil: undefined });

/** Events of a random run: edits, faults and out-of-band changes. Their names make counterexamples readable. */
type Happening =
  | {
      readonly is: 'edit';
      readonly policies: readonly string[];
      readonly targets: readonly string[] | undefined;
      readonly mode: IdentityMode | undefined;
    }
  | { readonly is: 'clusterMode'; readonly mode: IdentityMode }
  | { readonly is: 'associationLost'; readonly target: string }
  | { readonly is: 'associationChanged'; readonly target: string }
  | { readonly is: 'foreignAssociation'; readonly target: string }
  | { readonly is: 'foreignAssociationGone'; readonly target: string }
  | { readonly is: 'podMade'; readonly target: string }
  | { readonly is: 'podsGone'; readonly target: string }
  | { readonly is: 'policyDetached'; readonly which: number }
  | { readonly is: 'policyAttached'; readonly arn: string }
  | { readonly is: 'trustBroken' }
  | { readonly is: 'roleDeleted' }
  | { readonly is: 'boundarySet' }
  | { readonly is: 'namespaceGone'; readonly target: string }
  | { readonly is: 'namespaceBack'; readonly target: string }
  | { readonly is: 'annotationLost'; readonly target: string }
  | { readonly is: 'restart' }
  | { readonly is: 'list' }
  | { readonly is: 'time'; readonly seconds: number }
  /**
   * The operator reconciles until it has executed this number of steps or no step is left. `end` is the outcome of the
   * last step.
   */
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
      mode: mode(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ is: fc.constant('podMade' as const), target: fc.constantFrom(...targets) }),
  },
  fc.record({ is: fc.constant('clusterMode' as const), mode: fc.constantFrom(...modes) }),
  fc.record({
    is: fc.constantFrom(
      'associationLost',
      'associationChanged',
      'foreignAssociation',
      'foreignAssociationGone',
      'podsGone',
    ),
    target: fc.constantFrom(...targets),
  }),
  { weight: 2, arbitrary: fc.constant({ is: 'list' as const }) },
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

/** Foreign roles that must remain unchanged. One of these roles has the name that a further role of the account would have. */
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

const foreignAssociation = (target: string): ObservedAssociation => ({
  id: `a-foreign-${target}`,
  arn: `arn:aws:eks:us-west-2:123456789012:podidentityassociation/main/a-foreign-${target}`,
  namespace: target,
  serviceAccount: 'myaccount',
  details: { roleArn: foreigners[0]?.arn ?? '', tags: { team: 'others' }, withoutSessionTags: false },
});

function isForeign(world: SimulatedWorld, target: string): boolean {
  return world.associations.get(target)?.id.startsWith('a-foreign') === true;
}

function clearPods(world: SimulatedWorld, target: string): void {
  const namespace = world.namespaces.get(target);
  if (namespace) namespace.pods = [];
}

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
        aws: { policyArns: [...what.policies], ...(what.mode ? { identityMode: what.mode } : {}) },
        ...(what.targets ? { targets: [...what.targets] } : {}),
      });
    case 'clusterMode':
      world.facts = { ...world.facts, identityMode: what.mode };
      return;
    case 'associationLost':
      if (!isForeign(world, what.target)) world.associations.delete(what.target);
      return;
    case 'associationChanged': {
      const association = world.associations.get(what.target);
      if (association?.details && !isForeign(world, what.target)) {
        const details = {
          ...association.details,
          roleArn: foreigners[0]?.arn ?? '',
          withoutSessionTags: true,
        };
        world.associations.set(what.target, { ...association, details });
        // Reads the association directly, because a listing omits the details.
        const cached = world.cachedAssociations.get(what.target);
        if (cached?.association?.id === association.id)
          world.cachedAssociations.set(what.target, {
            association: { ...association, details },
            source: 'read',
          });
      }
      return;
    }
    case 'foreignAssociation':
      if (!world.associations.has(what.target))
        world.associations.set(what.target, foreignAssociation(what.target));
      return;
    case 'foreignAssociationGone':
      if (isForeign(world, what.target)) world.associations.delete(what.target);
      return;
    case 'podMade':
      return makePod(world, what.target);
    case 'podsGone':
      return clearPods(world, what.target);
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
      return startAnew(world);
    case 'list':
      return laterDriftPass(world);
    case 'time':
      world.now += what.seconds * 1000;
      return;
    case 'work':
      return work(world, what.steps, what.end);
  }
}

function laterDriftPass(world: SimulatedWorld): void {
  resync(world);
  readUnreadAssociation(world);
}

function startAnew(world: SimulatedWorld): void {
  world.cachedRoles.clear();
  world.cachedAssociations.clear();
  world.failures.clear();
  restart(world);
  resync(world);
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
        applyStep(world, step);
        continue;
      }
      if (end === 'killedAfter') applyStep(world, step);
      if (end === 'answerLost') loseAnswer(world, step);
      else restart(world);
      return;
    }
  }
}

/** Executes a step, but gives the operator only a connection error instead of the response. */
function loseAnswer(world: SimulatedWorld, step: Step): void {
  const cachedRolesBefore = new Map(world.cachedRoles);
  const associated = new Map(world.cachedAssociations);
  applyStep(world, step);
  if (step.kind === 'AddFinalizer' || step.kind === 'RemoveFinalizer') return;
  world.cachedRoles.clear();
  for (const [name, cached] of cachedRolesBefore) world.cachedRoles.set(name, cached);
  // After CreateRole without a response, the operator does not know whether the role exists.
  if (step.kind === 'CreateRole') world.cachedRoles.delete(step.role);
  world.cachedAssociations.clear();
  for (const [target, cached] of associated) world.cachedAssociations.set(target, cached);
  if (step.kind.endsWith('Association') && 'target' in step)
    world.cachedAssociations.set(step.target, { association: null, source: 'unknown' });
  world.failures.set(stepKey(step), {
    code: 'Unreachable',
    message: 'the answer was lost',
    at: world.now,
    attempts: 1,
    retryAt: world.now + 500,
  });
  if (step.kind === 'ProveIdentity' || step.kind === 'ConfirmAssociation')
    world.proofs.set(proofSlotOf(step), { key: '', at: world.now });
}

/**
 * Lets the world run without faults until no step is left: time passes, the operator lists IAM and EKS and reconciles,
 * and pods are recreated.
 */
function calm(world: SimulatedWorld, pods: 'rolled' | 'gone'): void {
  for (let round = 0; round < 8; round += 1) {
    world.now += 600_000;
    for (const [target, namespace] of world.namespaces) {
      const before = namespace.pods?.length ?? 0;
      clearPods(world, target);
      // Recreates pods only in later rounds, and only in targets that the account names, so that other targets are drained.
      const isWanted = world.account.spec.targets?.includes(target) ?? true;
      if (pods === 'rolled' && round > 2 && isWanted)
        for (let pod = 0; pod < before; pod += 1) makePod(world, target);
    }
    laterDriftPass(world);
    settle(world);
  }
}

function expectInSync(world: SimulatedWorld): void {
  const { account } = world;
  const wanted = screenPolicies(listedPolicies(account.spec.aws, world.facts), world.facts).wanted.filter(
    (arn) => arn !== missing,
  );
  const role = world.roles.get(base);
  expect([...(role?.attachedPolicyArns ?? [])].sort()).toEqual([...wanted].sort());
  expect(role?.permissionsBoundaryArn).toBeUndefined();
  const present = (account.spec.targets ?? targets).filter((target) => world.namespaces.has(target)).sort();
  const served = present.filter((target) => !isForeign(world, target));
  const byAssociation = wantedMode(account, world.facts) === 'PodIdentity';
  const named = (mode: IdentityMode): readonly string[] =>
    targets.filter((target) => admits(role?.trustPolicy ?? '{}', mode, target, 'myaccount')).sort();
  // Targets with a foreign association are left out: earlier identities of their pods remain trusted while pods may
  // hold them.
  const names = (mode: IdentityMode): readonly string[] =>
    named(mode).filter((target) => !isForeign(world, target));
  expect(names('IRSA')).toEqual(byAssociation ? [] : served);
  expect(names('PodIdentity')).toEqual(byAssociation ? served : []);
  for (const target of targets) {
    if (isForeign(world, target)) continue;
    const isServed = served.includes(target);
    const annotation = world.namespaces.get(target)?.serviceAccount?.roleArn;
    expect(annotation).toBe(isServed && !byAssociation ? role?.arn : undefined);
    const association = world.associations.get(target);
    // An association in a namespace that does not exist has no effect.
    if (world.namespaces.has(target))
      expect(association?.details?.roleArn).toBe(isServed && byAssociation ? role?.arn : undefined);
  }
  const rows = account.status?.targets ?? [];
  const hasPod = (target: string): boolean =>
    world.namespaces.get(target)?.pods?.some((pod) => pod.holds?.mode === 'PodIdentity') === true;
  for (const target of served) {
    const row = rows.find((entry) => entry.name === target);
    expect(row?.linked).toBe(true);
    if (byAssociation) expect(row).toMatchObject({ identityMode: 'PodIdentity', confirmed: true });
    if (!byAssociation || hasPod(target)) expect(row?.proven).toBe(true);
  }
  const ready = findCondition(account.status?.conditions, 'Ready')?.status;
  const allServed = (account.spec.targets ?? targets).every((target) => served.includes(target));
  const isProven = served.every((target) => rows.find((row) => row.name === target)?.proven);
  expect(ready).toBe(
    allServed && !account.spec.aws.policyArns?.includes(missing) ? (isProven ? 'True' : 'Unknown') : 'False',
  );
}

function expectForeignersUntouched(world: SimulatedWorld): void {
  for (const target of targets)
    if (isForeign(world, target)) expect(world.associations.get(target)).toEqual(foreignAssociation(target));
  for (const role of foreigners) expect(world.roles.get(role.name)).toEqual(role);
  for (const { step } of world.journal) {
    if ('role' in step && step.kind !== 'ReadRole' && step.kind !== 'CreateRole') {
      expect(foreigners.map((role) => role.name)).not.toContain(step.role);
    }
  }
}

/** Random runs rarely produce this case, so it has a test of its own. */
it('a drift pass after a restart detects an out-of-band change of an association', () => {
  const world = start();
  edit(world, { aws: { policyArns: [] }, targets: ['canary'] });
  happen(world, { is: 'clusterMode', mode: 'PodIdentity' });
  happen(world, { is: 'work', steps: 5, end: 'done' });
  happen(world, { is: 'associationChanged', target: 'canary' });
  restart(world);
  calm(world, 'rolled');
  expectInSync(world);
});

describe('after any sequence of changes and faults', () => {
  it('an account is in sync, no step is left, and no foreign object has changed', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 14 }), (story) => {
        const world = start();
        for (const what of story) happen(world, what);
        calm(world, 'rolled');
        expectInSync(world);
        expectForeignersUntouched(world);
        const before = world.journal.length;
        settle(world);
        expect(world.journal.slice(before).map((entry) => entry.step.kind)).toEqual([]);
      }),
      { numRuns: 10_000 },
    );
  }, 900_000);

  it('the deletion of an account removes every object that the operator created, and no foreign object', () => {
    fc.assert(
      fc.property(
        fc.array(happening, { maxLength: 10 }),
        fc.array(happening, { maxLength: 6 }),
        (before, after) => {
          const world = start();
          for (const what of before) happen(world, what);
          requestDeletion(world);
          for (const what of after) if (!world.gone && what.is !== 'edit') happen(world, what);
          calm(world, 'gone');
          expect(world.roles.has(base)).toBe(false);
          for (const target of targets)
            if (world.associations.has(target)) expect(isForeign(world, target)).toBe(true);
          expect([...world.roles.keys()].sort()).toEqual(foreigners.map((role) => role.name).sort());
          for (const namespace of world.namespaces.values()) expect(namespace.serviceAccount).toBeUndefined();
          expectForeignersUntouched(world);
        },
      ),
      { numRuns: 3000 },
    );
  }, 900_000);

  it('an edit of policies never detaches a policy that remains listed, and attaches new policies before it detaches old ones', () => {
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
