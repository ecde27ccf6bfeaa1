/** Plans for the policies of a role. */
import { describe, expect, it } from 'vitest';
import { findCondition } from '../../k8s/conditions.ts';
import { planAccount } from './account.ts';
import { allowListKey, consentsToDetach } from './policies.ts';
import { stepKey } from '../steps/index.ts';
import { kinds, name, ready, roleOf, settled } from '../testing/settled-world.ts';
import {
  createWorld,
  edit,
  fullAccess,
  observe,
  readOnly,
  settle,
  resync,
  facts,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';

describe('policies', () => {
  it('that an edit adds are attached before removed policies are detached, and no new proof is requested', () => {
    const world = settled();
    edit(world, { aws: { policyArns: [fullAccess] } });
    settle(world);
    expect(kinds(world)).toEqual(['AttachPolicy', 'DetachPolicy']);
    expect(roleOf(world).attachedPolicyArns).toEqual([fullAccess]);
    expect(ready(world)).toBe('True Ready');
  });

  it.each([
    ['Unreachable', []],
    ['ServiceFailure', []],
    ['Throttled', []],
    ['PolicyNotFound', ['DetachPolicy']],
    ['AccessDenied', ['DetachPolicy']],
  ] as const)(
    'are detached while an attachment fails with %s, but only if this error may be permanent',
    (code, steps) => {
      const world = settled();
      edit(world, { aws: { policyArns: [fullAccess] } });
      const key = stepKey({ kind: 'AttachPolicy', role: name, policyArn: fullAccess });
      const retryAt = world.now + 1_000;
      world.failures.set(key, { code, message: 'no', at: world.now, attempts: 3, retryAt });
      const plan = planAccount(observe(world));
      expect(plan.steps.map(({ kind }) => kind)).toEqual(steps);
      expect(plan.requeueAt).toBe(retryAt);
      world.now = retryAt;
      settle(world);
      expect(roleOf(world).attachedPolicyArns).toEqual([fullAccess]);
    },
  );

  it('that do not exist affect only their own status entries', () => {
    const world = createWorld({
      aws: { policyArns: [readOnly, 'arn:aws:iam::aws:policy/NoSuchPolicy', fullAccess] },
    });
    world.missingPolicies.add('arn:aws:iam::aws:policy/NoSuchPolicy');
    settle(world);
    expect(world.account.status?.policies).toEqual([
      { arn: readOnly, attached: true },
      {
        arn: 'arn:aws:iam::aws:policy/NoSuchPolicy',
        attached: false,
        reason: 'PolicyNotFound',
        message: 'refused: PolicyNotFound',
      },
      { arn: fullAccess, attached: true },
    ]);
    expect(ready(world)).toBe('False PolicyNotFound');
    expect(world.account.status?.ready).toBe('2/2');
  });

  it.each(['AccessDenied', 'Throttled', 'Unexpected'] as const)(
    'that cannot be detached (%s) make Ready False with that reason',
    (code) => {
      const world = settled();
      edit(world, { aws: { policyArns: [] } });
      const key = stepKey({ kind: 'DetachPolicy', role: name, policyArn: readOnly, why: '' });
      const retryAt = world.now + 1_000;
      world.failures.set(key, { code, message: 'not today', at: world.now, attempts: 3, retryAt });
      for (const at of [world.now, retryAt]) {
        world.now = at;
        const { status } = planAccount(observe(world));
        for (const type of ['Ready', 'RoleSynced', 'PoliciesAttached'])
          expect(findCondition(status.conditions, type), type).toMatchObject({
            status: 'False',
            reason: code,
            message: expect.stringMatching(new RegExp(`${readOnly}.*not today`)) as string,
          });
      }
      settle(world);
      expect(ready(world)).toBe('True Ready');
    },
  );

  it('that are attached but not listed are reported while they are being detached', () => {
    const world = settled();
    edit(world, { aws: { policyArns: [] } });
    const { status } = planAccount(observe(world));
    expect(findCondition(status.conditions, 'PoliciesAttached')).toMatchObject({
      status: 'False',
      reason: 'AttachingPolicies',
    });
  });

  it('are detached before others are attached if the role has as many policies as IAM allows', () => {
    const many = (prefix: string): string[] =>
      Array.from({ length: 10 }, (_, i) => `arn:aws:iam::aws:policy/${prefix}${i}`);
    const world = createWorld({ aws: { policyArns: many('A') } });
    settle(world);
    edit(world, { aws: { policyArns: [...many('A').slice(0, 9), 'arn:aws:iam::aws:policy/B'] } });
    settle(world);
    expect([...roleOf(world).attachedPolicyArns].sort()).toEqual(
      [...many('A').slice(0, 9), 'arn:aws:iam::aws:policy/B'].sort(),
    );
  });

  it('beyond the quota are reported without an AWS call, and the attached policies stay attached', () => {
    const world = settled();
    edit(world, {
      aws: { policyArns: Array.from({ length: 11 }, (_, i) => `arn:aws:iam::aws:policy/P${i}`) },
    });
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(ready(world)).toBe('False TooManyPolicies');
    expect(roleOf(world).attachedPolicyArns).toEqual([readOnly]);
  });

  it('that are of another partition or not allowed are refused, each with a reason in its own status entry', () => {
    const world = createWorld({
      aws: { policyArns: [readOnly, fullAccess, 'arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess'] },
    });
    world.facts = { ...facts, allowedPolicyArns: ['arn:aws:iam::aws:policy/*ReadOnly*'] };
    settle(world);
    expect(world.account.status?.policies?.map((row) => [row.attached, row.reason])).toEqual([
      [true, undefined],
      [false, 'PolicyNotAllowed'],
      [false, 'WrongPartition'],
    ]);
  });
});

describe('policies that the ClusterConfig no longer allows', () => {
  const onlyReads = ['arn:aws:iam::aws:policy/*ReadOnly*'];
  const narrowed = (): SimulatedWorld => {
    const world = createWorld({ aws: { policyArns: [readOnly, fullAccess] } });
    settle(world);
    world.facts = { ...facts, allowedPolicyArns: onlyReads };
    world.journal.length = 0;
    settle(world);
    return world;
  };
  const rowOf = (world: SimulatedWorld, arn: string) =>
    world.account.status?.policies?.find((row) => row.arn === arn);

  it('remain attached, and are reported with the annotation that a user sets to consent to their detachment', () => {
    const world = narrowed();
    expect(kinds(world)).toEqual([]);
    expect(roleOf(world).attachedPolicyArns).toEqual([readOnly, fullAccess]);
    expect(ready(world)).toBe('False PolicyNotAllowed');
    expect(rowOf(world, fullAccess)).toMatchObject({ attached: true, reason: 'PolicyNotAllowed' });
    expect(rowOf(world, fullAccess)?.message).toContain(
      `kubectl annotate --overwrite clusterconfig main k11n.dev/detach-disallowed=${allowListKey(onlyReads)}`,
    );
    expect(rowOf(world, readOnly)).toEqual({ arn: readOnly, attached: true });
  });

  it('are detached after consent', () => {
    const world = narrowed();
    world.facts = { ...world.facts, detachesDisallowed: true };
    settle(world);
    expect(kinds(world)).toEqual(['DetachPolicy']);
    expect(roleOf(world).attachedPolicyArns).toEqual([readOnly]);
    expect(rowOf(world, fullAccess)).toMatchObject({ attached: false, reason: 'PolicyNotAllowed' });
  });

  it('are detached when the account no longer lists them, and not attached when it lists them again', () => {
    const world = narrowed();
    edit(world, { aws: { policyArns: [readOnly] } });
    settle(world);
    expect(roleOf(world).attachedPolicyArns).toEqual([readOnly]);
    edit(world, { aws: { policyArns: [readOnly, fullAccess] } });
    settle(world);
    expect(kinds(world)).toEqual(['DetachPolicy']);
    expect(ready(world)).toBe('False PolicyNotAllowed');
  });

  it('are not attached to a recreated role, and are detached if others attach them', () => {
    const world = narrowed();
    world.roles.delete(name);
    resync(world);
    settle(world);
    expect(kinds(world)).toContain('CreateRole');
    expect(roleOf(world).attachedPolicyArns).toEqual([readOnly]);
    world.roles.set(name, { ...roleOf(world), attachedPolicyArns: [readOnly, fullAccess] });
    resync(world);
    settle(world);
    expect(roleOf(world).attachedPolicyArns).toEqual([readOnly]);
  });

  it('count towards the quota of the role, and the operator attempts no attachment beyond the quota', () => {
    const world = narrowed();
    world.facts = { ...world.facts, quotas: { ...facts.quotas, policiesPerRole: 2 } };
    const another = 'arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess';
    edit(world, { aws: { policyArns: [readOnly, fullAccess, another] } });
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(rowOf(world, another)).toMatchObject({ attached: false, reason: 'TooManyPolicies' });
  });

  it('are detached only if the consent names exactly the currently allowed policies, in any order', () => {
    const config = (allowedPolicyArns: string[], annotations: Record<string, string>) =>
      consentsToDetach({
        metadata: { name: 'main', annotations },
        spec: {
          targets: [],
          aws: { region: 'eu-west-1', rolePath: '/k/', driftIntervalSeconds: 60, allowedPolicyArns },
        },
      });
    const consent = { 'k11n.dev/detach-disallowed': allowListKey(['a', 'b']) };
    expect(config(['a', 'b'], {})).toBe(false);
    expect(config(['b', 'a'], consent)).toBe(true);
    expect(config(['a'], consent)).toBe(false);
    expect(config(['a', 'b'], { 'k11n.dev/detach-disallowed': 'true' })).toBe(false);
  });
});

describe('inline policies that others added', () => {
  it('are reported, and are removed only if the ClusterConfig has strictInline', () => {
    const world = settled();
    world.roles.set(name, { ...roleOf(world), inlinePolicyNames: ['theirs'] });
    resync(world);
    settle(world);
    expect(ready(world)).toBe('False InlinePoliciesFound');
    expect(roleOf(world).inlinePolicyNames).toEqual(['theirs']);
    world.facts = { ...facts, strictInline: true };
    const key = stepKey({ kind: 'DeleteInlinePolicy', role: name, policyName: 'theirs' });
    const failure = { code: 'AccessDenied', message: 'denied', at: world.now, attempts: 1 } as const;
    world.failures.set(key, { ...failure, retryAt: world.now + 1_000 });
    expect(findCondition(planAccount(observe(world)).status.conditions, 'PoliciesAttached')).toMatchObject({
      status: 'False',
      reason: 'AccessDenied',
    });
    world.failures.clear();
    settle(world);
    expect(roleOf(world).inlinePolicyNames).toEqual([]);
    expect(ready(world)).toBe('True Ready');
  });
});
