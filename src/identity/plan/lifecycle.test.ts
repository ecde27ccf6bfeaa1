/** Plans for an account whose cluster is rebuilt, and for a deletion during out-of-band changes. */
import { describe, expect, it } from 'vitest';
import { findCondition } from '../../k8s/conditions.ts';
import { oidcProviderArn } from '../desired/arn.ts';
import { planAccount } from './account.ts';
import { kinds, name, roleOf, settled } from '../testing/settled-world.ts';
import {
  applyStep,
  createWorld,
  edit,
  facts,
  fullAccess,
  observe,
  readOnly,
  requestDeletion,
  settle,
  resync,
  waitFor,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import { subjectOf } from '../desired/trust.ts';

const ready = (world: SimulatedWorld) => findCondition(world.account.status?.conditions, 'Ready');

describe('an account on a rebuilt cluster', () => {
  const issuer = 'https://oidc.eks.us-west-2.amazonaws.com/id/REBUILT';

  /** A cluster with the same name as the role's cluster but another issuer. */
  const rebuilt = (): SimulatedWorld => {
    const old = settled();
    // The new cluster has no ServiceAccounts and no status; the account has the same manifest but another uid.
    const world = createWorld();
    world.account = {
      ...world.account,
      metadata: { ...world.account.metadata, uid: 'uid-of-the-new-cluster' },
    };
    world.facts = { ...facts, issuer, providerArn: oidcProviderArn({ ...facts, issuer }) };
    for (const role of old.roles.values()) world.roles.set(role.name, role);
    return world;
  };
  const tag = (world: SimulatedWorld, tags: Readonly<Record<string, string>>): void => {
    const role = roleOf(world);
    world.roles.set(name, { ...role, tags: { ...role.tags, ...tags } });
    resync(world);
  };

  it('leaves the role of the old issuer unchanged, and its status says how to take the role over', () => {
    const world = rebuilt();
    const before = roleOf(world);
    settle(world);
    expect(ready(world)).toMatchObject({
      status: 'False',
      reason: 'RoleOfAnotherCluster',
      message: expect.stringContaining(
        'belongs to the token issuer oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE; the issuer of this cluster is oidc.eks.us-west-2.amazonaws.com/id/REBUILT',
      ),
    });
    expect(ready(world)?.message).toContain(
      `aws iam tag-role --role-name ${name} --tags Key=k11n.dev/issuer,Value=oidc.eks.us-west-2.amazonaws.com/id/REBUILT`,
    );
    edit(world, { aws: { policyArns: [] } });
    settle(world);
    expect(ready(world)?.message).toContain(`keeps its policies: ${readOnly}. Edits and the deletion`);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(roleOf(world)).toEqual(before);
  });

  it('re-adopts the role after a user has consented by a tag, and the trust policy of the role then names the new issuer', () => {
    const world = rebuilt();
    settle(world);
    const { id } = roleOf(world);
    tag(world, { 'k11n.dev/issuer': 'oidc.eks.us-west-2.amazonaws.com/id/REBUILT' });
    settle(world);
    expect(ready(world)).toMatchObject({ status: 'True' });
    expect([...world.roles.values()].map((role) => role.id)).toEqual([id]);
    const trust = world.roles.get(name)?.trustPolicy ?? '';
    expect(trust).toContain('/id/REBUILT:sub');
    expect(trust).not.toContain('/id/EXAMPLE');
    for (const target of facts.targets) expect(trust).toContain(subjectOf(target, 'myaccount'));
    expect(kinds(world)).not.toContain('DetachPolicy');
  });

  // A changed issuer can mean that this cluster was restored from a backup of another cluster: the accounts of both
  // clusters then have the same uids.
  it('asks for consent if only the issuer changed; after consent, it updates the trust policy and repeats the proofs', () => {
    const world = settled();
    world.facts = { ...facts, issuer, providerArn: oidcProviderArn({ ...facts, issuer }) };
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(ready(world)).toMatchObject({ reason: 'RoleOfAnotherCluster' });
    tag(world, { 'k11n.dev/issuer': 'oidc.eks.us-west-2.amazonaws.com/id/REBUILT' });
    settle(world);
    expect(kinds(world)).toEqual(['ReadRole', 'UpdateTrustPolicy', 'ProveIdentity', 'ProveIdentity']);
  });

  describe('an account whose role an earlier version created without an issuer tag', () => {
    const untagged = (world: SimulatedWorld): void => {
      const role = roleOf(world);
      const { 'k11n.dev/issuer': _, ...tags } = role.tags;
      world.roles.set(name, { ...role, tags });
      resync(world);
    };

    it('does not change a role whose trust policy names another issuer until a user has consented', () => {
      const world = rebuilt();
      untagged(world);
      const before = roleOf(world);
      settle(world);
      expect(ready(world)).toMatchObject({ reason: 'RoleOfAnotherCluster' });
      expect(roleOf(world)).toEqual(before);
      tag(world, { 'k11n.dev/issuer': 'oidc.eks.us-west-2.amazonaws.com/id/REBUILT' });
      settle(world);
      expect(ready(world)).toMatchObject({ status: 'True' });
    });

    it("re-adopts this role, even from an earlier account of the same name, if the role's trust policy names the issuer of this cluster", () => {
      const world = settled();
      untagged(world);
      world.account = { ...world.account, metadata: { ...world.account.metadata, uid: 'uid-2' } };
      settle(world);
      expect(ready(world)).toMatchObject({ status: 'True' });
      expect(roleOf(world).tags).toMatchObject({
        'k11n.dev/uid': 'uid-2',
        'k11n.dev/issuer': 'oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE',
      });
    });

    it('adds the tag once to its own role, without reporting drift and without losing Ready', () => {
      const world = settled();
      untagged(world);
      const statuses = new Set<string | undefined>();
      for (let pass = 0; pass < 5; pass += 1) {
        const plan = planAccount(observe(world));
        expect(plan.drift).toEqual([]);
        statuses.add(findCondition(plan.status.conditions, 'Ready')?.status);
        for (const step of plan.steps) applyStep(world, step);
      }
      expect([...statuses]).toEqual(['True']);
      expect(kinds(world)).toEqual(['ReadRole', 'TagRole']);
      expect(roleOf(world).tags['k11n.dev/issuer']).toBe('oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE');
    });

    it("restores the trust policy of the account's own role, whatever principal the changed policy names", () => {
      const world = settled();
      const role = roleOf(world);
      world.roles.set(name, { ...role, trustPolicy: role.trustPolicy.replaceAll('EXAMPLE', 'OTHER') });
      resync(world);
      settle(world);
      expect(ready(world)).toMatchObject({ status: 'True' });
      expect(roleOf(world).trustPolicy).toBe(role.trustPolicy);
    });
  });
});

it('an account keeps the path of its role when the ClusterConfig names another path, because IAM cannot move a role', () => {
  const world = settled();
  const arns = world.account.status?.targets?.map((row) => row.roleArn);
  world.facts = { ...facts, rolePath: '/elsewhere/' };
  settle(world);
  expect(kinds(world)).toEqual([]);
  expect(ready(world)).toMatchObject({ status: 'True' });
  expect(world.account.status?.targets?.map((row) => row.roleArn)).toEqual(arns);
});

describe('the deletion of an account', () => {
  it('detaches policies that others attached, because IAM does not delete a role with attached policies', () => {
    const world = settled();
    const role = world.roles.get(name);
    if (role) world.roles.set(name, { ...role, attachedPolicyArns: [readOnly, fullAccess] });
    resync(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.roles.size).toBe(0);
  });

  it('succeeds after a policy was deleted and thereby detached from the role', () => {
    const world = settled();
    const role = world.roles.get(name);
    if (role) world.roles.set(name, { ...role, attachedPolicyArns: [] });
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.roles.size).toBe(0);
  });

  it.each(['missing', 'terminating'] as const)('writes nothing to a namespace that is %s', (state) => {
    const world = settled();
    const namespace = world.namespaces.get('production');
    if (state === 'missing') world.namespaces.delete('production');
    else if (namespace) namespace.state = state;
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.roles.size).toBe(0);
    const touched = world.journal.flatMap(({ step }) => ('target' in step ? [step.target] : []));
    expect(touched).not.toContain('production');
  });

  it('succeeds after the role was deleted out of band', () => {
    const world = settled();
    world.roles.delete(name);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.namespaces.get('production')?.serviceAccount).toBeUndefined();
  });

  it('reports the reason and the retries while IAM refuses the deletion of the role, and ends once nothing blocks it', () => {
    const world = settled();
    const role = world.roles.get(name);
    if (role) world.roles.set(name, { ...role, inlinePolicyNames: ['theirs'] });
    requestDeletion(world);
    let plan = settle(world);
    for (let tries = 0; tries < 3; tries += 1) {
      expect(ready(world)).toMatchObject({ status: 'False', reason: 'DeleteConflict' });
      expect(plan.requeueAt).toBeGreaterThan(world.now);
      waitFor(world, plan);
      plan = settle(world);
    }
    const left = world.roles.get(name);
    if (left) world.roles.set(name, { ...left, inlinePolicyNames: [] });
    waitFor(world, plan);
    settle(world);
    expect(world.gone).toBe(true);
  });

  it('leaves the resources of another account unchanged', () => {
    const world = settled();
    const other = createWorld({}, 'other');
    settle(other);
    for (const role of other.roles.values()) world.roles.set(role.name, role);
    resync(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect([...world.roles.values()]).toEqual([...other.roles.values()]);
  });
});

it('listing the same policies in another order changes nothing', () => {
  const world = createWorld({ aws: { policyArns: [readOnly, fullAccess] } });
  settle(world);
  world.journal.length = 0;
  edit(world, { aws: { policyArns: [fullAccess, readOnly] } });
  settle(world);
  expect(kinds(world)).toEqual([]);
  expect(world.account.status?.policies?.map(({ arn }) => arn)).toEqual([fullAccess, readOnly]);
});
