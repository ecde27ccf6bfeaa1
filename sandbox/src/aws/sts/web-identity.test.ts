import {
  AttachRolePolicyCommand,
  CreateOpenIDConnectProviderCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DetachRolePolicyCommand,
  GetAccountAuthorizationDetailsCommand,
  GetRoleCommand,
  ListRolesCommand,
  RemoveClientIDFromOpenIDConnectProviderCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import type { IAMClient } from '@aws-sdk/client-iam';
import { AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Keys, TestEmulator, TokenClaims, TokenIssuer } from '../testing/emulator.ts';
import {
  accountId,
  createTokenIssuer,
  issuer,
  providerArn,
  providerUrl,
  region,
  startTestEmulator,
} from '../testing/emulator.ts';
import { wallClock } from '../../../../src/k8s/testing/clocks.ts';
import type { Wall } from '../../../../src/k8s/time.ts';

const subject = 'system:serviceaccount:production:myaccount';
const roleArn = `arn:aws:iam::${accountId}:role/kon/Example`;
const iamReadOnly = 'arn:aws:iam::aws:policy/IAMReadOnlyAccess';

const trust = (condition: object): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: providerArn },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: condition,
      },
    ],
  });
const exactTrust = trust({
  StringEquals: { [`${providerUrl}:sub`]: subject, [`${providerUrl}:aud`]: 'sts.amazonaws.com' },
});

let time: number;
let published: object[];
let reachable: boolean;
let asked: number;
/** Generated once for all tests, because the generation of key pairs is slow. */
const keys: TokenIssuer = await createTokenIssuer(() => time as Wall);
let emulator: TestEmulator;
let iam: IAMClient;

beforeEach(async () => {
  time = Date.now();
  published = [keys.jwk];
  reachable = true;
  asked = 0;
  emulator = await startTestEmulator({
    now: () => time as Wall,
    wallClock: wallClock,
    issuerKeys: (name) => {
      asked += 1;
      if (!reachable || name !== issuer) return Promise.reject(new Error('out of reach'));
      return Promise.resolve({ keys: published });
    },
  });
  iam = emulator.iam();
  await iam.send(
    new CreateOpenIDConnectProviderCommand({ Url: issuer, ClientIDList: ['sts.amazonaws.com'] }),
  );
  await iam.send(
    new CreateRoleCommand({
      RoleName: 'Example',
      Path: '/kon/',
      AssumeRolePolicyDocument: exactTrust,
      MaxSessionDuration: 7200,
    }),
  );
});
afterEach(() => emulator.close());

/** Sends an unsigned request, as a pod does. */
function assume(token: string, more: object = {}) {
  const sts = new STSClient({
    endpoint: emulator.url,
    region,
    maxAttempts: 1,
    credentials: { accessKeyId: '', secretAccessKey: '' },
  });
  return sts.send(
    new AssumeRoleWithWebIdentityCommand({
      RoleArn: roleArn,
      RoleSessionName: 'test-session',
      WebIdentityToken: token,
      ...more,
    }),
  );
}

async function session(more: object = {}): Promise<Keys> {
  const { Credentials } = await assume(await keys.sign(), more);
  return {
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
  };
}

const listRoles = (keysOfSession: Keys) => emulator.iam(keysOfSession).send(new ListRolesCommand());
const denied = { name: 'AccessDenied', $metadata: expect.objectContaining({ httpStatusCode: 403 }) };

describe('AssumeRoleWithWebIdentity with a token that the trust policy accepts', () => {
  it("succeeds up to five minutes after the token's expiry", async () => {
    await expect(assume(await keys.sign({ expiresIn: -299 }))).resolves.toMatchObject({
      Provider: providerArn,
    });
  });

  it('returns credentials of the role', async () => {
    const answer = await assume(await keys.sign());
    expect(answer).toMatchObject({
      SubjectFromWebIdentityToken: subject,
      Audience: 'sts.amazonaws.com',
      Provider: providerArn,
      AssumedRoleUser: {
        Arn: `arn:aws:sts::${accountId}:assumed-role/Example/test-session`,
        AssumedRoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}:test-session$/),
      },
      Credentials: {
        AccessKeyId: expect.stringMatching(/^ASIA[A-Z2-7]{16}$/),
        Expiration: new Date(Math.floor((time + 3_600_000) / 1000) * 1000),
      },
    });
    const identity = await emulator.sts(await session()).send(new GetCallerIdentityCommand());
    expect(identity).toMatchObject({
      Account: accountId,
      Arn: `arn:aws:sts::${accountId}:assumed-role/Example/test-session`,
      UserId: answer.AssumedRoleUser?.AssumedRoleId,
    });
  });

  it('does not count as a use of the role, but each call with the returned credentials does, even if the call is denied', async () => {
    const lastUse = async (): Promise<object | undefined> =>
      (await iam.send(new GetRoleCommand({ RoleName: 'Example' }))).Role?.RoleLastUsed;
    const sessionKeys = await session();
    expect(await lastUse()).toEqual({});
    await expect(listRoles(sessionKeys)).rejects.toMatchObject(denied);
    const used = { LastUsedDate: new Date(Math.floor(time / 1000) * 1000), Region: region };
    expect(await lastUse()).toEqual(used);
    const { RoleDetailList } = await iam.send(
      new GetAccountAuthorizationDetailsCommand({ Filter: ['Role'] }),
    );
    expect(RoleDetailList?.[0]?.RoleLastUsed).toEqual(used);
    expect((await iam.send(new ListRolesCommand())).Roles?.[0]).not.toHaveProperty('RoleLastUsed');
  });

  it('returns credentials whose calls never count as a use of a role that is recreated later with the same name', async () => {
    const sessionKeys = await session();
    await emulator.sts(sessionKeys).send(new GetCallerIdentityCommand());
    await iam.send(new DeleteRoleCommand({ RoleName: 'Example' }));
    await iam.send(
      new CreateRoleCommand({ RoleName: 'Example', Path: '/kon/', AssumeRolePolicyDocument: exactTrust }),
    );
    await expect(listRoles(sessionKeys)).rejects.toThrow();
    const { Role } = await iam.send(new GetRoleCommand({ RoleName: 'Example' }));
    expect(Role?.RoleLastUsed).toEqual({});
  });

  it('writes neither the token nor the credentials to the journal', async () => {
    const token = await keys.sign();
    const { Credentials } = await assume(token);
    await emulator.sts(await session()).send(new GetCallerIdentityCommand());
    const written = JSON.stringify(emulator.journal.entries());
    expect(written).toContain('AssumeRoleWithWebIdentity');
    for (const secret of [
      token,
      token.split('.')[2],
      Credentials?.SecretAccessKey,
      Credentials?.SessionToken,
    ]) {
      expect(written).not.toContain(secret ?? 'missing');
    }
  });
});

describe('AssumeRoleWithWebIdentity refuses a token', () => {
  const invalid = 'InvalidIdentityTokenException';
  const cases: readonly [string, TokenClaims, string, RegExp][] = [
    [
      'of another subject',
      { sub: 'system:serviceaccount:production:other' },
      'AccessDenied',
      /^Not authorized to perform sts:AssumeRoleWithWebIdentity$/,
    ],
    [
      'for an audience that the provider does not list',
      { aud: 'kubernetes' },
      invalid,
      /^Incorrect token audience$/,
    ],
    [
      'of an issuer that the account does not know',
      { iss: 'https://example.com' },
      invalid,
      /^No OpenIDConnect provider found in your account for https:\/\/example\.com$/,
    ],
    [
      'that expired five minutes ago',
      { expiresIn: -300 },
      'ExpiredTokenException',
      /^Token expired: current date\/time \d+ must be before the expiration date\/time \d+$/,
    ],
    ['that is not valid yet', { notBefore: 60 }, invalid, /not valid yet/],
    [
      'of a key that the issuer does not publish',
      { kid: 'unknown' },
      invalid,
      /^Couldn't retrieve verification key from your identity provider, {2}please/,
    ],
    ['issued to another party', { azp: 'someone' }, invalid, /^Incorrect token audience$/],
  ];
  it.each(cases)('%s', async (_name, claims, name, message) => {
    await expect(assume(await keys.sign(claims))).rejects.toMatchObject({
      name,
      message: expect.stringMatching(message),
    });
  });

  it.each<[string, unknown, string]>([
    ['iss', ['https://example.com'], 'The claim iss is not valid'],
    ['iss', 7, 'The claim iss is not valid'],
    ['iss', {}, 'The claim iss is not valid'],
    [
      'iss',
      issuer.slice('https://'.length),
      `No OpenIDConnect provider found in your account for ${issuer.slice('https://'.length)}`,
    ],
    ['iss', `${issuer}/`, `No OpenIDConnect provider found in your account for ${issuer}/`],
    ['sub', null, 'Missing a required claim: sub'],
    ['sub', ['system:serviceaccount:production:myaccount'], 'The claim sub is not valid'],
    ['sub', true, 'The claim sub is not valid'],
    ['aud', null, 'Missing a required claim: aud'],
    ['aud', [], 'The claim aud is not valid'],
    ['aud', ['sts.amazonaws.com', 1], 'The claim aud is not valid'],
    ['exp', null, 'Missing a required claim: exp'],
    ['exp', 'tomorrow', 'The claim exp is not valid'],
    ['exp', '4102444800', 'The claim exp is not valid'],
    ['exp', [4_102_444_800], 'The claim exp is not valid'],
    ['exp', {}, 'The claim exp is not valid'],
    ['nbf', 'now', 'The claim nbf is not valid'],
    ['azp', ['sts.amazonaws.com'], 'The claim azp is not valid'],
  ])('whose claim %s is %j', async (claim, value, message) => {
    const token = await keys.sign({ replaced: { [claim]: value } });
    await expect(assume(token)).rejects.toMatchObject({ name: invalid, message });
  });

  it('with a line break at its end', async () => {
    await expect(assume(`${await keys.sign()}\n`)).rejects.toMatchObject({ name: invalid });
  });

  it('with an unencoded payload', async () => {
    const [, payload = '', signature = ''] = (await keys.sign()).split('.');
    const header = { alg: 'RS256', kid: 'key-1', b64: false, crit: ['b64'] };
    const encoded = Buffer.from(JSON.stringify(header)).toString('base64url');
    await expect(assume(`${encoded}.${payload}.${signature}`)).rejects.toMatchObject({
      name: invalid,
      message: expect.stringMatching(/not a valid JWT/),
    });
  });

  it.each<[string, object]>([
    ['too short', { n: Buffer.alloc(128, 0xff).toString('base64url') }],
    ['malformed', { n: 7 }],
    ['without its numbers', { n: undefined }],
    ['private', { d: 'AQAB' }],
  ])("when the issuer's key is %s", async (_what, change) => {
    published = [{ ...keys.jwk, ...change }];
    await expect(assume(await keys.sign())).rejects.toMatchObject({ name: invalid });
  });

  it('with a wrong signature', async () => {
    const forger = await createTokenIssuer(() => time as Wall);
    await expect(assume(await forger.sign())).rejects.toMatchObject({
      name: invalid,
      message: expect.stringMatching(/could not be validated/),
    });
  });

  it('with the algorithm `none`', async () => {
    const [, payload = ''] = (await keys.sign()).split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'none', kid: 'key-1' })).toString('base64url');
    await expect(assume(`${header}.${payload}.`)).rejects.toMatchObject({ name: invalid });
  });

  it('that is not a JWT', async () => {
    await expect(assume('not-a-token')).rejects.toMatchObject({
      name: invalid,
      message: expect.stringMatching(/^The ID Token provided is not a valid JWT/),
    });
  });

  it('when the issuer cannot be reached', async () => {
    reachable = false;
    await expect(assume(await keys.sign())).rejects.toMatchObject({
      name: 'IDPCommunicationErrorException',
      $metadata: { httpStatusCode: 400 },
    });
  });

  it('once the provider no longer lists the audience', async () => {
    await iam.send(
      new RemoveClientIDFromOpenIDConnectProviderCommand({
        OpenIDConnectProviderArn: providerArn,
        ClientID: 'sts.amazonaws.com',
      }),
    );
    await expect(assume(await keys.sign())).rejects.toMatchObject({ message: 'Incorrect token audience' });
  });

  it.each([
    ['a role that does not exist', `arn:aws:iam::${accountId}:role/kon/Nobody`, 'AccessDenied'],
    ['a role under another path', `arn:aws:iam::${accountId}:role/Example`, 'AccessDenied'],
    ['a role of another account', 'arn:aws:iam::999999999999:role/kon/Example', invalid],
    ['something that is no role', `arn:aws:iam::${accountId}:user/administrator`, 'ValidationError'],
  ])('for %s', async (_name, RoleArn, name) => {
    await expect(assume(await keys.sign(), { RoleArn })).rejects.toMatchObject({ name });
  });
});

describe('a trust policy', () => {
  it.each([
    ['exactly this subject', { StringEquals: { [`${providerUrl}:sub`]: subject } }, true],
    ['one of several subjects', { StringEquals: { [`${providerUrl}:sub`]: ['x', subject] } }, true],
    [
      'a pattern of subjects',
      { StringLike: { [`${providerUrl}:sub`]: 'system:serviceaccount:production:*' } },
      true,
    ],
    [
      'a pattern, taken literally',
      { StringEquals: { [`${providerUrl}:sub`]: 'system:serviceaccount:production:*' } },
      false,
    ],
    ['another audience', { StringEquals: { [`${providerUrl}:aud`]: 'other' } }, false],
    ['the subject of another issuer', { StringEquals: { 'example.com:sub': subject } }, false],
    ['a session name', { StringEquals: { 'sts:RoleSessionName': 'test-session' } }, true],
  ])('with %s is evaluated as on AWS', async (_name, condition, accepted) => {
    await iam.send(
      new UpdateAssumeRolePolicyCommand({ RoleName: 'Example', PolicyDocument: trust(condition) }),
    );
    const outcome = assume(await keys.sign());
    if (accepted) await expect(outcome).resolves.toMatchObject({ Provider: providerArn });
    else await expect(outcome).rejects.toMatchObject(denied);
  });
});

describe('the key cache', () => {
  it('fetches the keys of an issuer once, and again for an unknown key', async () => {
    await assume(await keys.sign());
    await assume(await keys.sign());
    expect(asked).toBe(1);
    const next = await createTokenIssuer(() => time as Wall, 'key-2');
    published = [keys.jwk, next.jwk];
    await assume(await next.sign());
    expect(asked).toBe(2);
  });
});

describe('a session', () => {
  beforeEach(() => iam.send(new AttachRolePolicyCommand({ RoleName: 'Example', PolicyArn: iamReadOnly })));

  it('has the current permissions of the role at every call', async () => {
    const credentials = await session();
    await listRoles(credentials);
    await iam.send(new DetachRolePolicyCommand({ RoleName: 'Example', PolicyArn: iamReadOnly }));
    await expect(listRoles(credentials)).rejects.toMatchObject({
      ...denied,
      message: `User: arn:aws:sts::${accountId}:assumed-role/Example/test-session is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::${accountId}:role/ because no identity-based policy allows the iam:ListRoles action`,
    });
  });

  it('has no permissions under a session policy that denies everything', async () => {
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: { Effect: 'Deny', Action: '*', Resource: '*' },
    });
    await expect(listRoles(await session({ Policy }))).rejects.toMatchObject({
      message: expect.stringMatching(/with an explicit deny in a session policy$/),
    });
  });

  it('is limited by its session policies', async () => {
    const PolicyArns = [{ arn: 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess' }];
    await expect(listRoles(await session({ PolicyArns }))).rejects.toMatchObject({
      message: expect.stringMatching(/because no session policy allows the iam:ListRoles action$/),
    });
    await listRoles(await session({ PolicyArns: [...PolicyArns, { arn: iamReadOnly }] }));
  });

  it('expires at the end of its duration', async () => {
    const credentials = await session({ DurationSeconds: 900 });
    time += 899_000;
    await listRoles(credentials);
    time += 1000;
    await expect(listRoles(credentials)).rejects.toMatchObject({
      name: 'ExpiredToken',
      message: 'The security token included in the request is expired',
    });
  });

  it('loses its permissions when the role is deleted, even if the role is recreated', async () => {
    const credentials = await session();
    await iam.send(new DetachRolePolicyCommand({ RoleName: 'Example', PolicyArn: iamReadOnly }));
    await iam.send(new DeleteRoleCommand({ RoleName: 'Example' }));
    await expect(listRoles(credentials)).rejects.toMatchObject(denied);
    await iam.send(
      new CreateRoleCommand({ RoleName: 'Example', Path: '/kon/', AssumeRolePolicyDocument: exactTrust }),
    );
    await iam.send(new AttachRolePolicyCommand({ RoleName: 'Example', PolicyArn: iamReadOnly }));
    await expect(listRoles(credentials)).rejects.toMatchObject(denied);
  });

  it.each([
    [
      'longer than the role allows',
      { DurationSeconds: 7201 },
      'ValidationError',
      /^The requested DurationSeconds exceeds the MaxSessionDuration set for this role\.$/,
    ],
    [
      'shorter than fifteen minutes',
      { DurationSeconds: 899 },
      'ValidationError',
      /greater than or equal to 900/,
    ],
    [
      'of a name with a slash',
      { RoleSessionName: 'a/b' },
      'ValidationError',
      /'roleSessionName'.*regular expression/,
    ],
    ['with a policy that is none', { Policy: '{}' }, 'MalformedPolicyDocumentException', /./],
    [
      'with more than ten managed policies',
      { PolicyArns: Array.from({ length: 11 }, () => ({ arn: iamReadOnly })) },
      'ValidationError',
      /less than or equal to 10/,
    ],
    [
      'with policies that pack to too much',
      {
        Policy: JSON.stringify({
          Version: '2012-10-17',
          Statement: {
            Effect: 'Allow',
            Action: '*',
            Resource: Array.from({ length: 20 }, (_, index) => `arn:aws:s3:::${noise(index)}`),
          },
        }),
      },
      'PackedPolicyTooLargeException',
      /packed policy size is \d+%/,
    ],
  ])('cannot be created with %s', async (_name, more, name, message) => {
    await expect(assume(await keys.sign(), more)).rejects.toMatchObject({
      name,
      message: expect.stringMatching(message),
    });
  });
});

/** Generates text that does not compress. */
function noise(seed: number): string {
  let state = seed + 1;
  return Array.from({ length: 80 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-'.charAt(state >>> 26);
  }).join('');
}
