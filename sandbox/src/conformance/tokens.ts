/** Tokens that are not signed with the cluster's key, but with a wrong key that the run generates. */
import { SignJWT, generateKeyPair } from 'jose';
import type { Wall } from '../../../src/k8s/time.ts';
import type { ClusterOfPlace } from './place.ts';
import type { Tokens } from './table/identities.ts';

export async function signForeignTokens(
  { issuerHost, namespace, serviceAccount }: ClusterOfPlace,
  now: () => Wall,
): Promise<Pick<Tokens, 'otherKeyToken' | 'otherIssuerToken'>> {
  const { privateKey } = await generateKeyPair('RS256');
  const seconds = Math.floor(now() / 1000);
  const sign = (issuer: string): Promise<string> =>
    new SignJWT({})
      .setProtectedHeader({ alg: 'RS256', kid: 'of-no-issuer' })
      .setIssuer(issuer)
      .setSubject(`system:serviceaccount:${namespace}:${serviceAccount}`)
      .setAudience('sts.amazonaws.com')
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + 600)
      .sign(privateKey);
  return {
    otherKeyToken: await sign(`https://${issuerHost}`),
    otherIssuerToken: await sign('https://issuer.example.com'),
  };
}
