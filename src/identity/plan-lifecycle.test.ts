/** What befalls an account over its life, beside edits: its cluster is rebuilt, and it is deleted in bad company. */
import { describe, expect, it } from 'vitest';
import { conditionOf } from '../api/index.ts';
import { oidcProviderArn } from './arn.ts';
import { kinds, name, settled } from './testing/settled-world.ts';
import {
  createWorld,
  edit,
  facts,
  fullAccess,
  readOnly,
  requestDeletion,
  settle,
  sweep,
  waitFor,
  type SimulatedWorld,
} from './testing/simulated-world.ts';
import { subjectOf } from './trust.ts';

const ready = (world: SimulatedWorld) => conditionOf(world.account.status?.conditions, 'Ready');

describe('a cluster that is rebuilt', () => {
  const issuer = 'https://oidc.eks.us-west-2.amazonaws.com/id/REBUILT';

  it('with a new issuer takes its role up again, and points its trust to the new one', () => {
    const old = settled();
    const { id } = old.roles.get(name) ?? {};
    // A new cluster of the same name: no ServiceAccounts, nothing remembered, another uid, the same manifest.
    const world = createWorld();
    world.account = {
      ...world.account,
      metadata: { ...world.account.metadata, uid: 'uid-of-the-new-cluster' },
    };
    world.facts = { ...facts, issuer, providerArn: oidcProviderArn({ ...facts, issuer }) };
    for (const role of old.roles.values()) world.roles.set(role.name, role);
    settle(world);
    expect(ready(world)).toMatchObject({ status: 'True' });
    expect([...world.roles.values()].map((role) => role.id)).toEqual([id]);
    const trust = world.roles.get(name)?.trustPolicy ?? '';
    expect(trust).toContain('/id/REBUILT:sub');
    expect(trust).not.toContain('/id/EXAMPLE');
    for (const target of facts.targets) expect(trust).toContain(subjectOf(target, 'myaccount'));
    expect(kinds(world)).not.toContain('DetachPolicy');
  });

  it('and its issuer alone, with everything else kept, costs a trust policy and the proofs', () => {
    const world = settled();
    world.facts = { ...facts, issuer, providerArn: oidcProviderArn({ ...facts, issuer }) };
    settle(world);
    expect(kinds(world)).toEqual(['UpdateTrustPolicy', 'ProveIdentity', 'ProveIdentity']);
  });
});

it('a role keeps its path when the ClusterConfig names another for new ones: IAM moves no role', () => {
  const world = settled();
  const arns = world.account.status?.targets?.map((row) => row.roleArn);
  world.facts = { ...facts, rolePath: '/elsewhere/' };
  settle(world);
  expect(kinds(world)).toEqual([]);
  expect(ready(world)).toMatchObject({ status: 'True' });
  expect(world.account.status?.targets?.map((row) => row.roleArn)).toEqual(arns);
});

describe('a deletion', () => {
  it('takes off what others attached, as IAM would not delete the role else', () => {
    const world = settled();
    const role = world.roles.get(name);
    if (role) world.roles.set(name, { ...role, attachedPolicyArns: [readOnly, fullAccess] });
    sweep(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.roles.size).toBe(0);
  });

  it('after the policy was deleted, which took it off the role', () => {
    const world = settled();
    const role = world.roles.get(name);
    if (role) world.roles.set(name, { ...role, attachedPolicyArns: [] });
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.roles.size).toBe(0);
  });

  it.each(['missing', 'terminating'] as const)('after a namespace is %s writes nothing into it', (state) => {
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

  it('after somebody deleted the role', () => {
    const world = settled();
    world.roles.delete(name);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.namespaces.get('production')?.serviceAccount).toBeUndefined();
  });

  it('that IAM refuses tells why and how often it is tried, and ends once nothing is in the way', () => {
    const world = settled();
    const role = world.roles.get(name);
    if (role) world.roles.set(name, { ...role, inlinePolicyNames: ['theirs'] });
    requestDeletion(world);
    let plan = settle(world);
    for (let tries = 0; tries < 3; tries += 1) {
      expect(ready(world)).toMatchObject({ status: 'False', reason: 'DeleteConflict' });
      expect(plan.lookAgainAt).toBeGreaterThan(world.now);
      waitFor(world, plan);
      plan = settle(world);
    }
    const left = world.roles.get(name);
    if (left) world.roles.set(name, { ...left, inlinePolicyNames: [] });
    waitFor(world, plan);
    settle(world);
    expect(world.gone).toBe(true);
  });

  it('of one of two accounts leaves the other one all that is its own', () => {
    const world = settled();
    const other = createWorld({}, 'other');
    settle(other);
    for (const role of other.roles.values()) world.roles.set(role.name, role);
    sweep(world);
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect([...world.roles.values()]).toEqual([...other.roles.values()]);
  });
});

it('policies are a set: another order of the list changes nothing', () => {
  const world = createWorld({ aws: { policyArns: [readOnly, fullAccess] } });
  settle(world);
  world.journal.length = 0;
  edit(world, { aws: { policyArns: [fullAccess, readOnly] } });
  settle(world);
  expect(kinds(world)).toEqual([]);
  expect(world.account.status?.policies?.map(({ arn }) => arn)).toEqual([fullAccess, readOnly]);
});
