import { describe, expect, it } from 'vitest';
import { findCondition } from '../../k8s/conditions.ts';
import { planAccount } from './account.ts';
import { arn, kinds, name, ready, settled } from '../testing/settled-world.ts';
import { createWorld, observe, readOnly, settle } from '../testing/simulated-world.ts';

describe('a new account', () => {
  it('gets its role, policies, links and proofs by one write each, without a read', () => {
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

  it('needs no further step once it is in sync', () => {
    const world = settled();
    expect(planAccount(observe(world)).steps).toEqual([]);
  });

  it('continues to use a role that was created before a crash and is not in the status', () => {
    const world = createWorld();
    settle(world);
    // The account loses its status, and the operator loses its caches.
    const { status: _, ...account } = world.account;
    world.account = account;
    world.cachedRoles.clear();
    world.proofs.clear();
    world.journal.length = 0;
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(kinds(world)).toEqual(['CreateRole', 'ReadRole', 'ProveIdentity', 'ProveIdentity']);
    expect(world.roles.size).toBe(1);
  });

  it('re-adopts the role that an earlier account with the same name left in IAM', () => {
    const world = settled();
    world.account = { ...world.account, metadata: { name: 'myaccount', uid: 'uid-2', generation: 1 } };
    settle(world);
    expect(world.roles.get(name)?.tags['k11n.dev/uid']).toBe('uid-2');
    expect(ready(world)).toBe('True Ready');
  });
});

describe('a missing IAM OIDC provider', () => {
  const providerProblem = { reason: 'OIDCProviderMissing', message: 'no provider' } as const;

  it('makes every target that uses IRSA unproven, without an exchange, until the provider exists again', () => {
    const world = createWorld();
    settle(world);
    const before = world.journal.length;
    world.facts = { ...world.facts, providerProblem };
    const { status } = settle(world);
    expect(status.targets?.map(({ proven, linked, reason }) => ({ proven, linked, reason }))).toEqual(
      ['production', 'staging'].map(() => ({ proven: false, linked: true, reason: 'OIDCProviderMissing' })),
    );
    expect(findCondition(status.conditions, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'OIDCProviderMissing',
    });
    expect(world.journal.slice(before)).toEqual([]);
  });

  it('does not affect a target that uses Pod Identity', () => {
    const world = createWorld({ aws: { policyArns: [readOnly], identityMode: 'PodIdentity' } });
    world.facts = { ...world.facts, providerProblem };
    const { status } = settle(world);
    expect(status.targets?.map(({ confirmed }) => confirmed)).toEqual([true, true]);
  });
});

describe('a failed rollout that stops the other rollouts', () => {
  it('is reported in the WorkloadsCurrent condition of the account, and the account stays Ready', () => {
    const message = 'the new identity is held back by app web in production';
    const { status } = planAccount({
      ...observe(settled()),
      rolloutBlocker: { reason: 'PausedByFailedRollout', message },
    });
    expect(findCondition(status.conditions, 'WorkloadsCurrent')).toMatchObject({
      status: 'False',
      reason: 'PausedByFailedRollout',
      message,
    });
    expect(findCondition(status.conditions, 'Ready')?.status).toBe('True');
  });
});
