import { describe, expect, it } from 'vitest';
import { conditionOf } from '../api/index.ts';
import { roleName } from './names.ts';
import { planAccount } from './plan.ts';
import {
  carryOut,
  createWorld,
  edit,
  facts,
  fullAccess,
  observe,
  readOnly,
  requestDeletion,
  settle,
  sweep,
  waitFor,
  type SimulatedWorld,
} from './testing/simulated-world.ts';
import { subjectOf } from './trust.ts';
import type { ObservedRole } from './world.ts';

const name = roleName({ clusterArn: facts.clusterArn, clusterName: facts.name, account: 'myaccount' });
const arn = `arn:aws:iam::123456789012:role/konstellation/${name}`;

const kinds = (world: SimulatedWorld): string[] => world.journal.map((entry) => entry.step.kind);
const ready = (world: SimulatedWorld): string => {
  const condition = conditionOf(world.account.status?.conditions, 'Ready');
  return `${condition?.status} ${condition?.reason}`;
};
const settled = (): SimulatedWorld => {
  const world = createWorld();
  settle(world);
  world.journal.length = 0;
  return world;
};

describe('a rollout that stops the others', () => {
  it('is told by the account, whose identity is as ready as before', () => {
    const message = 'the new identity is held back by app web in production';
    const { status } = planAccount({
      ...observe(settled()),
      pause: { reason: 'PausedByFailedRollout', message },
    });
    expect(conditionOf(status.conditions, 'WorkloadsCurrent')).toMatchObject({
      status: 'False',
      reason: 'PausedByFailedRollout',
      message,
    });
    expect(conditionOf(status.conditions, 'Ready')?.status).toBe('True');
  });
});

describe('a new account', () => {
  it('gets a role, its policies, links and proofs, with one write each and no read', () => {
    const world = createWorld();
    settle(world);
    expect(kinds(world)).toEqual([
      'AddFinalizer',
      'CreateRole',
      'AttachPolicy',
      'CreateServiceAccount',
      'CreateServiceAccount',
      'ProveIdentity',
      'ProveIdentity',
    ]);
    expect(ready(world)).toBe('True Ready');
    expect(world.account.status).toMatchObject({
      roleArn: arn,
      observedGeneration: 1,
      linkedTargets: ['production', 'staging'],
      ready: '2/2',
      policies: [{ arn: readOnly, attached: true }],
    });
  });

  it('has nothing left to do when all is done', () => {
    const world = settled();
    expect(planAccount(observe(world)).steps).toEqual([]);
  });

  it('takes up a role that a crash left behind without a note', () => {
    const world = createWorld();
    settle(world);
    // All that was remembered is lost: the status, and what the operator believed.
    const { status: _, ...account } = world.account;
    world.account = account;
    world.beliefs.clear();
    world.proofs.clear();
    world.journal.length = 0;
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(kinds(world)).toEqual(['CreateRole', 'ReadRole', 'ProveIdentity', 'ProveIdentity']);
    expect(world.roles.size).toBe(1);
  });

  it('takes up the role of an earlier account of its name', () => {
    const world = settled();
    world.account = { ...world.account, metadata: { name: 'myaccount', uid: 'uid-2', generation: 1 } };
    settle(world);
    expect(world.roles.get(name)?.tags['k11n.dev/uid']).toBe('uid-2');
    expect(ready(world)).toBe('True Ready');
  });
});

describe('what is not ours', () => {
  it('a role at our name is left alone, and no ServiceAccount is pointed to it', () => {
    const world = createWorld();
    const foreign = { ...roleOf(settled()), tags: { team: 'other' } };
    world.roles.set(name, foreign);
    settle(world);
    expect(ready(world)).toBe('False RoleNotOwned');
    expect(world.roles.get(name)).toEqual(foreign);
    expect(world.namespaces.get('production')?.serviceAccount).toBeUndefined();
  });

  it('a role of another cluster at our name is left alone, also when the account is deleted', () => {
    const world = createWorld();
    const foreign = { ...roleOf(settled()) };
    world.roles.set(name, {
      ...foreign,
      tags: { ...foreign.tags, 'k11n.dev/cluster': 'arn:aws:eks:eu-west-1:123456789012:cluster/main' },
    });
    settle(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.roles.has(name)).toBe(true);
    expect(kinds(world)).not.toContain('DeleteRole');
  });

  it('a ServiceAccount without our label costs its target only', () => {
    const world = createWorld();
    const foreign = { uid: 'x', resourceVersion: '1', created: false };
    world.namespaces.set('production', { state: 'present', users: [], serviceAccount: foreign });
    settle(world);
    expect(world.namespaces.get('production')?.serviceAccount).toEqual(foreign);
    const rows = world.account.status?.targets;
    expect(rows?.find((row) => row.name === 'production')).toMatchObject({
      linked: false,
      reason: 'ServiceAccountNotOwned',
    });
    expect(rows?.find((row) => row.name === 'staging')).toMatchObject({ linked: true, proven: true });
    expect(roleOf(world).trustPolicy).not.toContain(subjectOf('production', 'myaccount'));
  });

  it('a role annotation that someone else set is left alone', () => {
    const world = settled();
    const namespace = world.namespaces.get('production');
    if (!namespace?.serviceAccount) throw new Error('not linked');
    namespace.serviceAccount = {
      ...namespace.serviceAccount,
      roleArn: 'arn:aws:iam::1:role/x',
      roleArnManager: 'kubectl-annotate',
    };
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(world.account.status?.targets?.[0]).toMatchObject({
      name: 'production',
      linked: false,
      reason: 'ForeignAnnotation',
    });
  });

  it('a plain ServiceAccount that a person has labelled is linked, and only unlinked at the end', () => {
    const world = createWorld();
    world.namespaces.set('production', {
      state: 'present',
      users: [],
      serviceAccount: { uid: 'x', resourceVersion: '1', created: false, account: 'myaccount' },
    });
    settle(world);
    expect(world.namespaces.get('production')?.serviceAccount?.roleArn).toBe(arn);
    requestDeletion(world);
    settle(world);
    expect(world.namespaces.get('production')?.serviceAccount).toEqual({
      uid: 'x',
      resourceVersion: '1',
      created: false,
      roleArnManager: 'konstellation',
    });
  });

  it("somebody else's role in the annotation outlives the account", () => {
    const world = createWorld();
    const theirs = {
      uid: 'x',
      resourceVersion: '1',
      created: false,
      roleArn: 'arn:aws:iam::1:role/x',
      roleArnManager: 'kubectl-annotate',
    };
    const serviceAccount = { ...theirs, account: 'myaccount' };
    world.namespaces.set('production', { state: 'present', users: [], serviceAccount });
    settle(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.namespaces.get('production')?.serviceAccount).toEqual(theirs);
  });
});

describe('policies', () => {
  it('are added before others are removed, and no proof is asked for', () => {
    const world = settled();
    edit(world, { aws: { policyArns: [fullAccess] } });
    settle(world);
    expect(kinds(world)).toEqual(['AttachPolicy', 'DetachPolicy']);
    expect(roleOf(world).attachedPolicyArns).toEqual([fullAccess]);
    expect(ready(world)).toBe('True Ready');
  });

  it('that do not exist cost their row only', () => {
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

  it('are swapped on a full role by making room first', () => {
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

  it('over the quota are told before any call, and live access stays', () => {
    const world = settled();
    edit(world, {
      aws: { policyArns: Array.from({ length: 11 }, (_, i) => `arn:aws:iam::aws:policy/P${i}`) },
    });
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(ready(world)).toBe('False TooManyPolicies');
    expect(roleOf(world).attachedPolicyArns).toEqual([readOnly]);
  });

  it('of another partition and those not allowed are refused, each in its row', () => {
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

describe('drift', () => {
  it('of an attachment is read before it is believed, told, and put back', () => {
    const world = settled();
    world.roles.set(name, { ...roleOf(world), attachedPolicyArns: [] });
    sweep(world);
    expect(planAccount(observe(world)).steps).toMatchObject([{ kind: 'ReadRole' }]);
    carryOut(world, { kind: 'ReadRole', role: name, why: 'test' });
    const plan = planAccount(observe(world));
    expect(plan.drift).toEqual([`the policy ${readOnly} was detached`]);
    expect(conditionOf(plan.status.conditions, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'RoleDrifted',
    });
    settle(world);
    expect(roleOf(world).attachedPolicyArns).toEqual([readOnly]);
    expect(ready(world)).toBe('True Ready');
  });

  it('that a direct read does not confirm is forgotten', () => {
    const world = settled();
    world.beliefs.set(name, { role: { ...roleOf(world), attachedPolicyArns: [] }, source: 'sweep' });
    settle(world);
    expect(kinds(world)).toEqual(['ReadRole']);
    expect(ready(world)).toBe('True Ready');
  });

  it('of the trust policy is proven before it is put back, so that the status tells what pods were told', () => {
    const world = settled();
    const broken = roleOf(world).trustPolicy.replaceAll(
      'system:serviceaccount:production',
      'system:serviceaccount:other',
    );
    world.roles.set(name, { ...roleOf(world), trustPolicy: broken });
    sweep(world);
    carryOut(world, { kind: 'ReadRole', role: name, why: 'test' });
    const steps: string[][] = [];
    const told: unknown[] = [];
    for (;;) {
      const plan = planAccount(observe(world));
      if (plan.drift.length > 0) {
        world.account = { ...world.account, status: plan.status };
        told.push(
          plan.status.targets?.find((row) => row.name === 'production'),
          conditionOf(plan.status.conditions, 'Ready')?.message,
        );
      }
      if (plan.steps.length === 0) break;
      steps.push(plan.steps.map((step) => step.kind));
      for (const step of plan.steps) carryOut(world, step);
    }
    expect(steps).toEqual([
      ['ProveIdentity', 'ProveIdentity'],
      ['UpdateTrustPolicy'],
      ['ProveIdentity', 'ProveIdentity'],
    ]);
    expect(told).toContainEqual(expect.objectContaining({ proven: false, reason: 'AssumeRoleDenied' }));
    expect(told).toContainEqual(
      expect.stringMatching(
        /^changed outside .*its trust policy was changed.*; production: refused: AssumeRoleDenied/,
      ),
    );
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(roleOf(world).trustPolicy).toContain('system:serviceaccount:production');
  });

  it('a role that was deleted is made again, and everything is proven anew', () => {
    const world = settled();
    world.roles.clear();
    sweep(world);
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

  it('of boundary, tags and session length is put back', () => {
    const world = settled();
    world.roles.set(name, {
      ...roleOf(world),
      maxSessionDuration: 7200,
      permissionsBoundaryArn: readOnly,
      tags: { ...roleOf(world).tags, extra: '1' },
    });
    sweep(world);
    settle(world);
    expect(roleOf(world)).toMatchObject({ maxSessionDuration: 3600 });
    expect(roleOf(world).permissionsBoundaryArn).toBeUndefined();
    expect(roleOf(world).tags).not.toHaveProperty('extra');
  });
});

describe('targets', () => {
  it('that leave the spec leave the trust policy first, then lose their link', () => {
    const world = settled();
    edit(world, { targets: ['production'] });
    settle(world);
    expect(kinds(world).slice(0, 2)).toEqual(
      ['UpdateTrustPolicy', 'DeleteServiceAccount'].slice(0, 1).concat(kinds(world)[1] ?? ''),
    );
    expect(kinds(world)).toEqual(
      expect.arrayContaining(['UpdateTrustPolicy', 'DeleteServiceAccount', 'ProveIdentity']),
    );
    expect(kinds(world).indexOf('UpdateTrustPolicy')).toBeLessThan(
      kinds(world).indexOf('DeleteServiceAccount'),
    );
    expect(world.namespaces.get('staging')?.serviceAccount).toBeUndefined();
  });

  it('that are unknown, missing or going away cost their row only', () => {
    const world = createWorld({ targets: ['production', 'staging', 'nowhere'] });
    world.namespaces.set('staging', { state: 'terminating', users: [] });
    settle(world);
    expect(world.account.status?.targets?.map((row) => [row.name, row.proven, row.reason])).toEqual([
      ['nowhere', false, 'TargetUnknown'],
      ['production', true, undefined],
      ['staging', false, 'NamespaceTerminating'],
    ]);
    expect(roleOf(world).trustPolicy).not.toContain(':staging:');
  });

  it('beyond the quota of one trust policy get further roles, and keep the one they have', () => {
    const targets = Array.from({ length: 120 }, (_, i) => `target-${String(i).padStart(3, '0')}`);
    const world = createWorld();
    world.facts = { ...facts, targets };
    for (const target of targets) world.namespaces.set(target, { state: 'present', users: [] });
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(world.roles.size).toBeGreaterThan(2);
    for (const role of world.roles.values()) expect(role.trustPolicy.length).toBeLessThanOrEqual(2048);
    const before = new Map(world.account.status?.targets?.map((row) => [row.name, row.roleArn]));
    // Room is made in the first role, and nobody moves into another.
    world.facts = { ...facts, targets: targets.slice(5) };
    settle(world);
    for (const row of world.account.status?.targets ?? []) expect(row.roleArn).toBe(before.get(row.name));
  });
});

describe('deletion', () => {
  it('takes the trust, then the links, then the policies, then the role', () => {
    const world = settled();
    requestDeletion(world);
    settle(world);
    expect(kinds(world)).toEqual([
      'UpdateTrustPolicy',
      'DeleteServiceAccount',
      'DeleteServiceAccount',
      'DetachPolicy',
      'DeleteRole',
      'RemoveFinalizer',
    ]);
    expect(world.roles.size).toBe(0);
    expect(world.gone).toBe(true);
  });

  it('does not let go of the account while its role may have been made too shortly before to be known', () => {
    const world = settled();
    requestDeletion(world);
    const [role] = world.roles.keys();
    const { now } = world;
    world.beliefs.set(role ?? '', { role: null, source: 'read', readAgainAt: now + 15_000 });
    expect(planAccount(observe(world))).toMatchObject({ steps: [], lookAgainAt: now + 15_000 });
    world.now += 15_000;
    expect(planAccount(observe(world)).steps).toMatchObject([{ kind: 'ReadRole', role }]);
    settle(world);
    expect(kinds(world)).toContain('DeleteRole');
    expect(world.roles.size).toBe(0);
  });

  it('waits while running pods use the account, and says which', () => {
    const world = settled();
    world.namespaces.get('production')?.users.push('myapp-1');
    requestDeletion(world);
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(ready(world)).toBe('False InUse');
    expect(conditionOf(world.account.status?.conditions, 'Ready')?.message).toContain('production/myapp-1');
    world.namespaces.get('production')?.users.pop();
    settle(world);
    expect(world.gone).toBe(true);
  });

  it('with Retain leaves the role as it is, without our marks', () => {
    const world = createWorld({ deletionPolicy: 'Retain' });
    settle(world);
    const trustPolicy = roleOf(world).trustPolicy;
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(roleOf(world)).toMatchObject({ trustPolicy, attachedPolicyArns: [readOnly], tags: {} });
    expect(world.namespaces.get('production')?.serviceAccount).toBeUndefined();
  });

  it('looks for the role before it believes that there is none', () => {
    const world = settled();
    world.beliefs.clear();
    requestDeletion(world);
    settle(world);
    expect(kinds(world)[0]).toBe('ReadRole');
    expect(world.roles.size).toBe(0);
  });

  it('does not wedge silently on inline policies of others', () => {
    const world = settled();
    world.roles.set(name, { ...roleOf(world), inlinePolicyNames: ['theirs'] });
    sweep(world);
    requestDeletion(world);
    const plan = settle(world);
    expect(ready(world)).toBe('False DeleteConflict');
    expect(conditionOf(world.account.status?.conditions, 'Ready')?.message).toContain('theirs');
    world.roles.set(name, { ...roleOf(world), inlinePolicyNames: [] });
    waitFor(world, plan);
    settle(world);
    expect(world.gone).toBe(true);
  });

  it('of an account that never got anything leaves at once', () => {
    const world = createWorld();
    requestDeletion(world);
    expect(planAccount(observe(world)).steps).toEqual([]);
  });
});

describe('proofs', () => {
  it('tell a role that is not known everywhere yet from one that refuses', () => {
    const world = createWorld();
    settle(world, { passes: 40 });
    const before = roleOf(world);
    world.roles.set(name, { ...before, trustPolicy: '{"Version":"2012-10-17","Statement":[]}' });
    world.proofs.clear();
    const { status: _, ...account } = world.account;
    world.account = account;
    settle(world);
    expect(ready(world)).toBe('False WaitingForPropagation');
    world.now += 120_000;
    settle(world);
    expect(ready(world)).toBe('False AssumeRoleDenied');
  });

  it('survive a restart of the operator by way of the status', () => {
    const world = settled();
    world.proofs.clear();
    settle(world);
    expect(kinds(world)).toEqual([]);
  });

  it('are repeated at a slow pace', () => {
    const world = settled();
    const plan = planAccount(observe(world));
    waitFor(world, plan);
    settle(world);
    expect(kinds(world)).toEqual(['ProveIdentity', 'ProveIdentity']);
  });
});

describe('a role that a person names', () => {
  const theirs: ObservedRole = {
    name: 'made-by-eksctl',
    arn: 'arn:aws:iam::123456789012:role/made-by-eksctl',
    id: 'AROATHEIRS',
    path: '/',
    trustPolicy: '{"Version":"2012-10-17","Statement":[]}',
    attachedPolicyArns: [fullAccess],
    inlinePolicyNames: [],
    permissionsBoundaryArn: readOnly,
    maxSessionDuration: 7200,
    tags: { team: 'payments' },
  };
  const named = (adopt: boolean): SimulatedWorld =>
    createWorld({ aws: { policyArns: [readOnly], roleName: theirs.name, ...(adopt ? { adopt } : {}) } });

  it('is made under that name when there is none', () => {
    const world = named(false);
    settle(world);
    expect([...world.roles.keys()]).toEqual([theirs.name]);
    expect(ready(world)).toBe('True Ready');
  });

  it('is left alone without adopt, and what adoption would change is told', () => {
    const world = named(false);
    world.roles.set(theirs.name, theirs);
    settle(world);
    expect(world.roles.get(theirs.name)).toEqual(theirs);
    expect(ready(world)).toBe('False RoleNotOwned');
    const message = conditionOf(world.account.status?.conditions, 'Ready')?.message;
    expect(message).toContain(`replace its trust policy, attach ${readOnly}, detach ${fullAccess}`);
  });

  it('is adopted without being replaced, and keeps what the account does not state', () => {
    const world = named(true);
    world.roles.set(theirs.name, theirs);
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(kinds(world)).not.toContain('CreateRole');
    expect(world.roles.get(theirs.name)).toMatchObject({
      id: theirs.id,
      arn: theirs.arn,
      attachedPolicyArns: [readOnly],
      permissionsBoundaryArn: readOnly,
      maxSessionDuration: 7200,
      tags: { team: 'payments', 'k11n.dev/adopted': 'true' },
    });
    expect(world.namespaces.get('production')?.serviceAccount?.roleArn).toBe(theirs.arn);
  });

  it('is given back untagged when the account is deleted', () => {
    const world = named(true);
    world.roles.set(theirs.name, theirs);
    settle(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.roles.get(theirs.name)).toMatchObject({ id: theirs.id, tags: { team: 'payments' } });
    expect(world.namespaces.get('production')?.serviceAccount).toBeUndefined();
  });

  it('is never adopted from another account or cluster of Konstellation', () => {
    const world = named(true);
    const held = {
      ...theirs,
      tags: { 'k11n.dev/managed-by': 'konstellation', 'k11n.dev/cluster': 'another' },
    };
    world.roles.set(theirs.name, held);
    settle(world);
    expect(world.roles.get(theirs.name)).toEqual(held);
    expect(ready(world)).toBe('False RoleNotOwned');
  });

  it('that is to be adopted and does not exist is not made', () => {
    const world = named(true);
    settle(world);
    expect(world.roles.size).toBe(0);
    expect(ready(world)).toBe('False RoleNotFound');
  });
});

describe('inline policies of others', () => {
  it('are told, and removed only when the ClusterConfig says so', () => {
    const world = settled();
    world.roles.set(name, { ...roleOf(world), inlinePolicyNames: ['theirs'] });
    sweep(world);
    settle(world);
    expect(ready(world)).toBe('False InlinePoliciesFound');
    expect(roleOf(world).inlinePolicyNames).toEqual(['theirs']);
    world.facts = { ...facts, strictInline: true };
    settle(world);
    expect(roleOf(world).inlinePolicyNames).toEqual([]);
    expect(ready(world)).toBe('True Ready');
  });
});

function roleOf(world: SimulatedWorld): NonNullable<ReturnType<SimulatedWorld['roles']['get']>> {
  const role = world.roles.get(name);
  if (!role) throw new Error('there is no role');
  return role;
}
