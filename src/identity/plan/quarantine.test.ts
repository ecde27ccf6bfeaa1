/** Plans for an account during and after a quarantine. */
import { describe, expect, it } from 'vitest';
import { findCondition } from '../../k8s/conditions.ts';
import type { LinkedServiceAccountStatus } from '../../api/index.ts';
import type { Wall } from '../../k8s/time.ts';
import { deniesEveryPrincipal, closedSince, isDenied } from '../desired/quarantine.ts';
import { kinds, name, ready, roleOf, settled, theirs } from '../testing/settled-world.ts';
import {
  admits,
  createWorld,
  edit,
  fullAccess,
  makePod,
  observe,
  readOnly,
  requestDeletion,
  restart,
  resync,
  settle,
  waitFor,
  type SimulatedWorld,
} from '../testing/simulated-world.ts';
import type { ObservedRole } from '../state/world.ts';
import { planAccount } from './account.ts';
import { longestSessionMs, settlingMs } from './quarantine.ts';

const denyAll = 'arn:aws:iam::aws:policy/AWSDenyAll';

const since = '2026-01-01T00:00:00Z';

function quarantine(world: SimulatedWorld): void {
  world.quarantines = [{ name: 'incident', since, requestedBy: 'alice', reason: 'leaked token' }];
}

function release(world: SimulatedWorld): void {
  world.quarantines = [];
}

/** World with an account that a Quarantine has cut off completely. The journal is empty. */
function cutOff(of: () => SimulatedWorld = settled): SimulatedWorld {
  const world = of();
  quarantine(world);
  settle(world);
  world.journal.length = 0;
  return world;
}

function change(world: SimulatedWorld, to: (role: ObservedRole) => ObservedRole): void {
  world.roles.set(name, to(roleOf(world)));
  resync(world);
}

const messageOf = (status: LinkedServiceAccountStatus | undefined): string =>
  findCondition(status?.conditions, 'Ready')?.message ?? '';

const isCutOff = (world: SimulatedWorld): boolean =>
  isDenied(roleOf(world), 'aws') && deniesEveryPrincipal(roleOf(world).trustPolicy);

describe('a quarantine', () => {
  it('tags the role, then writes a trust policy that admits no pod, then denies sessions, and last tags the role with the time', () => {
    const world = settled();
    quarantine(world);
    settle(world);
    expect(kinds(world)).toEqual(['TagRole', 'UpdateTrustPolicy', 'AttachPolicy', 'TagRole']);
    expect(isCutOff(world)).toBe(true);
    expect(closedSince(roleOf(world).tags)).toBe(world.now);
  });

  it('reports by whom, since when and why the account is cut off, and reports that no target is proven', () => {
    const world = cutOff();
    const { status } = world.account;
    expect(ready(world)).toBe('False Quarantined');
    expect(messageOf(status)).toMatch(`cut off by "alice" since ${since}: leaked token`);
    expect(findCondition(status?.conditions, 'IdentityProven')).toMatchObject({
      status: 'False',
      reason: 'Quarantined',
    });
    expect(status?.ready).toBe('0/2');
    expect(status?.targets).toMatchObject([
      { name: 'production', linked: true, proven: false, reason: 'Quarantined' },
      { name: 'staging', linked: true, proven: false, reason: 'Quarantined' },
    ]);
  });

  it.each<[string, (role: ObservedRole) => ObservedRole]>([
    ['a policy that was detached', (role) => ({ ...role, attachedPolicyArns: [denyAll] })],
    [
      'a closed trust policy with another text',
      (role) => ({
        ...role,
        trustPolicy: '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*"}]}',
      }),
    ],
    ['an inline policy', (role) => ({ ...role, inlinePolicyNames: ['AWSRevokeOlderSessions'] })],
    ['a boundary', (role) => ({ ...role, permissionsBoundaryArn: denyAll })],
    ['a tag', (role) => ({ ...role, tags: { ...role.tags, incident: '4711' } })],
  ])('keeps %s as a responder left it', (_, act) => {
    const world = cutOff();
    world.facts = { ...world.facts, strictInline: true };
    change(world, act);
    for (let pass = 0; pass < 3; pass += 1) {
      settle(world);
      resync(world);
    }
    expect(kinds(world).filter((kind) => kind !== 'ReadRole')).toEqual([]);
    expect(ready(world)).toBe('False Quarantined');
  });

  it.each<[string, (role: ObservedRole) => ObservedRole, string]>([
    ['AWSDenyAll', (role) => ({ ...role, attachedPolicyArns: [readOnly] }), 'AttachPolicy'],
    [
      'the closed trust policy',
      (role) => ({
        ...role,
        trustPolicy: '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*"}]}',
      }),
      'UpdateTrustPolicy',
    ],
    [
      'the quarantine tag',
      ({ tags: { 'k11n.dev/quarantined': _, ...tags }, ...role }) => ({ ...role, tags }),
      'TagRole',
    ],
  ])('restores %s after others have changed or removed it', (_, act, kind) => {
    const world = cutOff();
    change(world, act);
    settle(world);
    expect(kinds(world)).toContain(kind);
    expect(isCutOff(world)).toBe(true);
    expect(closedSince(roleOf(world).tags)).toBeDefined();
  });

  it('makes room for AWSDenyAll where the role holds as many policies as IAM allows', () => {
    const policyArns = Array.from({ length: 10 }, (_, index) => `arn:aws:iam::aws:policy/P${index}`);
    const world = createWorld({ aws: { policyArns } });
    settle(world);
    world.journal.length = 0;
    quarantine(world);
    settle(world);
    expect(kinds(world)).toEqual(['TagRole', 'UpdateTrustPolicy', 'DetachPolicy', 'AttachPolicy', 'TagRole']);
    expect(isCutOff(world)).toBe(true);
    release(world);
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(roleOf(world).attachedPolicyArns.toSorted()).toEqual(policyArns);
  });

  it('sets AWSDenyAll as the permissions boundary if AWS refuses to attach AWSDenyAll as a policy', () => {
    const world = settled();
    world.missingPolicies.add(denyAll);
    quarantine(world);
    settle(world);
    expect(roleOf(world).permissionsBoundaryArn).toBe(denyAll);
    expect(ready(world)).toBe('False Quarantined');
  });

  it('is not undone by an edit, a restart or a listing', () => {
    const world = cutOff();
    edit(world, { aws: { policyArns: [fullAccess] } });
    settle(world);
    restart(world);
    world.lastSynced.clear();
    for (const [key, cached] of world.cachedRoles) world.cachedRoles.set(key, { ...cached, source: 'list' });
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(ready(world)).toBe('False Quarantined');
  });

  it('makes the deletion of the account wait', () => {
    const world = cutOff();
    requestDeletion(world);
    settle(world);
    expect(kinds(world)).toEqual([]);
    expect(world.gone).toBe(false);
    expect(messageOf(world.account.status)).toContain('the deletion of the account waits');
  });

  it('creates no role for an account that has none', () => {
    const world = createWorld();
    quarantine(world);
    settle(world);
    expect(world.roles.size).toBe(0);
    expect(ready(world)).toBe('False Quarantined');
    release(world);
    settle(world);
    expect(ready(world)).toBe('True Ready');
  });

  it('takes effect even if the spec has fields that this version does not know', () => {
    const world = settled();
    edit(world, { ...world.account.spec, ofLaterVersion: 'x' } as object);
    quarantine(world);
    settle(world);
    expect(isCutOff(world)).toBe(true);
  });

  it("does not change a foreign role that has the name of the account's role", () => {
    const world = createWorld({ aws: { policyArns: [readOnly], roleName: 'theirs' } });
    world.roles.set('theirs', theirs);
    settle(world);
    quarantine(world);
    settle(world);
    expect(world.roles.get('theirs')).toEqual(theirs);
  });
});

describe('the release from a quarantine', () => {
  it('replaces the role, and denies the sessions of the old role until the old role is deleted', () => {
    const world = cutOff();
    const { id } = roleOf(world);
    release(world);
    settle(world);
    expect(kinds(world).slice(0, 5)).toEqual([
      'PutPermissionsBoundary',
      'DetachPolicy',
      'DetachPolicy',
      'DeleteRole',
      'CreateRole',
    ]);
    expect(roleOf(world).id).not.toBe(id);
    expect(roleOf(world).tags).not.toHaveProperty('k11n.dev/quarantined');
    expect(roleOf(world).permissionsBoundaryArn).toBeUndefined();
    expect(ready(world)).toBe('True Ready');
    expect(admits(roleOf(world).trustPolicy, 'IRSA', 'production', 'myaccount')).toBe(true);
  });

  it('replaces the role, which removes all inline policies, including those of a responder', () => {
    const world = cutOff();
    change(world, (role) => ({ ...role, inlinePolicyNames: ['AWSRevokeOlderSessions'] }));
    settle(world);
    release(world);
    settle(world);
    expect(roleOf(world).inlinePolicyNames).toEqual([]);
    expect(ready(world)).toBe('True Ready');
  });

  it('gives the new role the boundary and the statements of the account', () => {
    const boundary = 'arn:aws:iam::123456789012:policy/boundary';
    const statements = [{ actions: ['sqs:SendMessage'], resources: ['*'] }];
    const world = createWorld({
      aws: { policyArns: [readOnly], permissionsBoundaryArn: boundary, statements },
    });
    world.facts = { ...world.facts, allowsStatements: true };
    settle(world);
    const { inlinePolicy } = roleOf(world);
    cutOff(() => world);
    expect(roleOf(world).inlinePolicy).toBe(inlinePolicy);
    release(world);
    settle(world);
    expect(roleOf(world)).toMatchObject({ permissionsBoundaryArn: boundary, inlinePolicy });
    expect(ready(world)).toBe('True Ready');
  });

  it('waits until the pods from before the quarantine have ended, and names them', () => {
    const world = settled();
    makePod(world, 'production');
    cutOff(() => world);
    release(world);
    settle(world);
    expect(ready(world)).toBe('False OldPodsRunning');
    expect(messageOf(world.account.status)).toMatch(/kubectl delete pod -n production pod-\d+/);
    expect(isCutOff(world)).toBe(true);
    const production = world.namespaces.get('production');
    world.now += settlingMs;
    if (production) production.pods = [];
    makePod(world, 'production');
    settle(world);
    expect(ready(world)).toBe('True Ready');
  });

  it('lets an adopted role admit pods only when no session from before the quarantine can still be valid, and does not delete the role', () => {
    const adopted = (): SimulatedWorld => {
      const world = createWorld({ aws: { policyArns: [readOnly], roleName: 'theirs', adopt: true } });
      world.roles.set('theirs', theirs);
      settle(world);
      return world;
    };
    const world = adopted();
    quarantine(world);
    settle(world);
    release(world);
    const plan = settle(world);
    expect(ready(world)).toBe('False OldSessionsLive');
    const before = world.now;
    waitFor(world, plan);
    expect(world.now - before).toBe(longestSessionMs);
    settle(world);
    expect(ready(world)).toBe('True Ready');
    expect(world.roles.get('theirs')).toMatchObject({ id: theirs.id, attachedPolicyArns: [readOnly] });
    expect(kinds(world)).not.toContain('DeleteRole');
    expect(world.roles.get('theirs')?.permissionsBoundaryArn).toBeUndefined();
  });

  it('first cuts off a role that was tagged but not yet cut off, and then replaces the role', () => {
    const world = settled();
    quarantine(world);
    const [first] = planAccount(observe(world)).steps;
    expect(first).toMatchObject({ kind: 'TagRole' });
    change(world, (role) => ({ ...role, tags: { ...role.tags, 'k11n.dev/quarantined': 'closing' } }));
    release(world);
    const { id } = roleOf(world);
    settle(world);
    expect(kinds(world).slice(0, 4)).toEqual(['ReadRole', 'UpdateTrustPolicy', 'AttachPolicy', 'TagRole']);
    expect(roleOf(world).id).not.toBe(id);
    expect(ready(world)).toBe('True Ready');
  });

  it('of an account that is being deleted does not lift the denial of old sessions before the role is deleted', () => {
    const world = cutOff();
    requestDeletion(world);
    settle(world);
    release(world);
    settle(world);
    expect(kinds(world)).toEqual([
      'DeleteServiceAccount',
      'DeleteServiceAccount',
      'PutPermissionsBoundary',
      'DetachPolicy',
      'DetachPolicy',
      'DeleteRole',
      'RemoveFinalizer',
    ]);
    expect(world.gone).toBe(true);
  });

  it('leaves a retained role cut off', () => {
    const world = createWorld({ deletionPolicy: 'Retain' });
    settle(world);
    cutOff(() => world);
    requestDeletion(world);
    release(world);
    settle(world);
    expect(world.gone).toBe(true);
    expect(isCutOff(world)).toBe(true);
  });

  it('reads the new role instead of replacing the new role if an outdated listing still shows the old role', () => {
    const world = cutOff();
    const old = roleOf(world);
    release(world);
    settle(world);
    const replaced = roleOf(world);
    world.journal.length = 0;
    // A new process starts with a listing that is older than the replacement of the role.
    restart(world);
    world.cachedRoles.set(name, { role: old, source: 'list' });
    settle(world);
    expect(kinds(world).filter((kind) => kind !== 'ProveIdentity')).toEqual(['ReadRole']);
    expect(roleOf(world)).toEqual(replaced);
  });
});

it('a role whose quarantine tag has no valid time does not count as cut off', () => {
  expect(closedSince({ 'k11n.dev/quarantined': 'whenever' })).toBeUndefined();
  expect(closedSince({ 'K11N.dev/Quarantined': since })).toBe(Date.parse(since) as Wall);
});
