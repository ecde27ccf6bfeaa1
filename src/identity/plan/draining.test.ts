/** Plans for targets that were removed from an account while pods there hold its identity. */
import { describe, expect, it } from 'vitest';
import type { Wall } from '../../k8s/time.ts';
import { unlinkNowAnnotation } from '../../api/index.ts';
import { findCondition } from '../../k8s/conditions.ts';
import { planAccount } from './account.ts';
import { kinds, name, ready, roleOf } from '../testing/settled-world.ts';
import {
  applyStep,
  createWorld,
  edit,
  facts,
  isServed,
  makePod,
  observe,
  restart,
  settle,
  resync,
  type SimulatedPod,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import type { LinkedServiceAccountSpec } from '../../api/index.ts';

type Spec = Partial<LinkedServiceAccountSpec>;

/** World with a converged account in production and staging, and a pod in each of these targets. */
function inUse(spec: Spec = {}): SimulatedWorld {
  const world = createWorld({ targets: ['production', 'staging'], ...spec });
  settle(world);
  for (const target of ['production', 'staging']) makePod(world, target);
  settle(world);
  world.journal.length = 0;
  return world;
}

function podIn(world: SimulatedWorld, target: string): SimulatedPod {
  const [pod] = world.namespaces.get(target)?.pods ?? [];
  if (!pod) throw new Error(`no pod runs in ${target}`);
  return pod;
}

function endPods(world: SimulatedWorld, target: string): void {
  const namespace = world.namespaces.get(target);
  if (namespace) namespace.pods = [];
}

function rowOf(world: SimulatedWorld, target: string) {
  return world.account.status?.targets?.find((row) => row.name === target);
}

function annotate(world: SimulatedWorld, value: string): void {
  const { metadata } = world.account;
  world.account = {
    ...world.account,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [unlinkNowAnnotation]: value } },
  };
}

const podIdentity: Spec = { aws: { policyArns: [], identityMode: 'PodIdentity' } };

const removals: readonly (readonly [string, (world: SimulatedWorld) => void])[] = [
  ['a target that the account no longer names', (world) => edit(world, { targets: ['production'] })],
  [
    'a target that the ClusterConfig no longer has',
    (world) => {
      world.facts = { ...facts, targets: ['production'] };
    },
  ],
  [
    'a target whose namespace is being deleted',
    (world) => {
      const namespace = world.namespaces.get('staging');
      if (namespace) namespace.state = 'terminating';
    },
  ],
  [
    'a target whose namespace is being deleted and has lost its ServiceAccount',
    (world) => {
      const namespace = world.namespaces.get('staging');
      if (!namespace) return;
      namespace.state = 'terminating';
      delete namespace.serviceAccount;
    },
  ],
];

describe.each([
  ['IRSA', {}],
  ['PodIdentity', podIdentity],
] as const)('with %s, while pods run', (_mode, spec) => {
  it.each(removals)('%s keeps its access until the pods have ended', (_how, remove) => {
    const world = inUse(spec);
    const pod = podIn(world, 'staging');
    expect(isServed(world, 'staging', pod)).toBe(true);
    remove(world);
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(isServed(world, 'staging', pod)).toBe(true);
    expect(rowOf(world, 'staging')).toMatchObject({ linked: true, proven: true, reason: 'StillInUse' });
    expect(rowOf(world, 'staging')?.message).toContain(`staging/${pod.name}`);
    expect(ready(world)).toBe('False StillInUse');
    expect(world.account.status).not.toHaveProperty('formerTargets');

    endPods(world, 'staging');
    settle(world);
    expect(isServed(world, 'staging', pod)).toBe(false);
    expect(isServed(world, 'production', podIn(world, 'production'))).toBe(true);
    expect(rowOf(world, 'staging')?.reason).not.toBe('StillInUse');
  });

  it('a target that the account no longer names keeps its access after a restart of the operator', () => {
    const world = inUse(spec);
    const pod = podIn(world, 'staging');
    edit(world, { targets: ['production'] });
    settle(world);
    restartOperator(world);
    settle(world);
    expect(isServed(world, 'staging', pod)).toBe(true);
    expect(rowOf(world, 'staging')).toMatchObject({ linked: true, reason: 'StillInUse' });
  });

  it('a target that the account no longer names causes no proof, even if its role drifts', () => {
    const world = inUse(spec);
    edit(world, { targets: ['production'] });
    settle(world);
    world.roles.set(name, { ...roleOf(world), trustPolicy: '{"Version":"2012-10-17","Statement":[]}' });
    resync(world);
    world.journal.length = 0;
    settle(world);
    expect(isServed(world, 'staging', podIn(world, 'staging'))).toBe(true);
    const inStaging = world.journal.filter(({ step }) => 'target' in step && step.target === 'staging');
    expect(inStaging).toEqual([]);
  });

  it('a target that is removed from the account loses its access at once if k11n.dev/unlink-now names the target', () => {
    const world = inUse(spec);
    const pod = podIn(world, 'staging');
    annotate(world, 'canary, staging');
    settle(world);
    expect(isServed(world, 'staging', pod)).toBe(true);
    edit(world, { targets: ['production'] });
    settle(world);
    expect(isServed(world, 'staging', pod)).toBe(false);
    expect(world.account.status?.formerTargets).toMatchObject([{ name: 'staging' }]);
  });

  it("once the account names a draining target again, the account is Ready and the target's pods keep their access", () => {
    const world = inUse(spec);
    edit(world, { targets: ['production'] });
    settle(world);
    edit(world, { targets: ['production', 'staging'] });
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(isServed(world, 'staging', podIn(world, 'staging'))).toBe(true);
  });
});

/** Restarts the operator. Its caches then contain only what the first listing of AWS returns. */
function restartOperator(world: SimulatedWorld): void {
  world.cachedRoles.clear();
  world.cachedAssociations.clear();
  world.lastSynced.clear();
  restart(world);
  resync(world);
}

/** Writes the status, then applies the steps of one plan. */
function reconcileOnce(world: SimulatedWorld): void {
  const plan = planAccount(observe(world));
  world.account = { ...world.account, status: plan.status };
  for (const step of plan.steps) applyStep(world, step);
}

describe.each([
  ['IRSA', {}],
  ['PodIdentity', podIdentity],
] as const)('with %s, after a restart', (_mode, spec) => {
  /** World with a converged account in production and staging, without pods. */
  function unused(): SimulatedWorld {
    const world = createWorld({ targets: ['production', 'staging'], ...spec });
    settle(world);
    return world;
  }

  it.each([
    [
      'a target that the ClusterConfig no longer has and the account still names',
      (world: SimulatedWorld) => {
        world.facts = { ...facts, targets: ['production'] };
      },
    ],
    [
      'a target whose namespace is reported as being deleted before its last pod is reported',
      (world: SimulatedWorld) => {
        const namespace = world.namespaces.get('staging');
        if (namespace) namespace.state = 'terminating';
      },
    ],
    [
      'a target that the account no longer names and whose namespace is being deleted',
      (world: SimulatedWorld) => {
        edit(world, { targets: ['production'] });
        const namespace = world.namespaces.get('staging');
        if (namespace) namespace.state = 'terminating';
      },
    ],
  ])('%s keeps the access of pods that start before the trust policy is narrowed', (_how, remove) => {
    const world = unused();
    remove(world);
    restartOperator(world);
    world.journal.length = 0;
    reconcileOnce(world);
    expect(kinds(world)).toContain('ReadRole');
    expect(kinds(world)).not.toContain('UpdateTrustPolicy');
    expect(rowOf(world, 'staging')).toMatchObject({ linked: true, proven: false });
    expect(world.account.status?.linkedTargets).toEqual(['production']);

    makePod(world, 'staging');
    const pod = podIn(world, 'staging');
    expect(isServed(world, 'staging', pod)).toBe(true);
    settle(world);
    expect(isServed(world, 'staging', pod)).toBe(true);
    expect(rowOf(world, 'staging')).toMatchObject({ linked: true, reason: 'StillInUse' });

    endPods(world, 'staging');
    settle(world);
    expect(roleOf(world).trustPolicy).not.toContain('staging');
    expect(rowOf(world, 'staging')?.linked).not.toBe(true);
  });

  it('running pods in a target that the ClusterConfig no longer lists keep their access while a listing lacks the role', () => {
    const world = inUse(spec);
    const pod = podIn(world, 'staging');
    world.facts = { ...facts, targets: ['production'] };
    restartOperator(world);
    world.cachedRoles.set(name, { role: null, source: 'list' });
    reconcileOnce(world);
    expect(kinds(world)).toContain('ReadRole');
    expect(isServed(world, 'staging', pod)).toBe(true);
    settle(world);
    expect(isServed(world, 'staging', pod)).toBe(true);
    expect(rowOf(world, 'staging')).toMatchObject({ linked: true, reason: 'StillInUse' });
  });

  it('a target that the account no longer names and whose namespace is being deleted is reported with the time until which its sessions may be valid', () => {
    const world = unused();
    edit(world, { targets: ['production'] });
    const namespace = world.namespaces.get('staging');
    if (namespace) namespace.state = 'terminating';
    restartOperator(world);
    for (let pass = 0; pass < 5; pass += 1) reconcileOnce(world);
    expect(planAccount(observe(world)).steps).toEqual([]);
    expect(roleOf(world).trustPolicy).not.toContain('staging');
    expect(world.account.status?.formerTargets).toMatchObject([{ name: 'staging' }]);
  });
});

describe('a target that was missing from the trust policy that the operator wrote last', () => {
  /** World with a namespace that a third party prepared as if the account were linked there, with a pod that holds the account's role. */
  function forged(): SimulatedWorld {
    const world = createWorld({ targets: ['production'] });
    settle(world);
    const { arn } = roleOf(world);
    world.namespaces.set('elsewhere', {
      state: 'present',
      users: [],
      serviceAccount: {
        uid: 'forged',
        resourceVersion: '1',
        account: 'myaccount',
        created: false,
        roleArn: arn,
        roleArnManager: 'konstellation',
      },
      pods: [{ name: 'forged', holds: { mode: 'IRSA', roleArn: arn }, createdAt: world.now as Wall }],
    });
    world.journal.length = 0;
    return world;
  }

  it('is not added to the trust policy, even if pods run in its namespace', () => {
    const world = forged();
    settle(world);
    expect(kinds(world)).not.toContain('UpdateTrustPolicy');
    expect(roleOf(world).trustPolicy).not.toContain(':elsewhere:');
  });

  it('is not added to the trust policy, even if a forged status lists the target as linked', () => {
    const world = forged();
    const rows = world.account.status?.targets ?? [];
    const row = {
      name: 'elsewhere',
      linked: true,
      proven: true,
      pods: { current: 1, stale: 0, uninjected: 0 },
    };
    world.account = { ...world.account, status: { ...world.account.status, targets: [...rows, row] } };
    settle(world);
    expect(roleOf(world).trustPolicy).not.toContain(':elsewhere:');
  });

  /** Adds the target to the trust policy out of band. */
  function addToTrust(world: SimulatedWorld, target = 'elsewhere'): void {
    const role = roleOf(world);
    const trustPolicy = role.trustPolicy.replace(
      ':production:myaccount"',
      `:production:myaccount","system:serviceaccount:${target}:myaccount"`,
    );
    world.roles.set(name, { ...role, trustPolicy });
  }

  it('is removed from the trust policy if a third party has added the target', () => {
    const world = forged();
    addToTrust(world);
    resync(world);
    settle(world);
    expect(roleOf(world).trustPolicy).not.toContain(':elsewhere:');
  });

  it("is removed from the trust policy after a third party added the target and the operator restarted, even while pods delay the deletion of the target's ServiceAccount", () => {
    const world = forged();
    const namespace = world.namespaces.get('elsewhere');
    if (namespace?.serviceAccount) namespace.serviceAccount = { ...namespace.serviceAccount, created: true };
    addToTrust(world);
    resync(world);
    for (let pass = 0; pass < 3; pass += 1) reconcileOnce(world);
    expect(rowOf(world, 'elsewhere')).toMatchObject({ linked: false, reason: 'StillInUse' });
    addToTrust(world);
    restartOperator(world);
    settle(world);
    expect(roleOf(world).trustPolicy).not.toContain(':elsewhere:');
  });

  it('is removed from the trust policy after a third party added the target and the operator restarted, even if the operator first writes another part of the role', () => {
    const world = forged();
    addToTrust(world);
    world.roles.set(name, { ...roleOf(world), attachedPolicyArns: [] });
    restartOperator(world);
    reconcileOnce(world);
    expect(kinds(world)).toEqual(['ReadRole']);
    const { steps } = planAccount(observe(world));
    for (const step of steps.filter(({ kind }) => kind === 'AttachPolicy')) applyStep(world, step);
    expect(world.cachedRoles.get(name)?.source).toBe('write');
    settle(world);
    expect(roleOf(world).trustPolicy).not.toContain(':elsewhere:');
  });

  it('is removed again if a third party adds the target to the trust policy after the account has dropped the target', () => {
    const world = inUse();
    annotate(world, 'staging');
    edit(world, { targets: ['production'] });
    settle(world);
    expect(roleOf(world).trustPolicy).not.toContain(':staging:');
    expect(rowOf(world, 'staging')?.linked).not.toBe(true);
    annotate(world, '');
    addToTrust(world, 'staging');
    restartOperator(world);
    settle(world);
    expect(roleOf(world).trustPolicy).not.toContain(':staging:');
  });
});

it('a draining target makes TargetsLinked False with reason StillInUse', () => {
  const world = inUse();
  edit(world, { targets: ['production'] });
  const { status } = planAccount(observe(world));
  expect(findCondition(status.conditions, 'TargetsLinked')).toMatchObject({
    status: 'False',
    reason: 'StillInUse',
  });
  expect(findCondition(status.conditions, 'IdentityProven')?.status).toBe('True');
});
