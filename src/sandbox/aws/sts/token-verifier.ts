/**
 * Verifies the tokens of OpenID Connect issuers against the issuers' own keys. Keys are kept for a while, as STS keeps
 * them, and fetched again at once when a token names a key that is not among them.
 */
import { compactVerify, createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors } from 'jose';
import type { CompactVerifyGetKey, JWTPayload } from 'jose';
import { z } from 'zod';

export type Claims = {
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  /** The party to which the token was issued, where the issuer says so. */
  readonly authorizedParty: string | undefined;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  readonly notBefore: number | undefined;
  /** What Kubernetes says in its own tokens: whose it is, and the pod to which it is bound. */
  readonly kubernetes:
    | {
        readonly namespace: string | undefined;
        readonly serviceAccount: string | undefined;
        readonly pod: { readonly name: string; readonly uid: string } | undefined;
      }
    | undefined;
};

type TokenFault = { readonly kind: 'notJwt' } | { readonly kind: 'missingClaim'; readonly claim: string };

type ReadToken =
  | { readonly ok: true; readonly claims: Claims }
  | { readonly ok: false; readonly fault: TokenFault };

type Verification = 'verified' | 'wrongSignature' | 'noKey' | 'issuerUnreachable';

export type TokenVerifier = {
  /** What the token says, before it is known whether that is true. */
  readonly read: (token: string) => ReadToken;
  /** `now` in milliseconds since the epoch. */
  readonly verify: (token: string, issuer: string, now: number) => Promise<Verification>;
};

/** The key document of an issuer (RFC 7517). Rejects when it cannot be had. */
export type IssuerKeys = (issuer: string) => Promise<{ readonly keys: readonly object[] }>;

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html */
const algorithms = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'];
const keysLastMs = 5 * 60_000;

export function createTokenVerifier(issuerKeys: IssuerKeys): TokenVerifier {
  const cached = new Map<string, { readonly keys: CompactVerifyGetKey; readonly fetchedAt: number }>();

  const fetchKeys = async (issuer: string, now: number): Promise<CompactVerifyGetKey | undefined> => {
    try {
      const { keys: given } = await issuerKeys(issuer);
      const keys = createLocalJWKSet({ keys: [...given] });
      cached.set(issuer, { keys, fetchedAt: now });
      return keys;
    } catch {
      return undefined;
    }
  };

  return {
    read: readToken,
    verify: async (token, issuer, now) => {
      const kept = cached.get(issuer);
      if (kept && now - kept.fetchedAt < keysLastMs) {
        const result = await verifyWith(token, kept.keys);
        if (result !== 'noKey') return result;
      }
      const keys = await fetchKeys(issuer, now);
      return keys === undefined ? 'issuerUnreachable' : verifyWith(token, keys);
    },
  };
}

async function verifyWith(token: string, keys: CompactVerifyGetKey): Promise<Verification> {
  try {
    await compactVerify(token, keys, { algorithms });
    return 'verified';
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
      return 'noKey';
    }
    if (error instanceof errors.JOSEError) return 'wrongSignature';
    throw error;
  }
}

function readToken(token: string): ReadToken {
  let payload: JWTPayload;
  try {
    decodeProtectedHeader(token);
    payload = decodeJwt(token);
  } catch {
    return { ok: false, fault: { kind: 'notJwt' } };
  }
  const missing = ['iss', 'sub', 'aud', 'exp'].find((claim) => payload[claim] === undefined);
  if (missing !== undefined) return { ok: false, fault: { kind: 'missingClaim', claim: missing } };
  const { azp } = payload;
  return {
    ok: true,
    claims: {
      issuer: payload.iss ?? '',
      subject: payload.sub ?? '',
      audiences: [payload.aud ?? []].flat(),
      authorizedParty: typeof azp === 'string' ? azp : undefined,
      expiresAt: payload.exp ?? 0,
      notBefore: payload.nbf,
      kubernetes: readKubernetes(payload['kubernetes.io']),
    },
  };
}

/** https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#schema-for-service-account-private-claims */
const kubernetesClaims = z.object({
  namespace: z.string().optional(),
  serviceaccount: z.object({ name: z.string() }).optional(),
  pod: z.object({ name: z.string(), uid: z.string() }).optional(),
});

function readKubernetes(value: unknown): Claims['kubernetes'] {
  const { success, data } = kubernetesClaims.safeParse(value);
  if (!success) return undefined;
  return { namespace: data.namespace, serviceAccount: data.serviceaccount?.name, pod: data.pod };
}
