/**
 * Verifies tokens of OpenID Connect issuers with the issuers' keys. Keys are cached for a while, as in STS, and are
 * fetched again immediately if a token names an unknown key.
 */
import { compactVerify, createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors } from 'jose';
import type { CompactVerifyGetKey, JWTPayload } from 'jose';
import { z } from 'zod';

export type Claims = {
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  /** Authorized party (`azp`) of the token, if present. */
  readonly authorizedParty: string | undefined;
  /** Expiry time of the token, in seconds since the epoch. */
  readonly expiresAt: number;
  readonly notBefore: number | undefined;
  /** Claims that Kubernetes adds: the ServiceAccount, and the pod of a bound token. */
  readonly kubernetes:
    | {
        readonly namespace: string | undefined;
        readonly serviceAccount: string | undefined;
        readonly pod: { readonly name: string; readonly uid: string } | undefined;
      }
    | undefined;
};

type TokenFault =
  | { readonly kind: 'notJwt' }
  | { readonly kind: 'missingClaim'; readonly claim: string }
  /** The claim has a JSON type that RFC 7519 does not allow. */
  | { readonly kind: 'malformedClaim'; readonly claim: string };

type ReadToken =
  | { readonly ok: true; readonly claims: Claims }
  | { readonly ok: false; readonly fault: TokenFault };

type Verification = 'verified' | 'wrongSignature' | 'noKey' | 'issuerUnreachable';

export type TokenVerifier = {
  /** Reads the content of a token without verifying it. */
  readonly read: (token: string) => ReadToken;
  /** Verifies a token. `now` is in milliseconds since the epoch. */
  readonly verify: (token: string, issuer: string, now: number) => Promise<Verification>;
};

/** Fetches the key document of an issuer (RFC 7517). Rejects when the request fails. */
export type IssuerKeys = (issuer: string) => Promise<{ readonly keys: readonly object[] }>;

/**
 * Signature algorithms that IAM accepts:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
 */
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
    // The key is unusable: malformed, private, or shorter than 2,048 bits.
    return 'noKey';
  }
}

function readToken(token: string): ReadToken {
  const payload = decodePayload(token);
  if (!payload) return { ok: false, fault: { kind: 'notJwt' } };
  const missing = requiredClaims.find((claim) => payload[claim] === undefined || payload[claim] === null);
  if (missing !== undefined) return { ok: false, fault: { kind: 'missingClaim', claim: missing } };
  const { success, data, error } = registeredClaims.safeParse(payload);
  if (!success) {
    return { ok: false, fault: { kind: 'malformedClaim', claim: String(error.issues[0]?.path[0]) } };
  }
  return {
    ok: true,
    claims: {
      issuer: data.iss,
      subject: data.sub,
      audiences: [data.aud].flat(),
      authorizedParty: data.azp ?? undefined,
      expiresAt: data.exp,
      notBefore: data.nbf ?? undefined,
      kubernetes: readKubernetes(payload['kubernetes.io']),
    },
  };
}

/**
 * Decodes the payload of a JWS in compact form. Unencoded payloads are refused, as RFC 7797 section 7 requires for
 * JWTs.
 */
function decodePayload(token: string): JWTPayload | undefined {
  if (!/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) return undefined;
  try {
    const { b64 } = decodeProtectedHeader(token) as { readonly b64?: unknown };
    return b64 === undefined || b64 === true ? decodeJwt(token) : undefined;
  } catch {
    return undefined;
  }
}

const requiredClaims = ['iss', 'sub', 'aud', 'exp'] as const;

/** Registered claims from RFC 7519 section 4.1, and `azp` from OpenID Connect. */
const registeredClaims = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.union([z.string(), z.array(z.string()).min(1)]),
  exp: z.number(),
  nbf: z.number().nullish(),
  azp: z.string().nullish(),
});

/**
 * Private claims of Kubernetes:
 * https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#schema-for-service-account-private-claims
 */
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
