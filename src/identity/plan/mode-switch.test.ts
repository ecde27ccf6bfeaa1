import { describe, expect, it } from 'vitest';
import { findCondition } from '../../k8s/conditions.ts';
import { planAccount, type AccountPlan } from './account.ts';
import {
  applyStep,
  createWorld,
  edit,
  makePod,
  observe,
  readOnly,
  settle,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import type { AccountWorld, HeldIdentities } from '../state/world.ts';

const irsa = { aws: { policyArns: [readOnly], identityMode: 'IRSA' as const } };
const podIdentity = { aws: { policyArns: [readOnly], identityMode: 'PodIdentity' as const } };
const production = { name: 'production' } as const;

/** World with a converged account that uses Pod Identity, and a pod in each target. */
function served(): SimulatedWorld {
  const world = createWorld(podIdentity);
  settle(world);
  for (const target of world.facts.targets) makePod(world, target);
  settle(world);
  return world;
}

type Seen = Partial<Pick<AccountWorld, 'rolloutBlocker' | 'unsettledWorkload'>> & {
  readonly held?: Partial<HeldIdentities>;
};

/** Reconciles until no step is left. The observed workloads, and the pods in production, have the given state. */
function work(world: SimulatedWorld, { held, ...seen }: Seen = {}): AccountPlan {
  for (let pass = 0; pass < 40; pass += 1) {
    const observed = observe(world);
    const plan = planAccount({
      ...observed,
      ...seen,
      targets: observed.targets.map((target) =>
        target.name === production.name ? { ...target, held: { ...target.held, ...held } } : target,
      ),
    });
    if (plan.steps.length === 0) {
      world.account = { ...world.account, status: plan.status };
      return plan;
    }
    for (const step of plan.steps) applyStep(world, step);
  }
  throw new Error('it does not come to rest');
}

const rowOf = ({ status }: AccountPlan, target: string) =>
  status.targets?.find(({ name }) => name === target);
const readyOf = ({ status }: AccountPlan) => findCondition(status.conditions, 'Ready');

describe('during a switch back to IRSA', () => {
  it('the second target keeps its association until the pods of the first target are current', () => {
    const world = served();
    edit(world, irsa);
    const plan = work(world);
    expect([...world.associations.keys()]).toEqual(['staging']);
    expect(rowOf(plan, 'staging')).toMatchObject({ identityMode: 'PodIdentity', reason: 'SwitchingMode' });
    expect(readyOf(plan)?.status).toBe('False');
    // Simulates the end of the rollout of the apps in production.
    const first = world.namespaces.get('production');
    if (first) first.pods = [];
    makePod(world, 'production');
    work(world);
    expect([...world.associations.keys()]).toEqual([]);
  });

  it.each<readonly [string, Seen, string]>([
    [
      'a rollout of the account has failed',
      { rolloutBlocker: { reason: 'PausedByFailedRollout', message: 'held back' } },
      'PausedByFailedRollout',
    ],
    ['a workload is being rolled out', { unsettledWorkload: 'app web in staging' }, 'SwitchingMode'],
    [
      'nothing replaces a pod',
      { held: { notReplaced: [{ pod: 'web-1', workload: 'ReplicaSet/web' }] } },
      'AwaitingReplacement',
    ],
  ])('a target keeps its association while %s', (_what, seen, reason) => {
    const world = served();
    edit(world, irsa);
    const plan = work(world, seen);
    expect(world.associations.has('production')).toBe(true);
    expect(rowOf(plan, 'production')).toMatchObject({ identityMode: 'PodIdentity', proven: true, reason });
    expect(readyOf(plan)).toMatchObject({ status: 'False', reason });
  });

  it('a target switches without waiting for its workload if none of its ready pods holds the identity', () => {
    const world = served();
    edit(world, irsa);
    work(world, { unsettledWorkload: 'app web in production', held: { readyByPodIdentity: 0 } });
    expect(world.associations.has('production')).toBe(false);
  });

  it('no other target starts its switch while the first target cannot be rolled out', () => {
    const world = served();
    edit(world, irsa);
    const at = world.now;
    world.failures.set('DeleteAssociation production', {
      code: 'RolloutBlocked',
      message: 'exceeded quota',
      at,
      attempts: 1,
      retryAt: at + 60_000,
    });
    const plan = work(world);
    expect([...world.associations.keys()].toSorted()).toEqual(['production', 'staging']);
    expect(rowOf(plan, 'production')?.reason).toBe('RolloutBlocked');
    expect(rowOf(plan, 'staging')).toMatchObject({
      reason: 'SwitchingMode',
      message: expect.stringContaining('production switches first') as string,
    });
  });

  it('Ready is False while pods hold an identity that they cannot exchange, and the target stays proven so that the rollout continues', () => {
    const world = served();
    edit(world, irsa);
    const plan = work(world);
    expect(rowOf(plan, 'production')).toMatchObject({ proven: true, reason: 'ExchangeUnavailable' });
    expect(findCondition(plan.status.conditions, 'WorkloadsCurrent')).toMatchObject({
      status: 'False',
      reason: 'ExchangeUnavailable',
    });
    // Brings the other target in sync, so that the other target is not the reason why Ready is False.
    world.associations.delete('staging');
    world.cachedAssociations.set('staging', { association: null, source: 'read' });
    expect(readyOf(work(world))).toMatchObject({ status: 'False', reason: 'ExchangeUnavailable' });
  });
});

it('an account that returns to Pod Identity gets the missing associations without waiting for rollouts that failed or have not ended', () => {
  const world = served();
  edit(world, irsa);
  work(world);
  expect(world.associations.has('production')).toBe(false);
  edit(world, podIdentity);
  work(world, {
    rolloutBlocker: { reason: 'PausedByFailedRollout', message: 'held back' },
    unsettledWorkload: 'app web',
  });
  expect([...world.associations.keys()].toSorted()).toEqual(['production', 'staging']);
});
