/** Plans for an account that is being deleted. */
import { describe, expect, it } from 'vitest';
import { findCondition } from '../../k8s/conditions.ts';
import { planAccount } from './account.ts';
import { kinds, name, ready, roleOf, settled } from '../testing/settled-world.ts';
import type { ObservedAssociation, ObservedServiceAccount } from '../state/world.ts';
import {
  createWorld,
  edit,
  isServed,
  makePod,
  observe,
  readOnly,
  requestDeletion,
  settle,
  resync,
  waitFor,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';

describe('deletion', () => {
  it('first writes a trust policy that admits no pod, then removes the links, the policies and the role', () => {
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

  it('sets Ready and the conditions of policies, links and proofs to False while it proceeds', () => {
    const world = settled();
    requestDeletion(world);
    const { status } = planAccount(observe(world));
    for (const type of ['Ready', 'PoliciesAttached', 'TargetsLinked', 'IdentityProven'])
      expect(findCondition(status.conditions, type), type).toMatchObject({
        status: 'False',
        reason: 'Deleting',
        message: 'the trust policy is being changed so that no principal can assume the role',
        observedGeneration: world.account.metadata.generation,
      });
  });

  it('keeps the finalizer while a recently created role may not be visible in IAM yet', () => {
    const world = settled();
    requestDeletion(world);
    const [role] = world.roles.keys();
    const { now } = world;
    world.cachedRoles.set(role ?? '', { role: null, source: 'read', readAgainAt: now + 15_000 });
    expect(planAccount(observe(world))).toMatchObject({ steps: [], requeueAt: now + 15_000 });
    world.now += 15_000;
    expect(planAccount(observe(world)).steps).toMatchObject([{ kind: 'ReadRole', role }]);
    settle(world);
    expect(kinds(world)).toContain('DeleteRole');
    expect(world.roles.size).toBe(0);
  });

  it('waits while running pods use the account, and names the pods', () => {
    const world = settled();
    world.namespaces.get('production')?.users.push('myapp-1');
    requestDeletion(world);
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(ready(world)).toBe('False InUse');
    expect(findCondition(world.account.status?.conditions, 'Ready')?.message).toContain('production/myapp-1');
    world.namespaces.get('production')?.users.pop();
    settle(world);
    expect(world.gone).toBe(true);
  });

  it('evaluates each condition for the current spec while it waits', () => {
    const world = settled();
    world.namespaces.get('production')?.users.push('myapp-1');
    requestDeletion(world);
    settle(world);
    const missing = 'arn:aws:iam::aws:policy/NoSuchPolicy';
    world.missingPolicies.add(missing);
    edit(world, { aws: { policyArns: [readOnly, missing] } });
    settle(world);
    const { conditions = [], policies = [] } = world.account.status ?? {};
    expect(ready(world)).toBe('False InUse');
    expect(policies.map(({ attached }) => attached)).toEqual([true, false]);
    expect(findCondition(conditions, 'PoliciesAttached')).toMatchObject({
      status: 'False',
      reason: 'PolicyNotFound',
    });
    expect(conditions.map(({ observedGeneration }) => observedGeneration)).toEqual(
      conditions.map(() => world.account.metadata.generation),
    );
  });

  it.each([
    [
      'production',
      { app: 'web', workload: 'app web' },
      'To end these pods or their use of the account: kon app edit web --no-account',
    ],
    [
      'former',
      { app: 'web', workload: 'app web' },
      'To end these pods or their use of the account: remove "former", which is not a target of the ClusterConfig, from the targets of app "web": kon app edit web',
    ],
    [
      'former',
      { workload: 'ReplicaSet/web-1' },
      'To end these pods or their use of the account: change the serviceAccountName of ReplicaSet/web-1 in "former" (or of the owner of ReplicaSet/web-1, if it has one), or delete that workload',
    ],
    ['former', {}, 'To end these pods or their use of the account: kubectl delete pod -n former web-1'],
  ])(
    "waits for a pod in the target %s (%o), and its message says how to end the pod's use of the account",
    (target, by, way) => {
      const world = settled();
      world.namespaces.set(target, { ...world.namespaces.get('production'), state: 'present', users: [] });
      requestDeletion(world);
      const observed = observe(world);
      const targets = observed.targets.map((each) =>
        each.name === target ? { ...each, users: [{ pod: 'web-1', ...by }] } : each,
      );
      const { status } = planAccount({ ...observed, targets });
      const message = findCondition(status.conditions, 'Ready')?.message;
      expect(message?.slice(message.indexOf('To end'))).toBe(way);
    },
  );

  it.each(['labels', 'annotations'] as const)(
    'waits while the account is protected by its %s, and changes nothing',
    (where) => {
      const world = settled();
      const protect = (value: string): void => {
        const metadata = { ...world.account.metadata, [where]: { 'k11n.dev/protected': value } };
        world.account = { ...world.account, metadata };
      };
      protect('true');
      requestDeletion(world);
      settle(world);
      expect(kinds(world)).toEqual([]);
      expect(ready(world)).toBe('False DeletionProtected');
      expect(world.account.status?.targets?.map((row) => row.proven)).toEqual([true, true]);
      protect('false');
      settle(world);
      expect(world.gone).toBe(true);
      expect(world.roles.size).toBe(0);
    },
  );

  describe('the deletion of an account that retains its role and has running pods', () => {
    /** World with a converged account whose ServiceAccounts and annotations another tool (eksctl) created. */
    const imported = (of: Partial<ObservedServiceAccount> = {}): SimulatedWorld => {
      const world = createWorld({ deletionPolicy: 'Retain' });
      settle(world);
      const { arn: roleArn } = roleOf(world);
      for (const target of ['production', 'staging']) {
        const namespace = world.namespaces.get(target);
        if (!namespace?.serviceAccount) throw new Error('a converged account is linked in its targets');
        const { serviceAccount } = namespace;
        namespace.serviceAccount = { ...serviceAccount, created: false, roleArn, roleArnManager: 'eksctl' };
      }
      const namespace = world.namespaces.get('production');
      if (namespace?.serviceAccount) namespace.serviceAccount = { ...namespace.serviceAccount, ...of };
      makePod(world, 'production');
      namespace?.users.push('myapp-1');
      settle(world);
      world.journal.length = 0;
      return world;
    };

    it('does not wait if another tool owns the ServiceAccounts and their annotations, and the pods keep their access', () => {
      const world = imported();
      const { arn: roleArn, trustPolicy } = roleOf(world);
      requestDeletion(world);
      settle(world);
      expect(world.gone).toBe(true);
      expect(kinds(world)).toEqual([
        'UnlinkServiceAccount',
        'UnlinkServiceAccount',
        'TagRole',
        'UntagRole',
        'RemoveFinalizer',
      ]);
      expect(roleOf(world).trustPolicy).toBe(trustPolicy);
      const { serviceAccount, pods = [] } = world.namespaces.get('production') ?? {};
      expect(serviceAccount).toMatchObject({ roleArn, roleArnManager: 'eksctl' });
      expect(pods.map((pod) => isServed(world, 'production', pod))).toEqual([true]);
    });

    it.each<[string, Partial<ObservedServiceAccount>]>([
      ['the operator created a ServiceAccount, and would delete it', { created: true }],
      ['the operator set an annotation, and would remove it', { roleArnManager: 'konstellation' }],
    ])('waits if %s', (_why, of) => {
      const world = imported(of);
      requestDeletion(world);
      settle(world);
      expect(kinds(world)).toEqual([]);
      expect(ready(world)).toBe('False InUse');
    });

    it('waits if the operator would delete the association of a target', () => {
      const world = imported();
      const { arn: roleArn, tags } = roleOf(world);
      const association: ObservedAssociation = {
        id: 'a-1',
        arn: 'arn:aws:eks:us-west-2:123456789012:podidentityassociation/main/a-1',
        namespace: 'production',
        serviceAccount: world.account.metadata.name,
        details: { roleArn, tags, withoutSessionTags: false },
      };
      world.associations.set('production', association);
      world.cachedAssociations.set('production', { association, source: 'read' });
      requestDeletion(world);
      expect(planAccount(observe(world)).status.conditions).toContainEqual(
        expect.objectContaining({ type: 'Ready', reason: 'InUse' }),
      );
    });
  });

  it('with the deletion policy Retain keeps the role, tags the role as retained and removes our ownership tags', () => {
    const world = createWorld({ deletionPolicy: 'Retain' });
    settle(world);
    const trustPolicy = roleOf(world).trustPolicy;
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(roleOf(world)).toMatchObject({ trustPolicy, attachedPolicyArns: [readOnly] });
    expect(roleOf(world).tags).toEqual({
      'k11n.dev/retained': world.facts.clusterArn,
      'k11n.dev/account': 'myaccount',
    });
    expect(world.namespaces.get('production')?.serviceAccount).toBeUndefined();
  });

  it('tags a role as retained before it removes the ownership tags, because tagging a role requires these tags', () => {
    const world = createWorld({ deletionPolicy: 'Retain' });
    settle(world);
    requestDeletion(world);
    settle(world);
    const tagging = world.journal
      .map(({ step }) => step)
      .filter(({ kind }) => kind === 'TagRole' || kind === 'UntagRole');
    expect(tagging.map(({ kind }) => kind)).toEqual(['TagRole', 'UntagRole']);
  });

  it('reads the role before it treats the role as missing', () => {
    const world = settled();
    world.cachedRoles.clear();
    requestDeletion(world);
    settle(world);
    expect(kinds(world)[0]).toBe('ReadRole');
    expect(world.roles.size).toBe(0);
  });

  it('reports inline policies that others added and that block the deletion of the role', () => {
    const world = settled();
    world.roles.set(name, { ...roleOf(world), inlinePolicyNames: ['theirs'] });
    resync(world);
    requestDeletion(world);
    const plan = settle(world);
    expect(ready(world)).toBe('False DeleteConflict');
    expect(findCondition(world.account.status?.conditions, 'Ready')?.message).toContain('theirs');
    world.roles.set(name, { ...roleOf(world), inlinePolicyNames: [] });
    waitFor(world, plan);
    settle(world);
    expect(world.gone).toBe(true);
  });

  it('of an account without resources ends at once', () => {
    const world = createWorld();
    requestDeletion(world);
    expect(planAccount(observe(world)).steps).toEqual([]);
  });
});
