/** Plans for a role that others changed out of band. */
import { describe, expect, it } from 'vitest';
import { findCondition } from '../../k8s/conditions.ts';
import { planAccount } from './account.ts';
import { stepKey } from '../steps/index.ts';
import { kinds, name, ready, roleOf, settled } from '../testing/settled-world.ts';
import {
  applyStep,
  facts,
  fullAccess,
  observe,
  readOnly,
  settle,
  resync,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import type { ClusterFacts } from '../state/world.ts';

describe('drift', () => {
  it('of an attachment is confirmed by a read, reported and repaired', () => {
    const world = settled();
    world.roles.set(name, { ...roleOf(world), attachedPolicyArns: [] });
    resync(world);
    expect(planAccount(observe(world)).steps).toMatchObject([{ kind: 'ReadRole' }]);
    applyStep(world, { kind: 'ReadRole', role: name, why: 'test' });
    const plan = planAccount(observe(world));
    expect(plan.drift).toEqual([`the policy ${readOnly} was detached`]);
    expect(findCondition(plan.status.conditions, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'RoleDrifted',
    });
    settle(world);
    expect(roleOf(world).attachedPolicyArns).toEqual([readOnly]);
    expect(ready(world)).toBe('True Ready');
  });

  it('that cannot be repaired is reported with the reason of the failure', () => {
    const world = settled();
    world.roles.set(name, { ...roleOf(world), attachedPolicyArns: [readOnly, fullAccess] });
    resync(world);
    applyStep(world, { kind: 'ReadRole', role: name, why: 'test' });
    const key = stepKey({ kind: 'DetachPolicy', role: name, policyArn: fullAccess, why: '' });
    const failure = { code: 'AccessDenied', message: 'denied', at: world.now, attempts: 1 } as const;
    world.failures.set(key, { ...failure, retryAt: world.now + 1_000 });
    const { drift, status } = planAccount(observe(world));
    expect(drift).toEqual([`the policy ${fullAccess} was attached`]);
    expect(findCondition(status.conditions, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'AccessDenied',
      message: `changed outside Konstellation: the policy ${fullAccess} was attached. The role could not be repaired: denied`,
    });
    expect(findCondition(status.conditions, 'PoliciesAttached')).toMatchObject({ status: 'False' });
  });

  it('that a direct read does not confirm is ignored', () => {
    const world = settled();
    world.cachedRoles.set(name, { role: { ...roleOf(world), attachedPolicyArns: [] }, source: 'list' });
    settle(world);
    expect(kinds(world)).toEqual(['ReadRole']);
    expect(ready(world)).toBe('True Ready');
  });

  it('of the trust policy is repaired after a failed proof, so that the status shows the error that pods received', () => {
    const world = settled();
    const broken = roleOf(world).trustPolicy.replaceAll(
      'system:serviceaccount:production',
      'system:serviceaccount:other',
    );
    world.roles.set(name, { ...roleOf(world), trustPolicy: broken });
    resync(world);
    applyStep(world, { kind: 'ReadRole', role: name, why: 'test' });
    const steps: string[][] = [];
    const reported: unknown[] = [];
    for (;;) {
      const plan = planAccount(observe(world));
      if (plan.drift.length > 0) {
        world.account = { ...world.account, status: plan.status };
        reported.push(
          plan.status.targets?.find((row) => row.name === 'production'),
          findCondition(plan.status.conditions, 'Ready')?.message,
        );
      }
      if (plan.steps.length === 0) break;
      steps.push(plan.steps.map((step) => step.kind));
      for (const step of plan.steps) applyStep(world, step);
    }
    expect(steps).toEqual([
      ['ProveIdentity', 'ProveIdentity'],
      ['UpdateTrustPolicy'],
      ['ProveIdentity', 'ProveIdentity'],
    ]);
    expect(reported).toContainEqual(expect.objectContaining({ proven: false, reason: 'AssumeRoleDenied' }));
    expect(reported).toContainEqual(
      expect.stringMatching(
        /^changed outside .*the trust policy of the role was changed.*; production: refused: AssumeRoleDenied/,
      ),
    );
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(roleOf(world).trustPolicy).toContain('system:serviceaccount:production');
  });

  it('that consists of a deleted role is repaired by a new role, and every proof is repeated', () => {
    const world = settled();
    world.roles.clear();
    resync(world);
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(kinds(world)).toEqual([
      'ReadRole',
      'CreateRole',
      'AttachPolicy',
      'ProveIdentity',
      'ProveIdentity',
    ]);
  });

  it('of boundary, tags and session duration is repaired', () => {
    const world = settled();
    world.roles.set(name, {
      ...roleOf(world),
      maxSessionDuration: 7200,
      permissionsBoundaryArn: readOnly,
      tags: { ...roleOf(world).tags, extra: '1' },
    });
    resync(world);
    settle(world);
    expect(roleOf(world)).toMatchObject({ maxSessionDuration: 3600 });
    expect(roleOf(world).permissionsBoundaryArn).toBeUndefined();
    expect(roleOf(world).tags).not.toHaveProperty('extra');
  });
});

describe('no drift', () => {
  const lookedAt = (): SimulatedWorld => {
    const world = settled();
    applyStep(world, { kind: 'ReadRole', role: name, why: 'test' });
    return world;
  };

  it.each<readonly [string, Partial<ClusterFacts>, string]>([
    [
      'is found in the trust policy when the cluster gets another target',
      { targets: [...facts.targets, 'canary'] },
      'UpdateTrustPolicy',
    ],
    [
      'is found in the boundary when the cluster gets another boundary',
      { permissionsBoundaryArn: readOnly },
      'PutPermissionsBoundary',
    ],
    ['is found in the tags when the cluster gets another tag', { tags: { stage: 'x' } }, 'TagRole'],
    [
      'is found in attachments when the cluster allows fewer policies and a user consented to their detachment',
      { allowedPolicyArns: ['x'], detachesDisallowed: true },
      'DetachPolicy',
    ],
  ])('%s', (_what, change, step) => {
    const world = lookedAt();
    world.namespaces.set('canary', { state: 'present', users: [] });
    world.facts = { ...facts, ...change };
    const plan = planAccount(observe(world));
    expect(plan.drift).toEqual([]);
    expect(plan.steps[0]?.kind).toBe(step);
    settle(world);
    // The account is in sync in this state, so a later change is drift.
    world.roles.set(name, { ...roleOf(world), tags: { ...roleOf(world).tags, extra: '1' } });
    resync(world);
    applyStep(world, { kind: 'ReadRole', role: name, why: 'test' });
    expect(planAccount(observe(world)).drift).toEqual(['tags were added to the role: extra']);
  });

  it('is reported when the trust policy is updated because a namespace is being deleted', () => {
    const world = lookedAt();
    const namespace = world.namespaces.get('production');
    if (namespace) namespace.state = 'terminating';
    const plan = planAccount(observe(world));
    expect(plan).toMatchObject({ drift: [], steps: [{ kind: 'UpdateTrustPolicy' }] });
  });
});

describe('a role that AWS does not let the operator create', () => {
  it.each([
    [
      { team: 'a' },
      'denied; the account sets the tags team; each of these keys must be in spec.aws.tags or spec.aws.allowedTagKeys',
    ],
    [undefined, 'denied'],
  ])(
    'is reported with all tags of the account, because AWS does not name the denied tag key (tags: %j)',
    (tags, message) => {
      const world = settled();
      world.roles.clear();
      world.cachedRoles.clear();
      const { status: _, ...account } = world.account;
      world.account = {
        ...account,
        spec: { aws: { ...account.spec.aws, ...(tags ? { tags } : {}) }, deletionPolicy: 'Delete' },
      };
      const key = `CreateRole ${name}`;
      const failure = { code: 'AccessDenied', message: 'denied', at: world.now, attempts: 1 } as const;
      world.failures.set(key, { ...failure, retryAt: world.now + 1_000 });
      const condition = findCondition(planAccount(observe(world)).status.conditions, 'RoleSynced');
      expect(condition?.reason).toBe('AccessDenied');
      expect(condition?.message.startsWith(message)).toBe(true);
      if (!tags) expect(condition?.message).not.toContain('tags');
    },
  );
});
