/** The two implementations of AWS that run the scenarios, each with clients of a stock SDK. */
import { randomBytes } from 'node:crypto';
import { startAwsEmulator } from '../../../sandbox/src/aws/server.ts';
import { createTokenIssuer } from '../../../sandbox/src/aws/testing/emulator.ts';
import { createClients, type ClientSet, type Keys } from '../../../sandbox/src/conformance/clients.ts';
import { createGuard } from '../../../sandbox/src/conformance/guard.ts';
import { createPlace, type ClusterOfPlace } from '../../../sandbox/src/conformance/place.ts';
import type { Scenario } from '../../../sandbox/src/conformance/scenario.ts';
import type { Tokens } from '../../../sandbox/src/conformance/table/identities.ts';
import { scenariosIn } from '../../../sandbox/src/conformance/table/table.ts';
import { wallClock } from '../../../src/k8s/testing/clocks.ts';
import { ensurePython } from '../../support/sdks/programs.ts';
import { startMoto } from './moto.ts';

/** Account id of moto, which cannot be changed. The emulator uses the same id. */
const accountId = '123456789012';
const region = 'us-east-1';
const issuerHost = 'oidc.eks.us-east-1.amazonaws.com/id/SCENARIOS';
const cluster: ClusterOfPlace = {
  name: 'scenarios',
  region,
  namespace: 'production',
  serviceAccount: 'myaccount',
  issuerHost,
  hasProvider: false,
};

export type RunningBackend = {
  readonly name: 'emulator' | 'moto';
  readonly clients: ClientSet;
  /** Tokens that every scenario can use. */
  readonly given: Tokens;
  readonly stop: () => Promise<void>;
};

/** Returns the scenarios. Their names are the same for both backends; only the caller differs. */
export function areasOf(backend: 'emulator' | 'moto'): Readonly<Record<string, readonly Scenario[]>> {
  return scenariosIn(placeOf(backend));
}

const placeOf = (backend: 'emulator' | 'moto'): ReturnType<typeof createPlace> =>
  createPlace({
    partition: 'aws',
    accountId,
    region,
    run: 'scenario',
    callerArn:
      backend === 'moto'
        ? `arn:aws:sts::${accountId}:user/moto`
        : `arn:aws:iam::${accountId}:user/administrator`,
    externalId: 'of-this-run',
    cluster,
  });

const administrator: Keys = {
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
        name: cluster.name,
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
    clients: clientsOf('emulator', emulator.url),
    given: await signTokens(issuer.sign),
    stop: emulator.close,
  };
}

export async function startMotoBackend(): Promise<RunningBackend> {
  await ensurePython();
  const moto = await startMoto();
  // moto does not verify the signatures of web identity tokens, but it parses the tokens, so they must be well-formed.
  const issuer = await createTokenIssuer(wallClock);
  return {
    name: 'moto',
    clients: clientsOf('moto', moto.endpoint),
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

function clientsOf(backend: 'emulator' | 'moto', endpoint: string): ClientSet {
  const clients = createClients({
    endpoint,
    region,
    credentials: administrator,
    env: {},
    userAgent: 'konstellation-test',
  });
  clients.guardWith(createGuard(placeOf(backend)));
  return clients;
}
