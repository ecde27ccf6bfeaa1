/** Plans for accounts with further roles, because their targets do not fit into one trust policy. */
import { describe, expect, it } from 'vitest';
import { nameOf, ready, theirs } from '../testing/settled-world.ts';
import {
  createWorld,
  edit,
  facts,
  readOnly,
  requestDeletion,
  settle,
  resync,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import { subjectOf, trustPolicy } from '../desired/trust.ts';

/** Size of a trust policy with one target. */
const trustPolicySize = trustPolicy({ ...facts, subjects: [subjectOf('production', 'myaccount')] }).length;
const narrowFacts = { ...facts, quotas: { ...facts.quotas, trustPolicySize } };

function adopting(): SimulatedWorld {
  const world = createWorld({ aws: { policyArns: [readOnly], roleName: theirs.name, adopt: true } });
  world.facts = narrowFacts;
  world.roles.set(theirs.name, theirs);
  return world;
}

describe('beside an adopted role', () => {
  it('further roles are created if the targets do not fit into one trust policy', () => {
    const world = adopting();
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect([...world.roles.keys()].sort()).toEqual([nameOf(2), theirs.name].sort());
  });

  it('further roles are deleted with the account, and the adopted role stays', () => {
    const world = adopting();
    settle(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect([...world.roles.values()].map(({ id, tags }) => ({ id, tags }))).toEqual([
      { id: theirs.id, tags: { team: 'payments' } },
    ]);
  });

  it('further roles are kept on deletion of the account, and tagged as retained, if the deletion policy is Retain', () => {
    const world = adopting();
    edit(world, { deletionPolicy: 'Retain' });
    settle(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    const retained = {
      'k11n.dev/retained': world.facts.clusterArn,
      'k11n.dev/account': world.account.metadata.name,
    };
    expect([...world.roles.values()].map(({ tags }) => tags)).toEqual([
      { team: 'payments', ...retained, 'k11n.dev/adopted': 'true' },
      retained,
    ]);
  });
});

describe('an adopted role that is no longer needed', () => {
  it('is released, not deleted', () => {
    const world = adopting();
    settle(world);
    // Someone removed the finalizer, so the account was deleted without its role. The account is recreated with another
    // role of its own.
    world.account = {
      ...createWorld().account,
      metadata: { name: 'myaccount', uid: 'uid-2', generation: 1 },
    };
    settle(world);
    resync(world);
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(world.roles.get(theirs.name)?.id).toBe(theirs.id);
    expect(world.roles.get(theirs.name)?.tags).toEqual({ team: 'payments' });
  });
});

describe.each(['IRSA', 'PodIdentity'] as const)('with %s, a further role', (identityMode) => {
  const { length: trustPolicySizeByPods } = trustPolicy({
    ...facts,
    subjects: [],
    podIdentity: { clusterArn: facts.clusterArn, namespaces: ['production'], serviceAccount: 'myaccount' },
  });
  const quotas = {
    ...facts.quotas,
    trustPolicySize: identityMode === 'IRSA' ? trustPolicySize : trustPolicySizeByPods,
  };

  it('stops admitting a target when the ClusterConfig no longer lists the target, although the account still names the target', () => {
    const world = createWorld({ targets: ['production', 'staging'] });
    world.facts = { ...facts, quotas, identityMode };
    settle(world);
    const isNamed = () => world.roles.get(nameOf(2))?.trustPolicy.includes('staging') === true;
    expect(isNamed()).toBe(true);
    world.facts = { ...world.facts, targets: ['production'] };
    settle(world);
    expect(isNamed()).toBe(false);
    expect(world.account.status?.targets).toContainEqual(
      expect.objectContaining({ name: 'staging', linked: false, reason: 'TargetUnknown' }),
    );
  });

  it('first stops admitting pods when its only target is removed; then the target is unlinked, and then the role is deleted', () => {
    const world = createWorld({ targets: ['production', 'staging'] });
    world.facts = { ...facts, quotas, identityMode };
    settle(world);
    world.journal.length = 0;
    edit(world, { targets: ['production'] });
    settle(world);
    const unlinking = identityMode === 'IRSA' ? 'DeleteServiceAccount' : 'DeleteAssociation';
    const steps = world.journal.map(({ step }) => step.kind);
    expect(steps.indexOf('UpdateTrustPolicy')).toBeGreaterThanOrEqual(0);
    expect(steps.indexOf('UpdateTrustPolicy')).toBeLessThan(steps.indexOf(unlinking));
    expect([...world.roles.keys()]).toEqual([nameOf(1)]);
  });
});

it('the deletion of an account also deletes a further role of the account that neither the status nor a listing shows', () => {
  const world = createWorld();
  world.facts = narrowFacts;
  settle(world);
  expect([...world.roles.keys()]).toEqual([nameOf(1), nameOf(2)]);
  // The operator crashed right after it had created the role, so neither status nor listing shows the role after the restart.
  const { status: _, ...account } = world.account;
  world.account = account;
  world.cachedRoles.delete(nameOf(2));
  for (const [target, namespace] of world.namespaces) {
    const { serviceAccount: __, ...rest } = namespace;
    world.namespaces.set(target, rest);
  }
  requestDeletion(world);
  settle(world);
  expect(world.gone).toBe(true);
  expect([...world.roles.keys()]).toEqual([]);
});

it('an account whose roleName is the name of its own second role has two distinct roles', () => {
  const world = createWorld({ aws: { policyArns: [readOnly], roleName: nameOf(2) } });
  world.facts = narrowFacts;
  settle(world);
  expect(ready(world)).toBe('True Ready');
  expect([...world.roles.keys()].sort()).toEqual([nameOf(1), nameOf(2)]);
  world.journal.length = 0;
  settle(world);
  expect(world.journal).toEqual([]);
  requestDeletion(world);
  settle(world);
  expect(world.roles.size).toBe(0);
});
