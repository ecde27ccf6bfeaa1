/** Unsigned tokens with the claims of a real API server. */
import { resources, type KubeClient } from '../../../src/kube/index.ts';
import { notFound } from './api-errors.ts';
import type { ClientOptions } from './client.ts';

type TokenParameters = Parameters<KubeClient['createToken']>;

export function issueToken(
  { store, issuer, now }: Pick<ClientOptions, 'store' | 'issuer' | 'now'>,
  ref: TokenParameters[0],
  spec: TokenParameters[1],
): Awaited<ReturnType<KubeClient['createToken']>> {
  store.find(resources.namespaces, { name: ref.namespace });
  const account = store.find(resources.serviceAccounts, ref);
  const bound = spec.boundObjectRef;
  if (bound) {
    const pod = store.get(resources.pods, { namespace: ref.namespace, name: bound.name })?.object;
    if (pod?.metadata.uid !== bound.uid) throw notFound('pods', bound.name);
  }
  const issuedAt = Math.floor(now() / 1000);
  const claims = {
    aud: spec.audiences,
    exp: issuedAt + spec.expirationSeconds,
    iat: issuedAt,
    iss: issuer,
    'kubernetes.io': {
      namespace: ref.namespace,
      serviceaccount: { name: ref.name, uid: account.object.metadata.uid },
      ...(bound ? { pod: { name: bound.name, uid: bound.uid } } : {}),
    },
    nbf: issuedAt,
    sub: `system:serviceaccount:${ref.namespace}:${ref.name}`,
  };
  return {
    token: ['{}', JSON.stringify(claims), 'unsigned'].map((part) => btoa(part)).join('.'),
    expirationTimestamp: new Date(claims.exp * 1000).toISOString(),
  };
}
