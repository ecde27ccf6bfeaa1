import {
  CreatePodIdentityAssociationCommand,
  DeletePodIdentityAssociationCommand,
} from '@aws-sdk/client-eks';
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromHttp } from '@aws-sdk/credential-provider-http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  accountId,
  createTokenIssuer,
  issuer,
  region,
  startTestEmulator,
  type TestEmulator,
} from '../aws/testing/emulator.ts';
import { startCredentialEndpoint, type CredentialEndpoint } from './credential-endpoint.ts';
import { wallClock } from '../../../src/k8s/testing/clocks.ts';
import type { Wall } from '../../../src/k8s/time.ts';

const node = { accessKeyId: 'AKIANODE000000000000', secretAccessKey: 'node-secret' };
let emulator: TestEmulator;
let agent: CredentialEndpoint;
let token: string;
let associationId: string | undefined;
let now: number;

beforeEach(async () => {
  now = Date.now();
  const tokens = await createTokenIssuer(wallClock);
  emulator = await startTestEmulator({
    now: wallClock,
    issuerKeys: () => Promise.resolve({ keys: [tokens.jwk] }),
    clusters: [
      {
        name: 'demo',
        endpoint: 'https://127.0.0.1:1',
        certificateAuthorityData: '',
        issuer,
        version: '1.36',
      },
    ],
    credentials: [
      {
        ...node,
        principalArn: `arn:aws:iam::${accountId}:user/node`,
        policies: [
          {
            Version: '2012-10-17',
            Statement: { Effect: 'Allow', Action: 'eks-auth:AssumeRoleForPodIdentity', Resource: '*' },
          },
        ],
      },
    ],
  });
  const trust = {
    Version: '2012-10-17',
    Statement: {
      Effect: 'Allow',
      Principal: { Service: 'pods.eks.amazonaws.com' },
      Action: ['sts:AssumeRole', 'sts:TagSession'],
    },
  };
  await emulator
    .iam()
    .send(new CreateRoleCommand({ RoleName: 'podrole', AssumeRolePolicyDocument: JSON.stringify(trust) }));
  const { association } = await emulator.eks().send(
    new CreatePodIdentityAssociationCommand({
      clusterName: 'demo',
      namespace: 'production',
      serviceAccount: 'myaccount',
      roleArn: `arn:aws:iam::${accountId}:role/podrole`,
    }),
  );
  associationId = association?.associationId;
  token = await tokens.sign({
    aud: 'pods.eks.amazonaws.com',
    kubernetes: {
      namespace: 'production',
      serviceaccount: { name: 'myaccount' },
      pod: { name: 'myapp-1', uid: 'uid' },
    },
  });
  agent = await startCredentialEndpoint({
    endpoint: emulator.url,
    region,
    clusterName: 'demo',
    nodeCredentials: node,
    now: () => now as Wall,
  });
});
afterEach(async () => {
  await agent.close();
  await emulator.close();
});

const ask = (authorization = token): Promise<Response> => fetch(agent.url, { headers: { authorization } });
const exchanges = (): number => emulator.journal.entries({ service: 'eks-auth' }).length;

test("the SDK's container credential provider gets credentials of the associated role", async () => {
  const sts = new STSClient({
    endpoint: emulator.url,
    region,
    credentials: fromHttp({
      awsContainerCredentialsFullUri: agent.url,
      awsContainerAuthorizationToken: token,
    }),
  });
  const { Arn } = await sts.send(new GetCallerIdentityCommand());
  expect(Arn).toContain(':assumed-role/podrole/eks-demo-myapp-1');
});

test('credentials are cached for an hour, and longer if the refresh fails', async () => {
  const first = await (await ask()).text();
  expect(await (await ask()).text()).toBe(first);
  expect(exchanges()).toBe(1);
  now += 3_600_001;
  const second = await (await ask()).text();
  expect(second).not.toBe(first);
  now += 3_600_001;
  emulator.faults.set({
    rules: [{ service: 'eks-auth', error: { code: 'InternalServerException', status: 500 } }],
  });
  expect(await (await ask()).text()).toBe(second);
});

test('a pod whose association was deleted is refused once its cached credentials are an hour old', async () => {
  await ask();
  await emulator.eks().send(new DeletePodIdentityAssociationCommand({ clusterName: 'demo', associationId }));
  expect((await ask()).status).toBe(200);
  now += 3_600_001;
  const refused = await ask();
  expect(refused.status).toBe(404);
  expect(await refused.text()).toContain('ResourceNotFoundException');
});

test('a request with an invalid token or another path is refused', async () => {
  expect((await ask('')).status).toBe(400);
  expect((await ask('a.b.c')).status).toBe(400);
  expect((await fetch(agent.url.replace('credentials', 'other'))).status).toBe(404);
  expect((await fetch(agent.url, { method: 'POST' })).status).toBe(404);
});
