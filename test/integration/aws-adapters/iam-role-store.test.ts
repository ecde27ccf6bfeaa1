/**
 * The role store over HTTP: the calls of each of its operations, their results, and the errors that it derives from
 * IAM's errors.
 */
import { PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callsOf } from '../../../src/aws/calls.ts';
import { createIamRoleStore } from '../../../src/aws/iam-role-store.ts';
import { createCallScheduler } from '../../../src/aws/scheduler.ts';
import {
  IdentityError,
  type CreatedRole,
  type RoleSpec,
  type RoleStore,
} from '../../../src/identity/index.ts';
import { systemTimer } from '../../../src/kube/index.ts';
import {
  accountId,
  startTestEmulator,
  type TestEmulator,
} from '../../../sandbox/src/aws/testing/emulator.ts';
import { monotonicClock, wallClock } from '../../../src/k8s/testing/clocks.ts';

const readOnly = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const logs = 'arn:aws:iam::aws:policy/CloudWatchLogsReadOnlyAccess';

/** Returns a trust policy with a quote, a plus sign and a percent sign, which must survive IAM's URL encoding. */
const trust = (sid = 'A'): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: sid,
        Effect: 'Allow',
        Principal: { Service: 'ec2.amazonaws.com' },
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'aws:RequestTag/of': 'a+b "c" 100%25' } },
      },
    ],
  });
const spec = (name: string, more: Partial<RoleSpec> = {}): RoleSpec => ({
  name,
  path: '/konstellation/',
  trustPolicy: trust(),
  description: 'for a test',
  maxSessionDuration: 7200,
  tags: { 'k11n.dev/managed-by': 'konstellation', team: 'Zahlung + Søn' },
  ...more,
});

let emulator: TestEmulator;
let store: RoleStore;
beforeAll(async () => {
  emulator = await startTestEmulator({ now: wallClock, quotas: { roles: 5_000 } });
  const scheduler = createCallScheduler({
    service: 'iam',
    now: monotonicClock,
    random: Math.random,
    setTimer: systemTimer,
  });
  const calls = callsOf('iam', scheduler, { owner: 'test', priority: 'new' });
  store = createIamRoleStore({ iam: emulator.iam(), calls, listingCalls: calls, now: monotonicClock });
});
afterAll(async () => {
  await emulator?.close();
});

/**
 * Returns the calls that `work` makes, in alphabetical order, because the calls of one operation may run concurrently.
 */
async function callsDuring(work: () => Promise<unknown>): Promise<readonly string[]> {
  const before = emulator.journal.entries().at(-1)?.sequence ?? 0;
  await work();
  return emulator.journal
    .entries()
    .filter(({ sequence }) => sequence > before)
    .map(({ action }) => action)
    .toSorted();
}
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof IdentityError ? error.code : error),
  );

describe('a role', () => {
  it('is created with one call, and read back as it was created', async () => {
    let created: CreatedRole | undefined;
    const calls = await callsDuring(async () => {
      created = await store.create(spec('made', { permissionsBoundaryArn: readOnly }));
    });
    expect(calls).toEqual(['CreateRole']);
    expect(created?.arn).toBe(`arn:aws:iam::${accountId}:role/konstellation/made`);
    await store.attachPolicy('made', readOnly);
    await store.attachPolicy('made', logs);
    expect(await store.read('made')).toEqual({
      ...spec('made'),
      ...created,
      permissionsBoundaryArn: readOnly,
      attachedPolicyArns: [readOnly, logs],
      inlinePolicyNames: [],
    });
  });

  it('is listed and read with the day of its last use, and without such a day right after its creation', async () => {
    const { lastUsed: unused } = await store.create(spec('used'));
    expect(unused).toEqual({ trackedSince: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) });
    expect((await store.read('used'))?.lastUsed).toEqual(unused);
    const role = emulator.state.role('used');
    if (role) emulator.state.markUsed(role, 'eu-west-1', Date.parse('2026-11-28T23:59:59Z'));
    const lastUsed = { ...unused, date: '2026-11-28' };
    expect((await store.read('used'))?.lastUsed).toEqual(lastUsed);
    const listed = await store.snapshot(undefined, () => false);
    expect(listed.roles.find(({ name }) => name === 'used')?.lastUsed).toEqual(lastUsed);
  });

  it('is read with one call for each part that the caller does not know yet', async () => {
    await store.create(spec('parts'));
    await store.attachPolicy('parts', readOnly);
    expect(await callsDuring(() => store.read('parts'))).toEqual([
      'GetRole',
      'ListAttachedRolePolicies',
      'ListRolePolicies',
    ]);
    expect(await callsDuring(() => store.read('parts', undefined, { inlinePolicyNames: [] }))).toEqual([
      'GetRole',
      'ListAttachedRolePolicies',
    ]);
    const known = { inlinePolicyNames: [], attachedPolicyArns: [logs] };
    expect(await callsDuring(() => store.read('parts', undefined, known))).toEqual(['GetRole']);
    expect((await store.read('parts', undefined, known))?.attachedPolicyArns).toEqual([logs]);
  });

  it('that does not exist is read as undefined', async () => {
    expect(await store.read('nobody')).toBeUndefined();
  });

  it('is changed with one call for each changed part', async () => {
    await store.create(spec('changed', { tags: { old: '1', kept: '2' } }));
    await emulator.iam().send(
      new PutRolePolicyCommand({
        RoleName: 'changed',
        PolicyName: 'inline',
        PolicyDocument: '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}',
      }),
    );
    expect((await store.read('changed'))?.inlinePolicyNames).toEqual(['inline']);
    const calls = await callsDuring(async () => {
      await store.updateTrustPolicy('changed', trust('B'));
      await store.updateSettings('changed', { maxSessionDuration: 3600 });
      await store.putPermissionsBoundary('changed', logs);
      await store.tag('changed', { new: '3' });
      await store.untag('changed', ['old']);
      await store.deleteInlinePolicy('changed', 'inline');
    });
    expect(calls).toEqual([
      'DeleteRolePolicy',
      'PutRolePermissionsBoundary',
      'TagRole',
      'UntagRole',
      'UpdateAssumeRolePolicy',
      'UpdateRole',
    ]);
    expect(await store.read('changed')).toMatchObject({
      trustPolicy: trust('B'),
      maxSessionDuration: 3600,
      description: 'for a test',
      permissionsBoundaryArn: logs,
      tags: { kept: '2', new: '3' },
      inlinePolicyNames: [],
    });
    await store.updateSettings('changed', { maxSessionDuration: 3600, description: 'Zahlung: Søn' });
    expect(await store.read('changed')).toMatchObject({
      maxSessionDuration: 3600,
      description: 'Zahlung: Søn',
    });
    await store.deletePermissionsBoundary('changed');
    expect(await store.read('changed')).not.toHaveProperty('permissionsBoundaryArn');
  });

  it('is deleted, and deleting what no longer exists is no error', async () => {
    await store.create(spec('leaving'));
    await store.attachPolicy('leaving', readOnly);
    expect(await codeOf(store.delete('leaving'))).toBe('DeleteConflict');
    await store.detachPolicy('leaving', readOnly);
    await store.detachPolicy('leaving', readOnly);
    await store.deleteInlinePolicy('leaving', 'never-there');
    await store.delete('leaving');
    await store.delete('leaving');
    await store.detachPolicy('leaving', readOnly);
    expect(await store.read('leaving')).toBeUndefined();
  });
});

describe('an IAM error is reported with a code', () => {
  it('for a call on a role', async () => {
    await store.create(spec('taken'));
    expect(await codeOf(store.create(spec('TAKEN')))).toBe('RoleAlreadyExists');
    expect(await codeOf(store.create(spec('malformed', { trustPolicy: '{' })))).toBe('InvalidInput');
    expect(await codeOf(store.attachPolicy('nobody', readOnly))).toBe('RoleNotFound');
    expect(await codeOf(store.updateTrustPolicy('nobody', trust()))).toBe('RoleNotFound');
    expect(await codeOf(store.tag('nobody', { a: 'b' }))).toBe('RoleNotFound');
  });

  it('for a call on a policy', async () => {
    await store.create(spec('policies'));
    expect(await codeOf(store.attachPolicy('policies', 'arn:aws:iam::aws:policy/NoSuchPolicy'))).toBe(
      'PolicyNotFound',
    );
    const many = ['AmazonEC2ReadOnlyAccess', 'AmazonRDSReadOnlyAccess', 'AmazonSNSReadOnlyAccess'].concat(
      ['AmazonSQSReadOnlyAccess', 'AmazonVPCReadOnlyAccess', 'AmazonRoute53ReadOnlyAccess'],
      ['AmazonECS_FullAccess', 'AmazonS3FullAccess', 'AmazonDynamoDBReadOnlyAccess', 'IAMReadOnlyAccess'],
    );
    for (const name of many) await store.attachPolicy('policies', `arn:aws:iam::aws:policy/${name}`);
    expect(await codeOf(store.attachPolicy('policies', readOnly))).toBe('QuotaExceeded');
  });

  it('for a denied call, and the error also names the action and the resource', async () => {
    emulator.faults.set({
      rules: [
        { service: 'iam', action: 'TagRole', error: { code: 'AccessDenied', message: 'no', status: 403 } },
      ],
    });
    try {
      const denied = await store.tag('taken', { a: 'b' }).catch((error: unknown) => error);
      expect(denied).toMatchObject({ code: 'AccessDenied' });
      expect((denied as Error).message).toContain('iam:TagRole on taken');
    } finally {
      emulator.faults.set({});
    }
  });
});

describe('a lost response', () => {
  it('to DeleteRole makes the store retry the deletion, and the retry succeeds although the role is already deleted', async () => {
    await store.create(spec('lost'));
    emulator.faults.set({ rules: [{ service: 'iam', action: 'DeleteRole', drop: 'afterCall', times: 1 }] });
    expect(await callsDuring(() => store.delete('lost'))).toEqual(['DeleteRole', 'DeleteRole']);
  });

  it('to CreateRole makes the store report RoleAlreadyExists, so that the planner examines the existing role', async () => {
    emulator.faults.set({ rules: [{ service: 'iam', action: 'CreateRole', drop: 'afterCall', times: 1 }] });
    expect(await codeOf(store.create(spec('twice')))).toBe('RoleAlreadyExists');
    expect((await store.read('twice'))?.tags).toEqual(spec('twice').tags);
  });
});

describe('a listing', () => {
  it('contains every role, page by page, with the details that the pages give for each role', async () => {
    const before = await store.snapshot();
    for (let index = 0; index < 1_000; index += 1) {
      const role = emulator.state.role('made');
      if (!role) throw new Error('there is no role to copy');
      emulator.state.putRole(
        { ...role, name: `copy-${index}`, arn: `${role.arn}-${index}`, boundaryArn: undefined },
        0,
      );
    }
    const startedAt = monotonicClock();
    let after = before;
    const calls = await callsDuring(async () => {
      after = await store.snapshot();
    });
    expect(calls).toEqual(['GetAccountAuthorizationDetails', 'GetAccountAuthorizationDetails']);
    expect(after.pages).toBe(2);
    expect(after.startedAt).toBeGreaterThanOrEqual(startedAt);
    expect(after.roles.length).toBe(before.roles.length + 1_000);
    expect(new Set(after.roles.map(({ name }) => name)).size).toBe(after.roles.length);
    const read = await store.read('made');
    const { maxSessionDuration: _, description: __, ...listed } = read ?? {};
    expect(after.roles.find(({ name }) => name === 'made')).toEqual(listed);
  });

  it('of the operator’s roles omits roles without ownership tags, except for roles that the caller names', async () => {
    const made = emulator.state.role('made');
    if (!made) throw new Error('there is no role to copy');
    const policy = { ...made.trust, encoded: 'x'.repeat(9_000) };
    const inlinePolicies = [{ name: 'inline', policy }];
    for (const name of ['of-others', 'adoptable']) {
      const tags = [{ Key: 'team', Value: 'other' }];
      const arn = `${made.arn}-${name}`;
      emulator.state.putRole({ ...made, name, arn, tags, inlinePolicies, boundaryArn: undefined }, 0);
    }
    const whole = (await store.snapshot()).roles.find(({ name }) => name === 'adoptable');
    expect(whole).toMatchObject({ inlinePolicyNames: ['inline'], tags: { team: 'other' } });
    const { roles } = await store.snapshot(undefined, (name) => name === 'adoptable');
    expect(roles.map(({ name }) => name)).toContain('made');
    expect(roles.find(({ name }) => name === 'adoptable')).toEqual(whole);
    expect(roles.find(({ name }) => name === 'of-others')).toBeUndefined();
  });

  it('in which no role has a boundary reports that boundaries are unknown', async () => {
    expect(await store.snapshot()).not.toHaveProperty('withoutBoundaries');
    await store.deletePermissionsBoundary('made');
    expect(await store.snapshot()).toMatchObject({ withoutBoundaries: true });
  });
});

it('a read stops when its AbortSignal aborts', async () => {
  emulator.faults.set({ latencyMs: 5_000 });
  const abort = new AbortController();
  const reading = store.read('made', abort.signal);
  abort.abort(new Error('enough'));
  await expect(reading).rejects.toThrow('enough');
});
