/**
 * Decides whether the console's server accepts a request. Pure.
 *
 * Threats on the loopback interface, and the checks against them: a page from another origin that sends requests
 * (Origin, Sec-Fetch-Site, and a header that only scripts of this origin can set), DNS rebinding (Host), and another
 * user of the machine (session key). The server sets no cookie, because cookies are shared between the ports of a host.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

export type RequestFacts = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
};

export type Access =
  | {
      readonly mode: 'local';
      /** Accepted values of the Host header, e.g. `127.0.0.1:8001`. */
      readonly hosts: readonly string[];
      readonly isSession: (key: string) => boolean;
    }
  /** Any bearer token is accepted here; the API server authenticates it. */
  | { readonly mode: 'in-cluster' };

export type Verdict =
  | { readonly allowed: true; readonly bearer: string | undefined }
  | { readonly allowed: false; readonly status: 401 | 403 | 405 | 421; readonly message: string };

/** Headers of every response. The page has no inline scripts or styles, and loads nothing from other origins. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Path of requests that start a session, and therefore need none. The response also contains the console's mode. */
export const sessionPath = '/api/session';

export function judge({ method, path, headers }: RequestFacts, access: Access): Verdict {
  const host = single(headers['host']);
  if (host === undefined || (access.mode === 'local' && !access.hosts.includes(host)))
    return { allowed: false, status: 421, message: 'the Host header does not name this server' };
  if (method !== 'GET' && method !== 'POST')
    return { allowed: false, status: 405, message: `the method ${method} is not supported` };
  const isApi = path === '/api' || path.startsWith('/api/');
  if (!isApi) return { allowed: true, bearer: undefined };
  const site = single(headers['sec-fetch-site']);
  if (site !== undefined && site !== 'same-origin')
    return { allowed: false, status: 403, message: 'the request comes from another site' };
  const origin = single(headers['origin']);
  if (origin !== undefined && !isOwnOrigin(origin, host))
    return { allowed: false, status: 403, message: 'the request comes from another origin' };
  // Browsers send an Origin header with every POST request. Without this header, the server cannot check the sender.
  if (method === 'POST' && origin === undefined)
    return { allowed: false, status: 403, message: 'a POST request needs an Origin header' };
  if (path === sessionPath) return { allowed: true, bearer: undefined };
  const bearer = /^Bearer ([\x21-\x7e]+)$/.exec(single(headers['authorization']) ?? '')?.[1];
  if (bearer === undefined || (access.mode === 'local' && !access.isSession(bearer)))
    return { allowed: false, status: 401, message: 'the session is unknown or has ended' };
  return { allowed: true, bearer };
}

/**
 * Keys of sessions, and the one-time token that starts a session.
 * @param secret returns a new secret of at least 128 random bits, in URL-safe characters
 */
export function createSessions(secret: () => string) {
  let token = secret();
  const keys = new Set<string>();
  return {
    /** Token for the next link to the console. Each successful `exchange` replaces the token. */
    token: (): string => token,
    /** Returns a session key for the current token, and undefined for any other token. */
    exchange: (given: string): string | undefined => {
      if (!equals(given, token)) return undefined;
      token = secret();
      const key = secret();
      keys.add(key);
      return key;
    },
    isSession: (key: string): boolean => [...keys].some((known) => equals(key, known)),
  };
}

/** Compares in constant time. The digests have equal lengths. */
function equals(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** A proxy in front of an in-cluster console may terminate TLS, so only the host can be compared. */
function isOwnOrigin(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`;
}

/** A header that is sent twice is treated as missing. */
function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
