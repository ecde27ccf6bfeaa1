/**
 * Plans for the statements of an account. The statements become one inline policy per role. Each change of the
 * statements rewrites this policy with a single call.
 */
import { describe, expect, it } from 'vitest';
import { findCondition } from '../../k8s/conditions.ts';
import {
  createWorld,
  edit,
  facts,
  fullAccess,
  observe,
  readOnly,
  requestDeletion,
  resync,
  settle,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import { kinds, name, ready, roleOf } from '../testing/settled-world.ts';
import { statementsDocument } from '../desired/statements.ts';
import { planAccount } from './account.ts';

const boundary = 'arn:aws:iam::123456789012:policy/boundary';
const send = { actions: ['sqs:SendMessage'], resources: ['arn:$(partition):sqs:*:$(account):orders'] };
const get = { actions: ['s3:GetObject'], resources: ['arn:$(partition):s3:::bucket/*'] };
const aws = { policyArns: [readOnly], permissionsBoundaryArn: boundary, statements: [send] };

function settledWith(spec: object = aws, more: Partial<typeof facts> = {}): SimulatedWorld {
  const world = {
    ...createWorld({ aws: { policyArns: [readOnly], ...spec } }),
    facts: { ...facts, allowsStatements: true, ...more },
  };
  settle(world);
  world.journal.length = 0;
  return world;
}
const documentOf = (world: SimulatedWorld): unknown => JSON.parse(roleOf(world).inlinePolicy ?? 'null');
const policies = (world: SimulatedWorld): string => {
  const condition = findCondition(world.account.status?.conditions, 'PoliciesAttached');
  return `${condition?.status} ${condition?.reason}`;
};

describe('the statements of an account', () => {
  it('are written to its role, and the account is Ready', () => {
    const world = settledWith();
    expect(documentOf(world)).toEqual(JSON.parse(statementsDocument([send], facts)));
    expect(world.account.status?.statements).toEqual({ applied: true });
    expect(ready(world)).toBe('True Ready');
    expect(policies(world)).toBe('True AllAttached');
    expect(planAccount(observe(world)).steps).toEqual([]);
  });

  it('are changed by one call, and removed by one call', () => {
    const world = settledWith();
    edit(world, { aws: { ...aws, statements: [send, get] } });
    settle(world);
    expect(kinds(world)).toEqual(['PutInlinePolicy']);
    world.journal.length = 0;
    edit(world, { aws: { ...aws, statements: [] } });
    settle(world);
    expect(kinds(world)).toEqual(['DeleteInlinePolicy']);
    expect(roleOf(world).inlinePolicyNames).toEqual([]);
    expect(world.account.status?.statements).toBeUndefined();
  });

  it('are written before the policy that they replace is detached, and removed after a policy that replaces them is attached', () => {
    const world = settledWith({ permissionsBoundaryArn: boundary });
    edit(world, { aws: { ...aws, policyArns: [] } });
    settle(world);
    expect(kinds(world)).toEqual(['PutInlinePolicy', 'DetachPolicy']);
    world.journal.length = 0;
    edit(world, { aws: { permissionsBoundaryArn: boundary, policyArns: [fullAccess] } });
    settle(world);
    expect(kinds(world)).toEqual(['AttachPolicy', 'DeleteInlinePolicy']);
  });

  it('are written only after the role has the permissions boundary', () => {
    const world = settledWith({ policyArns: [readOnly], permissionsBoundaryArn: undefined });
    edit(world, { aws });
    settle(world);
    expect(kinds(world)).toEqual(['PutPermissionsBoundary', 'PutInlinePolicy']);
  });

  it('keep the boundary on the role until they are removed, even if the account no longer names a boundary', () => {
    const world = settledWith();
    const { permissionsBoundaryArn: _, ...unbounded } = aws;
    edit(world, { aws: unbounded });
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(roleOf(world).permissionsBoundaryArn).toBe(boundary);
    expect(ready(world)).toBe('False BoundaryRequired');
    edit(world, { aws: { policyArns: [readOnly] } });
    settle(world);
    expect(kinds(world)).toEqual(['DeleteInlinePolicy', 'DeletePermissionsBoundary']);
    expect(ready(world)).toBe('True Ready');
  });

  it('stay as written, and are reported, when the ClusterConfig no longer allows them', () => {
    const world = settledWith();
    world.facts = { ...world.facts, allowsStatements: false };
    edit(world, { aws: { ...aws, statements: [get] } });
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(documentOf(world)).toEqual(JSON.parse(statementsDocument([send], facts)));
    expect(world.account.status?.statements).toMatchObject({
      applied: false,
      reason: 'StatementsNotAllowed',
    });
    expect(ready(world)).toBe('False StatementsNotAllowed');
  });

  it('that were changed out of band are reported as drift and repaired by one call', () => {
    const world = settledWith();
    const everything = statementsDocument([{ actions: ['iam:*'], resources: ['*'] }], facts);
    for (const [inlinePolicy, word] of [
      [everything, 'changed'],
      [undefined, 'removed'],
    ] as const) {
      const { inlinePolicy: _, ...role } = roleOf(world);
      world.roles.set(name, {
        ...role,
        inlinePolicyNames: inlinePolicy === undefined ? [] : ['konstellation'],
        ...(inlinePolicy === undefined ? {} : { inlinePolicy }),
      });
      world.cachedRoles.set(name, { role: roleOf(world), source: 'read' });
      expect(planAccount(observe(world)).drift).toEqual([`the inline policy konstellation was ${word}`]);
      settle(world);
      expect(kinds(world)).toEqual(['PutInlinePolicy']);
      world.journal.length = 0;
    }
  });

  it('are read before the repair if the change is known only from a listing', () => {
    const world = settledWith();
    const inlinePolicy = statementsDocument([get], facts);
    world.roles.set(name, { ...roleOf(world), inlinePolicy });
    resync(world);
    settle(world);
    expect(kinds(world)).toEqual(['ReadRole', 'PutInlinePolicy']);
  });

  it('that are in the role but not in the spec count as added out of band, and are removed from the role', () => {
    const world = settledWith({ permissionsBoundaryArn: boundary });
    const inlinePolicy = statementsDocument([get], facts);
    world.roles.set(name, { ...roleOf(world), inlinePolicyNames: ['konstellation'], inlinePolicy });
    world.cachedRoles.set(name, { role: roleOf(world), source: 'read' });
    expect(planAccount(observe(world)).drift).toEqual(['the inline policy konstellation was added']);
    settle(world);
    expect(kinds(world)).toEqual(['DeleteInlinePolicy']);
  });

  it("do not affect foreign inline policies; without statements, even a foreign policy with the operator's policy name stays unchanged", () => {
    const world = settledWith({ permissionsBoundaryArn: boundary });
    const inlinePolicy = '{"Version":"2012-10-17","Statement":[]}';
    world.roles.set(name, { ...roleOf(world), inlinePolicyNames: ['konstellation', 'theirs'], inlinePolicy });
    world.cachedRoles.set(name, { role: roleOf(world), source: 'read' });
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(policies(world)).toBe('False InlinePoliciesFound');
  });

  it('are not removed by strictInline', () => {
    const world = settledWith(aws, { strictInline: true });
    world.roles.set(name, { ...roleOf(world), inlinePolicyNames: ['konstellation', 'theirs'] });
    world.cachedRoles.set(name, { role: roleOf(world), source: 'read' });
    settle(world);
    expect(world.journal.map(({ step }) => step)).toEqual([
      { kind: 'DeleteInlinePolicy', role: name, policyName: 'theirs' },
    ]);
  });

  it('are removed with the role when the account is deleted', () => {
    const world = settledWith();
    requestDeletion(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(world.roles.size).toBe(0);
    expect(kinds(world)).toContain('DeleteInlinePolicy');
  });

  it('that differ from the role because the ClusterConfig was changed are written, and do not count as drift', () => {
    const world = settledWith({
      ...aws,
      statements: [{ ...send, resources: ['arn:aws:sqs:$(region):*:x'] }],
    });
    world.facts = { ...world.facts, region: 'eu-west-1' };
    world.cachedRoles.set(name, { role: roleOf(world), source: 'read' });
    const plan = planAccount(observe(world));
    expect(plan.drift).toEqual([]);
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['PutInlinePolicy']);
  });
});
