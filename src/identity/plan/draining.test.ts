/** Plans for a target that the account is no longer for while pods there hold its identity. */
import { describe, expect, it } from 'vitest';
import { unlinkNowAnnotation } from '../../api/index.ts';
import { findCondition } from '../../k8s/conditions.ts';
import { planAccount } from './account.ts';
import { kinds, name, ready, roleOf } from '../testing/settled-world.ts';
import {
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

/** An account in production and staging, with a pod in each. */
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
  ['the account no longer names', (world) => edit(world, { targets: ['production'] })],
  [
    'the ClusterConfig no longer has',
    (world) => {
      world.facts = { ...facts, targets: ['production'] };
    },
  ],
  [
    'is a namespace that is being deleted',
    (world) => {
      const namespace = world.namespaces.get('staging');
      if (namespace) namespace.state = 'terminating';
    },
  ],
  [
    'is a namespace that is being deleted and has lost its ServiceAccount',
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
] as const)('with %s, a target with running pods that', (_mode, spec) => {
  it.each(removals)('%s keeps its access until they have ended', (_how, remove) => {
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

  it('the account no longer names keeps its access over a restart of the operator', () => {
    const world = inUse(spec);
    const pod = podIn(world, 'staging');
    edit(world, { targets: ['production'] });
    settle(world);
    world.cachedRoles.clear();
    world.cachedAssociations.clear();
    world.lastSynced.clear();
    restart(world);
    resync(world);
    settle(world);
    expect(isServed(world, 'staging', pod)).toBe(true);
    expect(rowOf(world, 'staging')).toMatchObject({ linked: true, reason: 'StillInUse' });
  });

  it('the account no longer names is not asked for a proof, whatever happens to the role', () => {
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

  it('the account no longer names loses its access at once when a person asks for that', () => {
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

  it('the account names again is served as before', () => {
    const world = inUse(spec);
    edit(world, { targets: ['production'] });
    settle(world);
    edit(world, { targets: ['production', 'staging'] });
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(isServed(world, 'staging', podIn(world, 'staging'))).toBe(true);
  });
});

describe('a target that no role of the account lets in', () => {
  /** A namespace that somebody prepared as if the account were linked there, with a pod that holds its role. */
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
      pods: [{ name: 'forged', holds: { mode: 'IRSA', roleArn: arn } }],
    });
    world.journal.length = 0;
    return world;
  }

  it('is never let in for its pods', () => {
    const world = forged();
    settle(world);
    expect(kinds(world)).not.toContain('UpdateTrustPolicy');
    expect(roleOf(world).trustPolicy).not.toContain(':elsewhere:');
  });

  it('is not let in for a forged status either', () => {
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

  it('is shut out again when somebody wrote it into the trust policy', () => {
    const world = forged();
    const role = roleOf(world);
    const trustPolicy = role.trustPolicy.replace(
      ':production:myaccount"',
      ':production:myaccount","system:serviceaccount:elsewhere:myaccount"',
    );
    world.roles.set(name, { ...role, trustPolicy });
    resync(world);
    settle(world);
    expect(roleOf(world).trustPolicy).not.toContain(':elsewhere:');
  });
});

it('an account that drains says so in the conditions that concern links', () => {
  const world = inUse();
  edit(world, { targets: ['production'] });
  const { status } = planAccount(observe(world));
  expect(findCondition(status.conditions, 'TargetsLinked')).toMatchObject({
    status: 'False',
    reason: 'StillInUse',
  });
  expect(findCondition(status.conditions, 'IdentityProven')?.status).toBe('True');
});
