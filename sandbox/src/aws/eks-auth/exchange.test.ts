import { CreatePodIdentityAssociationCommand } from '@aws-sdk/client-eks';
import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  ListRolesCommand,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  accountId,
  createTokenIssuer,
  issuer,
  nobody,
  region,
  startTestEmulator,
  type TestEmulator,
  type TokenClaims,
  type TokenIssuer,
} from '../testing/emulator.ts';
import { podDenialDocument } from '../../../../src/identity/desired/pod-denial.ts';
import { wallClock } from '../../../../src/k8s/testing/clocks.ts';

const clusterName = 'demo';
const clusterArn = `arn:aws:eks:${region}:${accountId}:cluster/${clusterName}`;
const roleArn = `arn:aws:iam::${accountId}:role/podrole`;
const audience = 'pods.eks.amazonaws.com';
const kubernetes = {
  namespace: 'production',
  serviceaccount: { name: 'myaccount', uid: 'sa-uid' },
  pod: { name: 'myapp-1', uid: 'pod-uid' },
};

const trust = (conditions: object): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: audience },
        Action: ['sts:AssumeRole', 'sts:TagSession'],
        Condition: { StringEquals: conditions },
      },
    ],
  });
const pinned = {
  'aws:SourceArn': clusterArn,
  'aws:RequestTag/kubernetes-namespace': 'production',
  'aws:RequestTag/kubernetes-service-account': 'myaccount',
};

let emulator: TestEmulator;
let tokens: TokenIssuer;

beforeEach(async () => {
  tokens = await createTokenIssuer(wallClock);
  emulator = await startTestEmulator({
    now: wallClock,
    issuerKeys: () => Promise.resolve({ keys: [tokens.jwk] }),
    clusters: [
      {
        name: clusterName,
        endpoint: 'https://127.0.0.1:1',
        certificateAuthorityData: '',
        issuer,
        version: '1.36',
      },
    ],
  });
  await emulator
    .iam()
    .send(new CreateRoleCommand({ RoleName: 'podrole', AssumeRolePolicyDocument: trust(pinned) }));
  await emulator.eks().send(
    new CreatePodIdentityAssociationCommand({
      clusterName,
      namespace: 'production',
      serviceAccount: 'myaccount',
      roleArn,
    }),
  );
});
afterEach(() => emulator.close());

const tokenOf = (claims: TokenClaims = {}): Promise<string> =>
  tokens.sign({ aud: audience, kubernetes, ...claims });
const exchange = async (claims?: TokenClaims) =>
  emulator.eksAuth().exchange({ clusterName, token: await tokenOf(claims) });

describe('AssumeRoleForPodIdentity', () => {
  it('returns credentials of the associated role, with session tags of the pod', async () => {
    const { credentials, assumedRoleArn, associationId } = await exchange();
    expect(associationId).toMatch(/^a-/);
    expect(assumedRoleArn).toMatch(/:assumed-role\/podrole\/eks-demo-myapp-1-[0-9a-f-]{36}$/);
    expect(credentials.expiration.getTime()).toBeGreaterThan(Date.now() + 5 * 3_600_000);
    const { Arn } = await emulator.sts(credentials).send(new GetCallerIdentityCommand());
    expect(Arn).toBe(assumedRoleArn);
    const lists = () => emulator.iam(credentials).send(new ListRolesCommand());
    await expect(lists()).rejects.toMatchObject({ name: 'AccessDenied' });
    await emulator.iam().send(
      new AttachRolePolicyCommand({
        RoleName: 'podrole',
        PolicyArn: 'arn:aws:iam::aws:policy/IAMReadOnlyAccess',
      }),
    );
    await lists();
  });

  it.each([
    ['eks-cluster-arn', clusterArn],
    ['eks-cluster-name', clusterName],
    ['kubernetes-pod-name', 'myapp-1'],
    ['kubernetes-pod-uid', 'pod-uid'],
  ])('sets the session tag %s', async (tag, value) => {
    const change = (wanted: string) =>
      emulator.iam().send(
        new UpdateAssumeRolePolicyCommand({
          RoleName: 'podrole',
          PolicyDocument: trust({ ...pinned, [`aws:RequestTag/${tag}`]: wanted }),
        }),
      );
    await change(value);
    await exchange();
    await change('other');
    await expect(exchange()).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  it('lets a Deny on the unique id of a pod deny the sessions of that pod, but not the sessions of another pod', async () => {
    const role = { RoleName: 'podrole' };
    await emulator
      .iam()
      .send(new AttachRolePolicyCommand({ ...role, PolicyArn: 'arn:aws:iam::aws:policy/IAMReadOnlyAccess' }));
    const lists = async ({ credentials }: Awaited<ReturnType<typeof exchange>>): Promise<string> => {
      const answer = emulator.iam(credentials).send(new ListRolesCommand());
      return answer.then(
        () => 'allowed',
        (error: Error) => error.name,
      );
    };
    const other = { ...kubernetes, pod: { name: 'myapp-2', uid: 'other-uid' } };
    const sessions = [await exchange(), await exchange({ kubernetes: other })] as const;
    expect(await Promise.all(sessions.map(lists))).toEqual(['allowed', 'allowed']);
    await emulator.iam().send(
      new PutRolePolicyCommand({
        ...role,
        PolicyName: 'konstellation-quarantine',
        PolicyDocument: podDenialDocument(['pod-uid']),
      }),
    );
    expect(await Promise.all(sessions.map(lists))).toEqual(['AccessDenied', 'allowed']);
    expect(await lists(await exchange())).toBe('AccessDenied');
  });

  const { pod: _, ...unbound } = kubernetes;
  it.each([
    ['is for another audience', { aud: 'sts.amazonaws.com' }, 'InvalidTokenException', /audience/],
    ['is of another issuer', { iss: `${issuer}0` }, 'InvalidTokenException', /not issued by the cluster/],
    ['is not bound to a pod', { kubernetes: unbound }, 'InvalidTokenException', /not bound to a pod/],
    ['has expired', { expiresIn: -10 }, 'ExpiredTokenException', /expired/],
    ['is not valid yet', { notBefore: 100 }, 'InvalidTokenException', /not valid yet/],
    ['was signed with another key', { kid: 'key-9' }, 'InvalidTokenException', /signature/],
    [
      'is of a ServiceAccount without association',
      { kubernetes: { ...kubernetes, namespace: 'staging' } },
      'ResourceNotFoundException',
      /No pod identity association/,
    ],
  ])('refuses a token if the token %s', async (_what, claims, name, message) => {
    await expect(exchange(claims)).rejects.toMatchObject({ name, message });
  });

  it('refuses a token whose claims were changed', async () => {
    const token = await tokenOf();
    const [head = '', , signature = ''] = token.split('.');
    const forged = Buffer.from(JSON.stringify({ ...decode(token), sub: 'other' })).toString('base64url');
    await expect(
      emulator.eksAuth().exchange({ clusterName, token: `${head}.${forged}.${signature}` }),
    ).rejects.toMatchObject({ name: 'InvalidTokenException', message: /signature/ });
  });

  it('refuses the token of another cluster, and refuses a caller without permission', async () => {
    const token = await tokenOf();
    await expect(emulator.eksAuth().exchange({ clusterName: 'none', token })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    await expect(emulator.eksAuth(nobody).exchange({ clusterName, token })).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: /not authorized to perform: eks-auth:AssumeRoleForPodIdentity/,
    });
  });

  it('refuses the token of a pod that the role no longer trusts', async () => {
    await emulator.iam().send(
      new UpdateAssumeRolePolicyCommand({
        RoleName: 'podrole',
        PolicyDocument: trust({ ...pinned, 'aws:SourceArn': `${clusterArn}2` }),
      }),
    );
    await expect(exchange()).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: /does not have permissions to assume the associated role/,
    });
  });

  it('writes no token to the journal', async () => {
    const token = await tokenOf();
    await emulator.eksAuth().exchange({ clusterName, token });
    const entries = emulator.journal.entries({ service: 'eks-auth' });
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ action: 'AssumeRoleForPodIdentity', resource: clusterArn });
    expect(JSON.stringify(entries)).not.toContain(token);
  });
});

const decode = (token: string): object =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as object;
