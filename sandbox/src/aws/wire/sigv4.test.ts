import { describe, expect, it } from 'vitest';
import { readPayload } from './payload.ts';
import type { SignedRequest } from './sigv4.ts';
import { parseSignature, verifySignature } from './sigv4.ts';

// Examples from https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html,
// sigv4-query-string-auth.html, sigv4-streaming.html and sigv4-streaming-trailers.html.
const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const exampleTime = Date.parse('2013-05-24T00:00:00Z');

const getWithRange: SignedRequest = {
  method: 'GET',
  path: '/test.txt',
  rawQuery: '',
  body: new Uint8Array(),
  headers: {
    host: 'examplebucket.s3.amazonaws.com',
    range: 'bytes=0-9',
    'x-amz-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'x-amz-date': '20130524T000000Z',
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
};

function verify(request: SignedRequest, now = exampleTime, secretAccessKey = secret) {
  const parsed = parseSignature(request);
  if (parsed.kind !== 'signature') throw new Error(`no signature: ${JSON.stringify(parsed)}`);
  return verifySignature(request, parsed.signature, secretAccessKey, now);
}

const reasonOf = (result: ReturnType<typeof verify>): string => (result.ok ? 'ok' : result.failure.reason);

describe('a signature in the Authorization header', () => {
  it("is accepted if it comes from AWS's example", () => {
    expect(verify(getWithRange).ok).toBe(true);
  });

  it('is refused when a signed header, the path, the query or the secret differs', () => {
    const changed: readonly SignedRequest[] = [
      { ...getWithRange, headers: { ...getWithRange.headers, range: 'bytes=1-9' } },
      { ...getWithRange, path: '/other.txt' },
      { ...getWithRange, rawQuery: 'acl' },
      { ...getWithRange, method: 'PUT' },
    ];
    for (const request of changed) expect(reasonOf(verify(request))).toBe('signatureMismatch');
    expect(reasonOf(verify(getWithRange, exampleTime, 'another'))).toBe('signatureMismatch');
  });

  it('is valid from fifteen minutes before its timestamp until fifteen minutes after', () => {
    const minute = 60_000;
    expect(verify(getWithRange, exampleTime + 15 * minute).ok).toBe(true);
    expect(verify(getWithRange, exampleTime - 15 * minute).ok).toBe(true);
    const late = verify(getWithRange, exampleTime + 16 * minute);
    expect(late).toMatchObject({
      ok: false,
      failure: {
        reason: 'clockSkew',
        message:
          'Signature expired: 20130524T000000Z is now earlier than 20130524T000100Z (20130524T001600Z - 15 min.)',
      },
    });
    expect(reasonOf(verify(getWithRange, exampleTime - 16 * minute))).toBe('clockSkew');
  });

  it('must cover every x-amz- header of an S3 request', () => {
    const request = { ...getWithRange, headers: { ...getWithRange.headers, 'x-amz-acl': 'public-read' } };
    expect(verify(request)).toMatchObject({
      ok: false,
      failure: { reason: 'unsignedHeaders', headers: ['x-amz-acl'] },
    });
  });

  it.each([
    ['Bearer abc', /only one that is supported/],
    [
      'AWS4-HMAC-SHA256 Credential=a/20130524/r/s3/aws4_request, SignedHeaders=host',
      /requires 'Signature' parameter/,
    ],
    ['AWS4-HMAC-SHA256 Credential=a/20130524/s3/aws4_request, SignedHeaders=host, Signature=0', /exactly 5/],
    [
      'AWS4-HMAC-SHA256 Credential=a/20130524/r/s3/aws4_request, SignedHeaders=range, Signature=0',
      /must be a 'SignedHeader'/,
    ],
    [
      'AWS4-HMAC-SHA256 Credential=a/20130525/r/s3/aws4_request, SignedHeaders=host, Signature=0',
      /does not match YYYYMMDD/,
    ],
  ])('is reported as malformed: %s', (authorization, message) => {
    const parsed = parseSignature({ ...getWithRange, headers: { ...getWithRange.headers, authorization } });
    expect(parsed).toMatchObject({ kind: 'malformed', message: expect.stringMatching(message) });
  });
});

describe('a signature in a presigned query', () => {
  const presigned: SignedRequest = {
    method: 'GET',
    path: '/test.txt',
    rawQuery:
      'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    body: new Uint8Array(),
    headers: { host: 'examplebucket.s3.amazonaws.com' },
  };

  it("is accepted until it expires, as AWS's example shows", () => {
    const day = 86_400_000;
    expect(verify(presigned, exampleTime + day).ok).toBe(true);
    expect(reasonOf(verify(presigned, exampleTime + day + 1))).toBe('clockSkew');
  });
});

describe('a chunked payload', () => {
  const letters = (count: number): Buffer => Buffer.alloc(count, 'a');
  const frames = (signatures: readonly string[], trailer = ''): Buffer => {
    const data = [letters(65_536), letters(1024), Buffer.alloc(0)];
    return Buffer.concat([
      ...data.flatMap((chunk, index) => [
        Buffer.from(`${chunk.length.toString(16)};chunk-signature=${signatures[index]}\r\n`),
        chunk,
        Buffer.from(chunk.length === 0 ? '' : '\r\n'),
      ]),
      Buffer.from(`${trailer}\r\n`),
    ]);
  };
  const put = (headers: Record<string, string>, body: Buffer): SignedRequest => ({
    method: 'PUT',
    path: '/examplebucket/chunkObject.txt',
    rawQuery: '',
    body,
    headers: {
      host: 's3.amazonaws.com',
      'content-encoding': 'aws-chunked',
      'x-amz-date': '20130524T000000Z',
      'x-amz-decoded-content-length': '66560',
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      ...headers,
    },
  });
  const signed = put(
    {
      'content-length': '66824',
      'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      authorization:
        'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
    },
    frames([
      'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
      '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
      'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
    ]),
  );
  const trailed = put(
    {
      'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
      'x-amz-trailer': 'x-amz-checksum-crc32c',
      authorization:
        'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer,Signature=106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
    },
    frames(
      [
        'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
        '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
        '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
      ],
      'x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n',
    ),
  );

  function payloadOf(request: SignedRequest, body: Uint8Array = request.body) {
    const verified = verify(request);
    if (!verified.ok) throw new Error(verified.failure.reason);
    return readPayload({ ...request, body }, verified.signingKey);
  }

  it("with signed chunks is decoded, and the chain of signatures is verified (AWS's example)", () => {
    expect(payloadOf(signed)).toEqual({ ok: true, body: letters(66_560), trailers: {} });
  });

  it("with a signed trailer is decoded, and the signature of the trailer is verified (AWS's example)", () => {
    expect(payloadOf(trailed)).toEqual({
      ok: true,
      body: letters(66_560),
      trailers: { 'x-amz-checksum-crc32c': 'sOO8/Q==' },
    });
  });

  it.each([
    ['a changed chunk', signed, (text: string) => text.replace('aaaa', 'aaab')],
    ['a changed trailer', trailed, (text: string) => text.replace('sOO8', 'AAAA')],
    [
      'a missing trailer signature',
      trailed,
      (text: string) => text.replace(/x-amz-trailer-signature.*\r\n/, ''),
    ],
    ['a missing last chunk', signed, (text: string) => text.replace(/0;chunk-signature=.*\r\n/, '')],
    [
      'an added chunk',
      signed,
      (text: string) => text.replace('\r\n0;', '\r\n1;chunk-signature=00\r\nb\r\n0;'),
    ],
  ])('with %s is refused', (_name, request, change) => {
    const body = Buffer.from(change(Buffer.from(request.body).toString('latin1')), 'latin1');
    expect(payloadOf(request, body)).toMatchObject({ ok: false, failure: { reason: 'payloadHashMismatch' } });
  });

  it('is refused if the hash of the whole body differs from the stated hash', () => {
    expect(payloadOf(getWithRange, Buffer.from('tampered'))).toMatchObject({ ok: false });
  });

  it('with an unsigned trailer is decoded without a check of chunk signatures', () => {
    const request = put(
      { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'x-amz-decoded-content-length': '5' },
      Buffer.from('5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n'),
    );
    expect(readPayload(request, undefined)).toEqual({
      ok: true,
      body: Buffer.from('hello'),
      trailers: { 'x-amz-checksum-crc32': 'NhCmhg==' },
    });
  });
});
