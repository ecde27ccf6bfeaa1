/** The two implementations of AWS that the scenarios run against, each with clients of a stock SDK. */
import { randomBytes } from 'node:crypto';
import { EKSClient } from '@aws-sdk/client-eks';
import { IAMClient } from '@aws-sdk/client-iam';
import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import { startAwsEmulator } from '../../../sandbox/src/aws/server.ts';
import { createTokenIssuer } from '../../../sandbox/src/aws/testing/emulator.ts';
import { ensurePython } from '../../support/sdks/programs.ts';
import { startMoto } from './moto.ts';
import { accountId, clusterName, region } from '../../../sandbox/src/conformance/scenario.ts';
import type { Backend, Credentials } from '../../../sandbox/src/conformance/scenario.ts';
import { issuerHost } from '../../../sandbox/src/conformance/table/documents.ts';
import type { Tokens } from '../../../sandbox/src/conformance/table/identities.ts';
import { wallClock } from '../../../src/k8s/testing/clocks.ts';

export type RunningBackend = Backend & { readonly stop: () => Promise<void> };

const administrator: Credentials = {
  accessKeyId: 'AKIAADMINISTRATOR000',
  secretAccessKey: 'administrator-secret',
};

export async function startEmulatorBackend(): Promise<RunningBackend> {
  const issuer = await createTokenIssuer(wallClock);
  const emulator = await startAwsEmulator({
    accountId,
    region,
    now: wallClock,
    randomBytes,
    clusters: [
      {
        name: clusterName,
        endpoint: 'https://127.0.0.1:1',
        certificateAuthorityData: '',
        issuer: `https://${issuerHost}`,
        version: '1.36',
      },
    ],
    issuerKeys: () => Promise.resolve({ keys: [issuer.jwk] }),
    credentials: [
      {
        ...administrator,
        principalArn: `arn:aws:iam::${accountId}:user/administrator`,
        policies: [{ Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } }],
      },
    ],
  });
  return {
    name: 'emulator',
    clients: clientsOf(emulator.url),
    given: await signTokens(issuer.sign),
    stop: emulator.close,
  };
}

export async function startMotoBackend(): Promise<RunningBackend> {
  await ensurePython();
  const moto = await startMoto();
  // moto checks no signature, but it reads the tokens.
  const issuer = await createTokenIssuer(wallClock);
  return {
    name: 'moto',
    clients: clientsOf(moto.endpoint),
    given: await signTokens(issuer.sign),
    stop: moto.stop,
  };
}

const subject = 'system:serviceaccount:production:myaccount';

async function signTokens(sign: Awaited<ReturnType<typeof createTokenIssuer>>['sign']): Promise<Tokens> {
  const iss = `https://${issuerHost}`;
  const { sign: signWithOtherKey } = await createTokenIssuer(wallClock);
  return {
    goodToken: await sign({ iss }),
    expiredToken: await sign({ iss, expiresIn: -360, notBefore: -960 }),
    justExpiredToken: await sign({ iss, expiresIn: -60, notBefore: -660 }),
    textExpiryToken: await sign({ iss, replaced: { exp: '4102444800' } }),
    listSubjectToken: await sign({ iss, replaced: { sub: [subject, 'other'] } }),
    noSubjectToken: await sign({ iss, replaced: { sub: null } }),
    listIssuerToken: await sign({ replaced: { iss: [iss] } }),
    bareIssuerToken: await sign({ iss: issuerHost }),
    slashIssuerToken: await sign({ iss: `${iss}/` }),
    otherAudienceToken: await sign({ iss, aud: 'https://kubernetes.default.svc' }),
    otherSubjectToken: await sign({ iss, sub: 'system:serviceaccount:production:other' }),
    otherKeyToken: await signWithOtherKey({ iss }),
    otherIssuerToken: await sign({ iss: 'https://issuer.example.com' }),
  };
}

const clientsOf =
  (endpoint: string): Backend['clients'] =>
  (credentials = administrator) => {
    const options = { endpoint, region, credentials, maxAttempts: 1 };
    return {
      iam: new IAMClient(options),
      sts: new STSClient(options),
      eks: new EKSClient(options),
      s3: new S3Client({ ...options, forcePathStyle: true }),
    };
  };
