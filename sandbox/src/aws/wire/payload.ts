/**
 * Verifies that the received body is the body that was signed, and removes the `aws-chunked` framing of the body. Stock
 * S3 clients send chunks with a trailing checksum. Whether the chunks are signed depends on client and transport.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
import type { AuthenticationFailure } from './service.ts';
import type { SignedRequest, SigningKey } from './sigv4.ts';
import { hmac, sameSignature, sha256Hex } from './sigv4.ts';

export type Payload =
  | {
      readonly ok: true;
      readonly body: Uint8Array;
      readonly trailers: Readonly<Record<string, string>>;
    }
  | { readonly ok: false; readonly failure: AuthenticationFailure };

const hexDigest = /^[0-9a-f]{64}$/;
const emptyHash = sha256Hex('');

/**
 * Returns the payload. A request is unsigned if `signingKey` is undefined: the framing of the chunks is then removed
 * without verification.
 */
export function readPayload(request: SignedRequest, signingKey: SigningKey | undefined): Payload {
  const stated = request.headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD';
  const plain: Payload = { ok: true, body: request.body, trailers: {} };
  switch (stated) {
    case 'UNSIGNED-PAYLOAD':
      return plain;
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return signingKey === undefined
        ? refused('The payload is signed in chunks, but the request is not signed')
        : unframe(request, signingKey);
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return unframe(request, undefined);
    default:
      if (!hexDigest.test(stated)) {
        return refused(
          'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-UNSIGNED-PAYLOAD-TRAILER or a valid sha256 value.',
        );
      }
      return sha256Hex(request.body) === stated
        ? plain
        : refused("The provided 'x-amz-content-sha256' header does not match what was computed.");
  }
}

const refused = (message: string): Payload => ({
  ok: false,
  failure: { reason: 'payloadHashMismatch', message },
});

type Chunk = { readonly data: Buffer; readonly signature: string | undefined };

function unframe(request: SignedRequest, signingKey: SigningKey | undefined): Payload {
  const frames = parseFrames(
    Buffer.from(request.body.buffer, request.body.byteOffset, request.body.byteLength),
  );
  if (frames === undefined) return refused('The aws-chunked framing of the payload is malformed');
  const body = Buffer.concat(frames.chunks.map((chunk) => chunk.data));
  const decodedLength = request.headers['x-amz-decoded-content-length'];
  if (decodedLength !== undefined && Number(decodedLength) !== body.length) {
    return refused(
      'You did not provide the number of bytes specified by the x-amz-decoded-content-length header',
    );
  }
  const { 'x-amz-trailer-signature': trailerSignature, ...trailers } = frames.trailers;
  if (signingKey !== undefined) {
    const chained = verifyChunks(frames.chunks, signingKey);
    if (chained === undefined) return refused('The signature of a chunk does not match');
    const needsTrailer = Object.keys(trailers).length > 0 || trailerSignature !== undefined;
    if (needsTrailer && !verifyTrailers(trailers, trailerSignature, chained, signingKey)) {
      return refused('The signature of the trailing headers does not match');
    }
  }
  return { ok: true, body, trailers };
}

function parseFrames(
  raw: Buffer,
): { chunks: readonly Chunk[]; trailers: Record<string, string> } | undefined {
  const chunks: Chunk[] = [];
  let offset = 0;
  for (;;) {
    const lineEnd = raw.indexOf('\r\n', offset);
    if (lineEnd < 0) return undefined;
    const [sizeText = '', ...extensions] = raw.toString('latin1', offset, lineEnd).split(';');
    if (!/^[0-9a-fA-F]{1,8}$/.test(sizeText.trim())) return undefined;
    const size = Number.parseInt(sizeText, 16);
    const start = lineEnd + 2;
    if (start + size > raw.length) return undefined;
    const signature = extensions
      .map((extension) => extension.trim())
      .find((extension) => extension.startsWith('chunk-signature='))
      ?.slice('chunk-signature='.length);
    chunks.push({ data: raw.subarray(start, start + size), signature });
    offset = start + size;
    if (size === 0) return { chunks, trailers: parseTrailers(raw.toString('latin1', offset)) };
    if (raw.toString('latin1', offset, offset + 2) !== '\r\n') return undefined;
    offset += 2;
  }
}

function parseTrailers(text: string): Record<string, string> {
  const trailers: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) trailers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  return trailers;
}

/** Returns the last signature of the chunk chain; undefined if a signature in the chain is wrong. */
function verifyChunks(chunks: readonly Chunk[], signingKey: SigningKey): string | undefined {
  let previous = signingKey.seed;
  for (const chunk of chunks) {
    const expected = hmac(
      signingKey.key,
      [
        'AWS4-HMAC-SHA256-PAYLOAD',
        signingKey.timestamp,
        signingKey.scope,
        previous,
        emptyHash,
        sha256Hex(chunk.data),
      ].join('\n'),
    ).toString('hex');
    if (chunk.signature === undefined || !sameSignature(expected, chunk.signature)) return undefined;
    previous = expected;
  }
  return previous;
}

function verifyTrailers(
  trailers: Readonly<Record<string, string>>,
  given: string | undefined,
  previous: string,
  signingKey: SigningKey,
): boolean {
  const canonical = Object.entries(trailers)
    .map(([name, value]) => `${name}:${value}\n`)
    .join('');
  const expected = hmac(
    signingKey.key,
    ['AWS4-HMAC-SHA256-TRAILER', signingKey.timestamp, signingKey.scope, previous, sha256Hex(canonical)].join(
      '\n',
    ),
  ).toString('hex');
  return given !== undefined && sameSignature(expected, given);
}
