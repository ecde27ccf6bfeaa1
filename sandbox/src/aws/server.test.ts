import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  GetAccountAuthorizationDetailsCommand,
  GetRoleCommand,
  ListRolesCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam';
import { DescribeClusterCommand, ListClustersCommand } from '@aws-sdk/client-eks';
import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  GetCallerIdentityCommand,
} from '@aws-sdk/client-sts';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FaultSettingsInput } from './faults/settings.ts';
import type { Keys, TestEmulator, TokenIssuer } from './testing/emulator.ts';
import {
  accountId,
  administrator,
  createTokenIssuer,
  issuer,
  nobody,
  providerArn,
  providerUrl,
  startTestEmulator,
} from './testing/emulator.ts';
import { wallClock } from '../../../src/k8s/testing/clocks.ts';
import type { Wall } from '../../../src/k8s/time.ts';

const trust = (subject: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: providerArn },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: { StringEquals: { [`${providerUrl}:sub`]: subject } },
      },
    ],
  });
const trustOfAdministrator = JSON.stringify({
  Version: '2012-10-17',
  Statement: {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${accountId}:user/administrator` },
    Action: 'sts:AssumeRole',
  },
});
const cluster = {
  name: 'demo',
  endpoint: 'https://127.0.0.1:6443',
  certificateAuthorityData: 'eA==',
  issuer,
  version: '1.36',
};

let time: number;
/** Created once for all tests, because the generation of key pairs is slow. */
const tokens: TokenIssuer = await createTokenIssuer(() => time as Wall);
let emulator: TestEmulator;

beforeEach(async () => {
  time = Date.now();
  emulator = await startTestEmulator({
    now: () => time as Wall,
    wallClock: wallClock,
    issuerKeys: () => Promise.resolve({ keys: [tokens.jwk] }),
    oidcProviders: [{ issuer, clientIds: ['sts.amazonaws.com'] }],
    clusters: [cluster, { ...cluster, name: 'other' }],
    credentials: [
      {
        accessKeyId: 'AKIAFENCED0000000000',
        secretAccessKey: 'fenced-secret',
        principalArn: `arn:aws:iam::${accountId}:user/team/fenced`,
        policies: [
          {
            Version: '2012-10-17',
            Statement: [
              {
                Effect: 'Allow',
                Action: 'iam:CreateRole',
                Resource: `arn:aws:iam::${accountId}:role/kon/*`,
                Condition: { StringEquals: { 'aws:RequestTag/owner': '${aws:username}' } },
              },
              { Effect: 'Allow', Action: ['iam:TagRole', 'iam:GetRole'], Resource: '*' },
              {
                Effect: 'Allow',
                Action: 'iam:AttachRolePolicy',
                Resource: '*',
                Condition: {
                  ArnLike: { 'iam:PolicyARN': 'arn:aws:iam::aws:policy/AmazonS3*' },
                  StringEquals: { 'iam:ResourceTag/owner': 'fenced' },
                },
              },
              {
                Effect: 'Deny',
                Action: 'iam:GetRole',
                Resource: '*',
                Condition: { StringEquals: { 'aws:ResourceTag/secret': 'yes' } },
              },
            ],
          },
        ],
      },
    ],
  });
});
afterEach(() => emulator.close());

const fenced: Keys = { accessKeyId: 'AKIAFENCED0000000000', secretAccessKey: 'fenced-secret' };
const create = (RoleName: string, more: object = {}, keys?: Keys) =>
  emulator
    .iam(keys)
    .send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trustOfAdministrator, ...more }));

describe('the caller', () => {
  it.each([
    [
      'an unknown key',
      { ...administrator, accessKeyId: 'AKIAUNKNOWN' },
      'InvalidClientTokenId',
      'InvalidAccessKeyId',
      'UnrecognizedClientException',
    ],
    [
      'a wrong secret',
      { ...administrator, secretAccessKey: 'wrong' },
      'SignatureDoesNotMatch',
      'SignatureDoesNotMatch',
      'InvalidSignatureException',
    ],
    [
      'a token that nobody issued',
      { ...administrator, sessionToken: 'made-up' },
      'InvalidClientTokenId',
      'InvalidToken',
      'UnrecognizedClientException',
    ],
  ])(
    'is refused if its credentials contain %s, and each service returns its own error code',
    async (_name, keys, query, s3, json) => {
      await expect(emulator.iam(keys).send(new ListRolesCommand())).rejects.toMatchObject({ name: query });
      await expect(emulator.sts(keys).send(new GetCallerIdentityCommand())).rejects.toMatchObject({
        name: query,
      });
      await expect(emulator.eks(keys).send(new ListClustersCommand())).rejects.toMatchObject({ name: json });
      await expect(new S3Client(emulator.client(keys)).send(new ListBucketsCommand())).rejects.toMatchObject({
        name: s3,
      });
    },
  );

  it("is refused if its clock differs from the server's clock by more than fifteen minutes", async () => {
    const iam = emulator.iam();
    time += 16 * 60_000;
    await expect(iam.send(new ListRolesCommand())).rejects.toMatchObject({
      name: 'SignatureDoesNotMatch',
      message: expect.stringMatching(/^Signature expired: /),
    });
  });

  it('is refused without a signature', async () => {
    const response = await fetch(`${emulator.url}/`, {
      method: 'POST',
      body: new URLSearchParams({ Action: 'ListRoles', Version: '2010-05-08' }),
    });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('<Code>MissingAuthenticationToken</Code>');
  });

  it('gets InvalidAction for an unknown action', async () => {
    const response = await fetch(`${emulator.url}/`, {
      method: 'POST',
      body: new URLSearchParams({ Action: 'NoSuchAction' }),
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/<Code>InvalidAction<\/Code>/);
  });
});

describe('an invalid or incomplete request', () => {
  it('is refused or dropped, and the next request is answered', async () => {
    await emulator.close();
    const faults: unknown[] = [];
    emulator = await startTestEmulator({
      now: () => time as Wall,
      wallClock: wallClock,
      onError: (error) => faults.push(error),
    });
    const ask = (path: string, init?: RequestInit) => fetch(`${emulator.url}${path}`, init);
    expect((await ask('/clusters/%E0%A4%A')).status).toBe(403);
    expect((await ask('/?Action=ListRoles&X-Amz-Algorithm=AWS4-HMAC-SHA256')).status).toBe(400);
    await expect(ask('/', halfOfABody())).rejects.toThrow();
    await create('a');
    expect(faults).toEqual([]);
  });

  /** Returns a request that declares a longer body than it sends, and then disconnects. */
  function halfOfABody(): RequestInit {
    const body = new ReadableStream({
      start: (controller) => {
        controller.enqueue(Buffer.from('Action='));
        controller.error(new Error('gone'));
      },
    });
    return { method: 'POST', body, duplex: 'half' };
  }
});

describe("a caller's permissions", () => {
  it('are empty without a policy', async () => {
    await expect(create('kon-a', {}, nobody)).rejects.toMatchObject({
      name: 'AccessDenied',
      message: `User: arn:aws:iam::${accountId}:user/nobody is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::${accountId}:role/kon-a because no identity-based policy allows the iam:CreateRole action`,
    });
    await expect(emulator.iam(nobody).send(new GetRoleCommand({ RoleName: 'kon-a' }))).rejects.toMatchObject({
      message: expect.stringMatching(/iam:GetRole on resource: role kon-a because/),
    });
    await expect(
      emulator.eks(nobody).send(new DescribeClusterCommand({ name: 'demo' })),
    ).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringMatching(
        /eks:DescribeCluster on resource: arn:aws:eks:eu-west-1:123456789012:cluster\/demo because/,
      ),
    });
    expect(await emulator.sts(nobody).send(new GetCallerIdentityCommand())).toMatchObject({
      Arn: `arn:aws:iam::${accountId}:user/nobody`,
    });
  });

  it('are limited by path, request tags and role tags', async () => {
    const owned = { Path: '/kon/', Tags: [{ Key: 'owner', Value: 'fenced' }] };
    await create('a', owned, fenced);
    await expect(create('b', { ...owned, Path: '/' }, fenced)).rejects.toMatchObject({
      name: 'AccessDenied',
    });
    await expect(create('b', { Path: '/kon/' }, fenced)).rejects.toMatchObject({ name: 'AccessDenied' });
    await create('foreign', { Path: '/kon/' });
    const attach = (RoleName: string, name: string) =>
      emulator
        .iam(fenced)
        .send(new AttachRolePolicyCommand({ RoleName, PolicyArn: `arn:aws:iam::aws:policy/${name}` }));
    await attach('a', 'AmazonS3ReadOnlyAccess');
    await expect(attach('a', 'AdministratorAccess')).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(attach('foreign', 'AmazonS3ReadOnlyAccess')).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  it('exclude the actions that a policy denies, and the error message mentions the explicit deny', async () => {
    await create('hidden', { Tags: [{ Key: 'secret', Value: 'yes' }] });
    await expect(emulator.iam(fenced).send(new GetRoleCommand({ RoleName: 'hidden' }))).rejects.toMatchObject(
      {
        message: `User: arn:aws:iam::${accountId}:user/team/fenced is not authorized to perform: iam:GetRole on resource: role hidden with an explicit deny in an identity-based policy`,
      },
    );
  });

  it('must include tagging for a role that is created with tags', async () => {
    const keys: Keys = { accessKeyId: 'AKIAUNTAGGED00000000', secretAccessKey: 'secret' };
    await emulator.close();
    emulator = await startTestEmulator({
      now: () => time as Wall,
      wallClock: wallClock,
      credentials: [
        {
          ...keys,
          principalArn: `arn:aws:iam::${accountId}:user/untagged`,
          policies: [
            {
              Version: '2012-10-17',
              Statement: { Effect: 'Allow', Action: 'iam:CreateRole', Resource: '*' },
            },
          ],
        },
      ],
    });
    await create('plain', {}, keys);
    await expect(create('tagged', { Tags: [{ Key: 'a', Value: 'b' }] }, keys)).rejects.toMatchObject({
      message: expect.stringMatching(/iam:TagRole/),
    });
  });

  it('are unlimited where policies are not enforced, but trust policies still apply', async () => {
    await emulator.close();
    emulator = await startTestEmulator({
      now: () => time as Wall,
      wallClock: wallClock,
      enforceCallerPolicies: false,
    });
    await create('kon-a', {}, nobody);
    await expect(
      emulator
        .sts(nobody)
        .send(
          new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${accountId}:role/kon-a`, RoleSessionName: 'test' }),
        ),
    ).rejects.toMatchObject({ name: 'AccessDenied' });
  });
});

describe('EKS', () => {
  it('returns endpoint, CA and issuer of a cluster', async () => {
    const { cluster: described } = await emulator.eks().send(new DescribeClusterCommand({ name: 'demo' }));
    expect(described).toMatchObject({
      name: 'demo',
      arn: `arn:aws:eks:eu-west-1:${accountId}:cluster/demo`,
      endpoint: cluster.endpoint,
      certificateAuthority: { data: 'eA==' },
      identity: { oidc: { issuer } },
      status: 'ACTIVE',
      version: '1.36',
    });
    await expect(emulator.eks().send(new DescribeClusterCommand({ name: 'none' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'No cluster found for name: none.',
    });
  });

  it('lists clusters in pages', async () => {
    const first = await emulator.eks().send(new ListClustersCommand({ maxResults: 1 }));
    const second = await emulator
      .eks()
      .send(new ListClustersCommand({ maxResults: 1, nextToken: first.nextToken }));
    expect([first.clusters, second.clusters, second.nextToken]).toEqual([['demo'], ['other'], undefined]);
  });
});

describe('an injected fault', () => {
  const set = (settings: FaultSettingsInput): void => emulator.faults.set(settings);
  const getRole = (RoleName: string) => emulator.iam().send(new GetRoleCommand({ RoleName }));

  it('throttles calls', async () => {
    set({ throttles: [{ ratePerSecond: 1, burst: 1 }] });
    await create('a');
    await expect(getRole('a')).rejects.toMatchObject({
      name: 'Throttling',
      message: 'Rate exceeded',
      $metadata: { httpStatusCode: 400 },
    });
    time += 1000;
    await getRole('a');
    expect(emulator.journal.entries().map((entry) => entry.fault)).toEqual([
      undefined,
      'throttled',
      undefined,
    ]);
  });

  it('fails calls before they have any effect', async () => {
    set({ errorRate: 1 });
    await expect(create('a')).rejects.toMatchObject({
      name: 'ServiceFailureException',
      $metadata: { httpStatusCode: 500 },
    });
    set({});
    await expect(getRole('a')).rejects.toMatchObject({ name: 'NoSuchEntityException' });
  });

  it('drops the responses to executed calls', async () => {
    set({ lostResponseRate: 1 });
    await expect(create('a')).rejects.toMatchObject({ code: 'ECONNRESET' });
    await getRole('a');
    await expect(create('a')).rejects.toMatchObject({ name: 'EntityAlreadyExistsException' });
    expect(emulator.journal.entries({ action: 'CreateRole' })).toMatchObject([
      { changed: true, fault: 'responseLost', status: 200 },
      { changed: false, errorCode: 'EntityAlreadyExists' },
    ]);
  });

  it('closes connections before or after the call, as the fault rule requires', async () => {
    set({
      rules: [
        { service: 'iam', action: 'CreateRole', times: 1, drop: 'beforeCall' },
        { service: 'iam', action: 'CreateRole', times: 1, drop: 'afterCall' },
      ],
    });
    await expect(create('a')).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(getRole('a')).rejects.toMatchObject({ name: 'NoSuchEntityException' });
    await expect(create('a')).rejects.toMatchObject({ code: 'ECONNRESET' });
    await getRole('a');
  });

  it('delays calls', async () => {
    await emulator.close();
    emulator = await startTestEmulator({ now: wallClock, faults: { latencyMs: 40 } });
    const begun = performance.now();
    await create('a');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(39);
    expect(emulator.journal.entries()[0]?.durationMs).toBeGreaterThanOrEqual(39);
  });

  it('makes read calls return an old state', async () => {
    await create('a');
    time += 1000;
    set({ readStalenessMs: 10_000 });
    await expect(getRole('a')).rejects.toMatchObject({ name: 'NoSuchEntityException' });
    expect((await emulator.iam().send(new ListRolesCommand())).Roles).toEqual([]);
    expect(
      (await emulator.iam().send(new GetAccountAuthorizationDetailsCommand({ Filter: ['Role'] })))
        .RoleDetailList,
    ).toEqual([]);
    // A write uses the current state, not the stale state.
    await expect(create('a')).rejects.toMatchObject({ name: 'EntityAlreadyExistsException' });
    await emulator.iam().send(new UpdateRoleCommand({ RoleName: 'a', MaxSessionDuration: 4000 }));
    time += 9500;
    expect((await getRole('a')).Role?.MaxSessionDuration).toBe(3600);
    time += 500;
    expect((await getRole('a')).Role?.MaxSessionDuration).toBe(4000);
  });

  it('delays the propagation of roles and trust policies to STS', async () => {
    set({ propagationMs: 10_000 });
    await create('a', { AssumeRolePolicyDocument: trust('old') });
    const assume = async (sub: string) =>
      emulator.sts().send(
        new AssumeRoleWithWebIdentityCommand({
          RoleArn: `arn:aws:iam::${accountId}:role/a`,
          RoleSessionName: 'test',
          WebIdentityToken: await tokens.sign({ sub }),
        }),
      );
    time += 9999;
    await expect(assume('old')).rejects.toMatchObject({ name: 'AccessDenied' });
    time += 1;
    await assume('old');
    await emulator
      .iam()
      .send(new UpdateAssumeRolePolicyCommand({ RoleName: 'a', PolicyDocument: trust('new') }));
    await assume('old');
    await expect(assume('new')).rejects.toMatchObject({ name: 'AccessDenied' });
    time += 10_000;
    await assume('new');
    await expect(assume('old')).rejects.toMatchObject({ name: 'AccessDenied' });
  });
});

describe('the endpoints that only the emulator has', () => {
  const get = async (path: string): Promise<unknown> =>
    (await fetch(`${emulator.url}/_emulator/${path}`)).json();
  const put = (path: string, body: string) =>
    fetch(`${emulator.url}/_emulator/${path}`, { method: 'PUT', body });

  it('return the journal entries after the position where a reader stopped', async () => {
    await create('a', { Tags: [{ Key: 'k', Value: 'v' }] });
    await emulator.sts().send(new GetCallerIdentityCommand());
    expect(await get('journal')).toMatchObject({
      last: 2,
      forgotten: 0,
      entries: [
        {
          sequence: 1,
          service: 'iam',
          action: 'CreateRole',
          resource: `arn:aws:iam::${accountId}:role/a`,
          caller: `arn:aws:iam::${accountId}:user/administrator`,
          parameters: { RoleName: 'a', Tags: [{ Key: 'k', Value: 'v' }] },
          status: 200,
          changed: true,
        },
        { sequence: 2, service: 'sts', action: 'GetCallerIdentity', changed: false },
      ],
    });
    expect(await get('journal?since=1')).toMatchObject({ entries: [{ sequence: 2 }] });
    expect(await get('journal?service=iam&limit=1')).toMatchObject({ entries: [{ sequence: 1 }] });
    expect(await get('state')).toMatchObject({
      accountId,
      figures: { Roles: 1 },
      calls: { 'iam:CreateRole': 1 },
    });
  });

  it('set faults and refuse invalid fault settings', async () => {
    expect((await put('faults', JSON.stringify({ errorRate: 0.5, latencyMs: [1, 2] }))).status).toBe(200);
    expect(await get('faults')).toMatchObject({ errorRate: 0.5, latencyMs: [1, 2], rules: [] });
    for (const wrong of ['{"errorRate": 2}', '{"eRate": 1}', 'no', '[]'])
      expect((await put('faults', wrong)).status).toBe(400);
    expect((await put('nothing', '')).status).toBe(404);
  });
});
