/** Plans that request proofs, and the effect of the proofs' results on the status. */
import { describe, expect, it } from 'vitest';
import { findCondition } from '../../k8s/conditions.ts';
import { digest } from '../desired/digest.ts';
import { planAccount } from './account.ts';
import { proofKey, renewFromMs, renewUntilMs } from './proofs.ts';
import { kinds, name, ready, roleOf, settled } from '../testing/settled-world.ts';
import {
  createWorld,
  edit,
  facts,
  observe,
  readOnly,
  restart,
  settle,
  waitFor,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';

describe('proofs', () => {
  it('distinguish a role that has not propagated yet from a role that refuses the token', () => {
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

  it('survive a restart of the operator, because the status records them', () => {
    const world = settled();
    restart(world);
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(ready(world)).toBe('True Ready');
  });

  it('are repeated periodically', () => {
    const world = settled();
    for (let times = 0; times < facts.targets.length; times += 1) {
      waitFor(world, planAccount(observe(world)));
      settle(world);
    }
    expect(kinds(world)).toEqual(['ProveIdentity', 'ProveIdentity']);
  });

  it('cause four to six exchanges per target and day, at different times for each target', () => {
    const world = settled();
    const startedAt = world.now;
    const times = new Map<string, number[]>(facts.targets.map((target) => [target, []]));
    for (let plan = planAccount(observe(world)); world.now < startedAt + 86_400_000; plan = settle(world)) {
      for (const { step } of world.journal)
        if (step.kind === 'ProveIdentity') times.get(step.target)?.push(world.now);
      world.journal.length = 0;
      waitFor(world, plan);
    }
    for (const proofs of times.values()) {
      expect(proofs.length).toBeGreaterThanOrEqual(4);
      expect(proofs.length).toBeLessThanOrEqual(6);
    }
    const [first, second] = [...times.values()];
    expect(first?.filter((at) => second?.includes(at))).toEqual([]);
  });

  it('are repeated within the interval of the ClusterConfig', () => {
    const world = settled();
    const proofIntervalMs = 600_000;
    world.facts = { ...facts, proofIntervalMs };
    const { now } = world;
    const plan = planAccount(observe(world));
    expect(plan.requeueAt).toBeGreaterThanOrEqual(now + 0.7 * proofIntervalMs);
    expect(plan.requeueAt).toBeLessThanOrEqual(now + proofIntervalMs);
    world.now = now + proofIntervalMs;
    settle(world);
    expect(kinds(world)).toEqual(['ProveIdentity', 'ProveIdentity']);
  });

  it('are repeated between one and ten minutes after a restart, spread over that time', () => {
    const world = settled();
    restart(world);
    const startedAt = world.now;
    const times = new Set<number>();
    for (;;) {
      const plan = settle(world);
      if (kinds(world).length === facts.targets.length) break;
      waitFor(world, plan);
      times.add(world.now - startedAt);
    }
    expect(kinds(world)).toEqual(['ProveIdentity', 'ProveIdentity']);
    expect(times.size).toBe(facts.targets.length);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(renewFromMs);
    expect(Math.max(...times)).toBeLessThanOrEqual(renewUntilMs);
  });

  it('are renewed in time even if the account is reconciled for other reasons in between', () => {
    const world = settled();
    restart(world);
    for (let pass = 0; pass < 2; pass += 1) {
      world.now += 6 * 60_000;
      settle(world);
    }
    expect(kinds(world)).toEqual(['ProveIdentity', 'ProveIdentity']);
  });
});

describe('a proof in a forged status', () => {
  /** STS refuses every exchange although the trust policy is correct. */
  function refuse(world: SimulatedWorld): void {
    const role = roleOf(world);
    // Advances the clock until the role has propagated to STS.
    world.now += 120_000;
    for (const target of facts.targets) {
      const serviceAccount = world.namespaces.get(target)?.serviceAccount;
      if (!serviceAccount) throw new Error('it is not linked');
      const key = proofKey(role, serviceAccount);
      world.failures.set(`ProveIdentity ${target} ${key}`, {
        code: 'AssumeRoleDenied',
        message: 'not authorized',
        at: world.now,
        attempts: 1,
        retryAt: world.now + 3_600_000,
      });
      world.proofs.set(target, { key: '', at: world.now });
    }
    settle(world);
    expect(ready(world)).toBe('False AssumeRoleDenied');
  }

  it('is overwritten by a running operator, even by an operator that has no proof result of its own', () => {
    const world = settled();
    const forged = world.account;
    refuse(world);
    world.account = forged;
    settle(world);
    expect(ready(world)).toBe('False AssumeRoleDenied');
    // The role is unchanged, but the new process has no proof of its own.
    world.proofs.clear();
    world.failures.clear();
    world.account = forged;
    const { steps, status } = planAccount(observe(world));
    expect(steps.map(({ kind }) => kind)).toEqual(['ProveIdentity', 'ProveIdentity']);
    expect(status.targets?.map(({ proven }) => proven)).toEqual([false, false]);
  });

  it('is accepted after a restart only until the next proof is due', () => {
    const world = settled();
    restart(world);
    world.now += renewUntilMs;
    const { steps } = planAccount(observe(world));
    expect(steps.map(({ kind }) => kind)).toEqual(['ProveIdentity', 'ProveIdentity']);
    refuse(world);
  });

  it.each(['another role', 'another trust policy', 'another ServiceAccount'])(
    'is not accepted after a restart if its `proofKey` belongs to %s',
    (what) => {
      const world = settled();
      const targets = world.account.status?.targets?.map((row) => ({ ...row, proofKey: digest([what], 16) }));
      world.account = { ...world.account, status: { ...world.account.status, targets } };
      restart(world);
      const { steps, status } = planAccount(observe(world));
      expect(steps.map(({ kind }) => kind)).toEqual(['ProveIdentity', 'ProveIdentity']);
      expect(findCondition(status.conditions, 'Ready')?.status).toBe('False');
    },
  );

  it('expires for Pod Identity even if no pod runs, and the operator confirms the association again', () => {
    const world = createWorld();
    edit(world, { aws: { policyArns: [readOnly], identityMode: 'PodIdentity' } });
    settle(world);
    expect(ready(world)).toBe('Unknown AwaitingFirstPod');
    const targets = world.account.status?.targets?.map((row) => ({ ...row, proven: true }));
    world.account = { ...world.account, status: { ...world.account.status, targets } };
    restart(world);
    settle(world);
    expect(ready(world)).toBe('True Ready');
    world.journal.length = 0;
    world.now += renewUntilMs;
    settle(world);
    expect(kinds(world)).toEqual(['ConfirmAssociation', 'ConfirmAssociation']);
    expect(ready(world)).toBe('Unknown AwaitingFirstPod');
    world.now += renewUntilMs;
    settle(world);
    expect(kinds(world)).toHaveLength(2);
  });
});
