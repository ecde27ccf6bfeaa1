/** An emulator for tests, with an administrator, a token issuer and stock SDK clients. */
import { randomBytes } from 'node:crypto';
import { EKSClient } from '@aws-sdk/client-eks';
import { IAMClient } from '@aws-sdk/client-iam';
import { STSClient } from '@aws-sdk/client-sts';
import type { CryptoKey, JWK } from 'jose';
import { CompactSign, exportJWK, generateKeyPair } from 'jose';
import { createEksAuthClient, type EksAuthClient } from '../../../../src/eks-auth/client.ts';
import type { AwsEmulator, AwsEmulatorOptions } from '../server.ts';
import { startAwsEmulator } from '../server.ts';
import type { Wall } from '../../../../src/k8s/time.ts';

export const accountId = '123456789012';
export const region = 'eu-west-1';
export const issuer = 'https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF';
export const providerUrl = issuer.slice('https://'.length);
export const providerArn = `arn:aws:iam::${accountId}:oidc-provider/${providerUrl}`;

export type Keys = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

export const administrator: Keys = {
  accessKeyId: 'AKIAADMINISTRATOR000',
  secretAccessKey: 'administrator-secret',
};
export const nobody: Keys = { accessKeyId: 'AKIANOBODY0000000000', secretAccessKey: 'nobody-secret' };

const allowAll = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } };

export type TokenIssuer = {
  readonly jwk: JWK;
  readonly sign: (claims?: TokenClaims) => Promise<string>;
};

export type TokenClaims = {
  readonly sub?: string;
  readonly aud?: string | readonly string[];
  readonly iss?: string;
  /** Seconds from now until the token expires. */
  readonly expiresIn?: number;
  readonly notBefore?: number;
  readonly kid?: string;
  readonly azp?: string;
  /** Claims that Kubernetes adds to a token. */
  readonly kubernetes?: object;
  /** Claims that replace the default claims, with values of any type. */
  readonly replaced?: Readonly<Record<string, unknown>>;
};

export async function createTokenIssuer(now: () => Wall, kid = 'key-1'): Promise<TokenIssuer> {
  const { privateKey, publicKey }: { privateKey: CryptoKey; publicKey: CryptoKey } =
    await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' };
  return {
    jwk,
    sign: (claims = {}) => {
      const seconds = Math.floor(now() / 1000);
      const payload = {
        iss: claims.iss ?? issuer,
        sub: claims.sub ?? 'system:serviceaccount:production:myaccount',
        aud: [claims.aud ?? 'sts.amazonaws.com'].flat(),
        iat: seconds,
        nbf: seconds + (claims.notBefore ?? 0),
        exp: seconds + (claims.expiresIn ?? 600),
        ...(claims.azp === undefined ? {} : { azp: claims.azp }),
        ...(claims.kubernetes === undefined ? {} : { 'kubernetes.io': claims.kubernetes }),
        ...claims.replaced,
      };
      return new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
        .setProtectedHeader({ alg: 'RS256', kid: claims.kid ?? kid })
        .sign(privateKey);
    },
  };
}

export type TestEmulator = AwsEmulator & {
  readonly iam: (keys?: Keys) => IAMClient;
  readonly sts: (keys?: Keys) => STSClient;
  readonly eks: (keys?: Keys) => EKSClient;
  readonly eksAuth: (keys?: Keys) => EksAuthClient;
  /** Options that every SDK client of the emulator needs. */
  readonly client: (keys?: Keys) => {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: Keys;
    readonly maxAttempts: number;
    readonly systemClockOffset: number;
  };
};

export async function startTestEmulator(
  options: Partial<AwsEmulatorOptions> &
    Pick<AwsEmulatorOptions, 'now'> & {
      /** Clock that the SDK uses for signatures (default: the emulator's clock). */
      readonly wallClock?: () => Wall;
    },
): Promise<TestEmulator> {
  const user = (name: string): string => `arn:aws:iam::${accountId}:user/${name}`;
  const { credentials = [], wallClock = options.now, ...rest } = options;
  const emulator = await startAwsEmulator({
    accountId,
    region,
    randomBytes,
    issuerKeys: () => Promise.reject(new Error('there is no issuer')),
    clusters: [],
    credentials: [
      { ...administrator, principalArn: user('administrator'), policies: [allowAll] },
      { ...nobody, principalArn: user('nobody'), policies: [] },
      ...credentials,
    ],
    ...rest,
  });
  const client = (keys: Keys = administrator) =>
    ({
      endpoint: emulator.url,
      region,
      credentials: keys,
      maxAttempts: 1,
      // Makes the SDK sign with the clock of the test.
      systemClockOffset: rest.now() - wallClock(),
    }) as const;
  return {
    ...emulator,
    client,
    iam: (keys) => new IAMClient(client(keys)),
    sts: (keys) => new STSClient(client(keys)),
    eks: (keys) => new EKSClient(client(keys)),
    eksAuth: (keys) => createEksAuthClient(client(keys)),
  };
}
