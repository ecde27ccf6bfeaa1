import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  ListRolesCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Keys, TestEmulator } from '../testing/emulator.ts';
import { accountId, nobody, startTestEmulator } from '../testing/emulator.ts';
import { wallClock } from '../../../../src/k8s/testing/clocks.ts';

const roleArn = `arn:aws:iam::${accountId}:role/Example`;
const nobodyArn = `arn:aws:iam::${accountId}:user/nobody`;
const trust = (principal: object, more: object = {}, action: string | string[] = 'sts:AssumeRole'): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Principal: principal, Action: action, ...more },
  });

let emulator: TestEmulator;

beforeEach(async () => {
  emulator = await startTestEmulator({ now: wallClock });
  await setTrust({ AWS: accountId });
});
afterEach(() => emulator.close());

async function setTrust(...given: Parameters<typeof trust>): Promise<void> {
  const document = trust(...given);
  const iam = emulator.iam();
  if (emulator.state.role('Example')) {
    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: 'Example', PolicyDocument: document }));
  } else {
    await iam.send(
      new CreateRoleCommand({
        RoleName: 'Example',
        AssumeRolePolicyDocument: document,
        MaxSessionDuration: 7200,
      }),
    );
  }
}

const assume = (keys?: Keys, more: object = {}) =>
  emulator.sts(keys).send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'test', ...more }));

async function session(keys?: Keys, more: object = {}): Promise<Keys> {
  const { Credentials } = await assume(keys, more);
  return {
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
  };
}

const denied = {
  name: 'AccessDenied',
  message: `User: ${nobodyArn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
};

describe('AssumeRole', () => {
  it('leaves the decision to the caller’s policies when the trust policy names the caller’s AWS account', async () => {
    await assume();
    await expect(assume(nobody)).rejects.toMatchObject(denied);
  });

  it('needs no other permission when the trust policy names the caller', async () => {
    await setTrust({ AWS: nobodyArn });
    const identity = await emulator.sts(await session(nobody)).send(new GetCallerIdentityCommand());
    expect(identity.Arn).toBe(`arn:aws:sts::${accountId}:assumed-role/Example/test`);
    await expect(assume()).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  it('checks external id and session tags against the trust policy', async () => {
    await setTrust({ AWS: nobodyArn }, { Condition: { StringEquals: { 'sts:ExternalId': 'secret' } } });
    await expect(assume(nobody)).rejects.toMatchObject(denied);
    await assume(nobody, { ExternalId: 'secret' });
    const Tags = [{ Key: 'team', Value: 'a' }];
    await expect(assume(nobody, { ExternalId: 'secret', Tags })).rejects.toMatchObject({
      message: expect.stringMatching(/sts:TagSession/),
    });
    await setTrust({ AWS: nobodyArn }, { Condition: { StringLike: { 'aws:RequestTag/team': '*' } } }, [
      'sts:AssumeRole',
      'sts:TagSession',
    ]);
    await assume(nobody, { Tags });
  });

  it('authorizes a session by its tags', async () => {
    await emulator.close();
    emulator = await startTestEmulator({ now: wallClock });
    await setTrust({ AWS: accountId }, {}, ['sts:AssumeRole', 'sts:TagSession']);
    const iam = emulator.iam();
    await iam.send(
      new AttachRolePolicyCommand({
        RoleName: 'Example',
        PolicyArn: 'arn:aws:iam::aws:policy/IAMReadOnlyAccess',
      }),
    );
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: {
        Effect: 'Allow',
        Action: '*',
        Resource: '*',
        Condition: { StringEquals: { 'aws:PrincipalTag/team': 'a' } },
      },
    });
    const list = async (team: string) =>
      emulator
        .iam(await session(undefined, { Policy, Tags: [{ Key: 'team', Value: team }] }))
        .send(new ListRolesCommand());
    await list('a');
    await expect(list('b')).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  it('limits a chained session to one hour', async () => {
    const first = await session();
    await setTrust({ AWS: roleArn });
    await assume(first);
    await expect(assume(first, { DurationSeconds: 3601 })).rejects.toMatchObject({
      name: 'ValidationError',
      message: expect.stringMatching(/1 hour session limit for roles assumed by role chaining/),
    });
    await expect(assume(undefined, { DurationSeconds: 3601 })).rejects.toMatchObject({
      name: 'AccessDenied',
    });
  });

  it('refuses sessions of a deleted role, even after the role was recreated', async () => {
    const iam = emulator.iam();
    const create = new CreateRoleCommand({
      RoleName: 'Caller',
      AssumeRolePolicyDocument: trust({ AWS: accountId }),
    });
    const callerArn = `arn:aws:iam::${accountId}:role/Caller`;
    await iam.send(create);
    const before = await session(undefined, { RoleArn: callerArn });
    await setTrust({ AWS: callerArn });
    await assume(before);
    await iam.send(new DeleteRoleCommand({ RoleName: 'Caller' }));
    await expect(assume(before)).rejects.toMatchObject({ name: 'AccessDenied' });
    await iam.send(create);
    await expect(assume(before)).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  it("applies the caller's boundary if the trust policy names the caller's role, but not if the trust policy names the caller's session", async () => {
    const iam = emulator.iam();
    const callerArn = `arn:aws:iam::${accountId}:role/Caller`;
    await iam.send(
      new CreateRoleCommand({
        RoleName: 'Caller',
        AssumeRolePolicyDocument: trust({ AWS: accountId }),
        PermissionsBoundary: 'arn:aws:iam::aws:policy/AmazonS3FullAccess',
      }),
    );
    const caller = await session(undefined, { RoleArn: callerArn });
    await setTrust({ AWS: callerArn });
    await expect(assume(caller)).rejects.toMatchObject({ name: 'AccessDenied' });
    await setTrust({ AWS: `arn:aws:sts::${accountId}:assumed-role/Caller/test` });
    await assume(caller);
    await setTrust({ AWS: '*' });
    await expect(assume(caller)).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  it('sets aws:MultiFactorAuthPresent to false for a caller with session credentials', async () => {
    const mfa = { Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'false' } } };
    const first = await session();
    await setTrust({ AWS: '*' }, mfa);
    await assume(first);
    // A request that is signed with a user's long-term access keys has no value for `aws:MultiFactorAuthPresent`.
    await expect(assume()).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  it.each<[string, object]>([
    ['ExternalId', { ExternalId: 'a b' }],
    ['ExternalId', { ExternalId: 'a*' }],
    ['SourceIdentity', { SourceIdentity: 'aws:me' }],
    ['SourceIdentity', { SourceIdentity: 'a b' }],
    [
      'Policy',
      {
        Policy: JSON.stringify({
          Version: '2012-10-17',
          Id: 'Ж',
          Statement: { Effect: 'Allow', Action: '*', Resource: '*' },
        }),
      },
    ],
    ['Tags', { Tags: [{ Key: 'aws:x', Value: '1' }] }],
    [
      'Tags',
      {
        Tags: [
          { Key: 'k', Value: '1' },
          { Key: 'K', Value: '2' },
        ],
      },
    ],
    ['TransitiveTagKeys', { TransitiveTagKeys: ['team'] }],
  ])('refuses %s %j', async (_name, more) => {
    await expect(assume(undefined, more)).rejects.toMatchObject({ name: 'ValidationError' });
  });

  it('returns valid XML if the error message contains control characters from the request', async () => {
    await expect(assume(undefined, { RoleSessionName: 'ab\u0001' })).rejects.toMatchObject({
      name: 'ValidationError',
      message: expect.stringContaining('ab\ufffd'),
    });
  });

  it('refuses a role that does not exist with the same error as a role that does not trust the caller', async () => {
    const RoleArn = `arn:aws:iam::${accountId}:role/Nobody`;
    await expect(assume(undefined, { RoleArn })).rejects.toMatchObject({
      name: 'AccessDenied',
      message: `User: arn:aws:iam::${accountId}:user/administrator is not authorized to perform: sts:AssumeRole on resource: ${RoleArn}`,
    });
  });
});
