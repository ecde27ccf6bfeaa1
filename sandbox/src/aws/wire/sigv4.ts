/**
 * Verifies AWS Signature Version 4, in the Authorization header or in the query of a presigned URL. A signature that
 * AWS would reject (because of a wrong clock, a wrong region, or a proxy that rewrites headers) must fail here too.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { AuthenticationFailure } from './service.ts';

/** The request exactly as received, because the signature covers the original form of the request. */
export type SignedRequest = {
  readonly method: string;
  /** Path of the request, percent-encoded, without the query. */
  readonly path: string;
  /** Query of the request, percent-encoded, without the question mark. */
  readonly rawQuery: string;
  /** Request headers. Names are in lower case, and multiple values are joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
};

export type Signature = {
  readonly accessKeyId: string;
  /** `YYYYMMDD` */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `YYYYMMDDTHHMMSSZ` */
  readonly timestamp: string;
  readonly sessionToken: string | undefined;
  /** Validity of a presigned request in seconds; undefined if the request is not presigned. */
  readonly expiresIn: number | undefined;
};

export type ParsedSignature =
  | { readonly kind: 'none' }
  | { readonly kind: 'malformed'; readonly message: string }
  | { readonly kind: 'signature'; readonly signature: Signature };

export type SigningKey = {
  readonly key: Uint8Array;
  readonly timestamp: string;
  /** `YYYYMMDD/region/service/aws4_request` */
  readonly scope: string;
  /** The request's own signature, the start of the chain of chunk signatures. */
  readonly seed: string;
};

export type VerifiedSignature =
  | { readonly ok: true; readonly signingKey: SigningKey }
  | { readonly ok: false; readonly failure: AuthenticationFailure };

const algorithm = 'AWS4-HMAC-SHA256';
const maxSkewMs = 15 * 60 * 1000;
/** Maximum validity of a presigned request in seconds: seven days. */
const maxExpiresIn = 604_800;

export const sha256Hex = (data: string | Uint8Array): string =>
  createHash('sha256').update(data).digest('hex');

export const hmac = (key: Uint8Array | string, data: string): Buffer =>
  createHmac('sha256', key).update(data).digest();

export function parseSignature(request: SignedRequest): ParsedSignature {
  const authorization = request.headers['authorization'];
  if (authorization !== undefined) return parseHeader(authorization, request.headers);
  const query = new URLSearchParams(request.rawQuery);
  return query.has('X-Amz-Algorithm') ? parsePresigned(query) : { kind: 'none' };
}

function parseHeader(authorization: string, headers: SignedRequest['headers']): ParsedSignature {
  const malformed = (message: string): ParsedSignature => ({ kind: 'malformed', message });
  if (!authorization.startsWith(`${algorithm} `)) {
    return malformed(
      `Unsupported Authorization type or algorithm; the only one that is supported is ${algorithm}`,
    );
  }
  const parts: Record<string, string> = {};
  for (const part of authorization.slice(algorithm.length + 1).split(',')) {
    const equals = part.indexOf('=');
    if (equals > 0) parts[part.slice(0, equals).trim()] = part.slice(equals + 1).trim();
  }
  const missing = ['Credential', 'Signature', 'SignedHeaders'].filter((name) => !parts[name]);
  if (missing.length > 0) {
    return malformed(
      missing.map((name) => `Authorization header requires '${name}' parameter.`).join(' ') +
        ` Authorization=${algorithm}`,
    );
  }
  const timestamp = headers['x-amz-date'];
  if (timestamp === undefined) {
    return malformed(
      `Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=${algorithm}`,
    );
  }
  return build({
    credential: parts['Credential'] ?? '',
    signedHeaders: parts['SignedHeaders'] ?? '',
    signature: parts['Signature'] ?? '',
    timestamp,
    sessionToken: headers['x-amz-security-token'],
    expiresIn: undefined,
  });
}

function parsePresigned(query: URLSearchParams): ParsedSignature {
  if (query.get('X-Amz-Algorithm') !== algorithm) {
    return {
      kind: 'malformed',
      message: `X-Amz-Algorithm only supports "${algorithm}"`,
    };
  }
  const expiresIn = Number(query.get('X-Amz-Expires') ?? '900');
  if (!Number.isInteger(expiresIn) || expiresIn < 0 || expiresIn > maxExpiresIn) {
    return { kind: 'malformed', message: 'X-Amz-Expires must be a number of seconds, at most 604800' };
  }
  return build({
    credential: query.get('X-Amz-Credential') ?? '',
    signedHeaders: query.get('X-Amz-SignedHeaders') ?? '',
    signature: query.get('X-Amz-Signature') ?? '',
    timestamp: query.get('X-Amz-Date') ?? '',
    sessionToken: query.get('X-Amz-Security-Token') ?? undefined,
    expiresIn,
  });
}

function build(given: {
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
  readonly timestamp: string;
  readonly sessionToken: string | undefined;
  readonly expiresIn: number | undefined;
}): ParsedSignature {
  const malformed = (message: string): ParsedSignature => ({ kind: 'malformed', message });
  const scope = given.credential.split('/');
  const [accessKeyId, date, region, service, terminator] = scope;
  if (scope.length !== 5 || !accessKeyId || !date || !region || !service) {
    return malformed(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${given.credential}'`,
    );
  }
  if (terminator !== 'aws4_request') {
    return malformed(
      `Credential should be scoped with a valid terminator: 'aws4_request', not '${terminator}'.`,
    );
  }
  if (!/^\d{8}T\d{6}Z$/.test(given.timestamp)) {
    return malformed(
      `Date must be in ISO-8601 'basic format'. Got '${given.timestamp}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    );
  }
  if (given.timestamp.slice(0, 8) !== date) {
    return malformed(
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${date}' != '${given.timestamp.slice(0, 8)}', from '${given.timestamp}'.`,
    );
  }
  const signedHeaders = given.signedHeaders.split(';');
  if (!signedHeaders.includes('host')) {
    return malformed(`'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.`);
  }
  return {
    kind: 'signature',
    signature: {
      accessKeyId,
      date,
      region,
      service,
      signedHeaders,
      signature: given.signature,
      timestamp: given.timestamp,
      sessionToken: given.sessionToken,
      expiresIn: given.expiresIn,
    },
  };
}

/**
 * Verifies the signature and its timestamp. Uses the payload hash that the request states; payload.ts compares the body
 * with this hash.
 */
export function verifySignature(
  request: SignedRequest,
  signature: Signature,
  secretAccessKey: string,
  now: number,
): VerifiedSignature {
  const failed = (failure: AuthenticationFailure): VerifiedSignature => ({ ok: false, failure });
  const skew = clockFault(signature, now);
  if (skew !== undefined) {
    return failed({ reason: 'clockSkew', message: skew, requestTime: signature.timestamp });
  }
  if (signature.service === 's3') {
    const unsigned = Object.keys(request.headers).filter(
      (name) => name.startsWith('x-amz-') && !signature.signedHeaders.includes(name),
    );
    if (unsigned.length > 0) return failed({ reason: 'unsignedHeaders', headers: unsigned });
  }

  const scope = `${signature.date}/${signature.region}/${signature.service}/aws4_request`;
  const key = deriveKey(secretAccessKey, signature);
  const stringToSign = [
    algorithm,
    signature.timestamp,
    scope,
    sha256Hex(canonicalRequest(request, signature)),
  ].join('\n');
  if (!sameSignature(hmac(key, stringToSign).toString('hex'), signature.signature)) {
    return failed({ reason: 'signatureMismatch', accessKeyId: signature.accessKeyId });
  }
  return {
    ok: true,
    signingKey: { key, timestamp: signature.timestamp, scope, seed: signature.signature },
  };
}

export function sameSignature(expected: string, given: string): boolean {
  const left = Buffer.from(expected);
  const right = Buffer.from(given);
  return left.length === right.length && timingSafeEqual(left, right);
}

function clockFault(signature: Signature, now: number): string | undefined {
  const signedAt = parseTimestamp(signature.timestamp);
  if (signature.expiresIn !== undefined) {
    return now > signedAt + signature.expiresIn * 1000
      ? `Signature expired: ${signature.timestamp} is now earlier than ${basicTime(now - signature.expiresIn * 1000)}`
      : undefined;
  }
  if (signedAt < now - maxSkewMs) {
    return `Signature expired: ${signature.timestamp} is now earlier than ${basicTime(now - maxSkewMs)} (${basicTime(now)} - 15 min.)`;
  }
  if (signedAt > now + maxSkewMs) {
    return `Signature not yet current: ${signature.timestamp} is still later than ${basicTime(now + maxSkewMs)} (${basicTime(now)} + 15 min.)`;
  }
  return undefined;
}

const parseTimestamp = (basic: string): number =>
  Date.parse(basic.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

const basicTime = (time: number): string => new Date(time).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');

/** Cache of signing keys by their inputs, because a client signs all requests of a day with the same key. */
const signingKeys = new Map<string, Buffer>();
const mostSigningKeys = 100;

function deriveKey(secretAccessKey: string, { date, region, service }: Signature): Buffer {
  const from = JSON.stringify([secretAccessKey, date, region, service]);
  const known = signingKeys.get(from);
  if (known) return known;
  const dateKey = hmac(`AWS4${secretAccessKey}`, date);
  const key = hmac(hmac(hmac(dateKey, region), service), 'aws4_request');
  if (signingKeys.size >= mostSigningKeys) signingKeys.clear();
  signingKeys.set(from, key);
  return key;
}

function canonicalRequest(request: SignedRequest, signature: Signature): string {
  const headers = signature.signedHeaders
    .map((name) => `${name}:${(request.headers[name] ?? '').trim().replaceAll(/\s+/g, ' ')}\n`)
    .join('');
  return [
    request.method,
    canonicalPath(request.path, signature.service),
    canonicalQuery(request.rawQuery),
    headers,
    signature.signedHeaders.join(';'),
    payloadHash(request, signature),
  ].join('\n');
}

/**
 * Returns the canonical path. S3 uses the path unchanged. All other services normalize the path and encode the result
 * once more.
 */
function canonicalPath(path: string, service: string): string {
  if (service === 's3')
    return path
      .split('/')
      .map((segment) => encode(decode(segment)))
      .join('/');
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  const trailing = path.endsWith('/') && kept.length > 0 ? '/' : '';
  return `/${kept.map(encode).join('/')}${trailing}`;
}

function canonicalQuery(rawQuery: string): string {
  if (rawQuery === '') return '';
  return rawQuery
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      const name = equals < 0 ? pair : pair.slice(0, equals);
      const value = equals < 0 ? '' : pair.slice(equals + 1);
      return [encode(decode(name)), encode(decode(value))] as const;
    })
    .filter(([name]) => name !== 'X-Amz-Signature')
    .sort(([left, leftValue], [right, rightValue]) => compare(left, right) || compare(leftValue, rightValue))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function payloadHash(request: SignedRequest, signature: Signature): string {
  const stated = request.headers['x-amz-content-sha256'];
  if (stated !== undefined) return stated;
  if (signature.expiresIn !== undefined && signature.service === 's3') return 'UNSIGNED-PAYLOAD';
  return sha256Hex(request.body);
}

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

/** Percent-encodes all characters except the unreserved ones (RFC 3986). */
const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
