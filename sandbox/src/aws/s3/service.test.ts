import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parsePolicyDocument } from '../../../../src/policy/document.ts';
import type { PolicySource } from '../../../../src/policy/model.ts';
import { readPayload } from '../wire/payload.ts';
import type { Authentication, Caller, Service, ServiceRequest } from '../wire/service.ts';
import { createS3Service } from './service.ts';

/**
 * Callers, keyed by access key. The tests call S3 over HTTP with the unmodified AWS SDK. The access key alone
 * identifies the caller, because the tests of the emulator's HTTP server cover signatures.
 */
const callers = new Map<string, Caller>();
let service: Service;
let server: Server;
let now = Date.parse('2026-01-31T12:00:00.500Z');

beforeAll(async () => {
  server = createServer((incoming, outgoing) => {
    void answer(incoming, outgoing);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
});
afterAll(() => {
  server.close();
});
beforeEach(() => {
  service = createS3Service({ partition: 'aws' });
  callers.clear();
  now = Date.parse('2026-01-31T12:00:00.500Z');
});

async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { status, headers, body } = await respond(incoming);
  outgoing.writeHead(status, { ...headers });
  outgoing.end(body);
}

async function respond(incoming: IncomingMessage): ReturnType<Service> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
  );
  const [path = '/', rawQuery = ''] = (incoming.url ?? '/').split('?');
  const method = incoming.method ?? 'GET';
  const payload = readPayload({ method, path, rawQuery, headers, body: Buffer.concat(chunks) }, undefined);
  const accessKeyId = /Credential=([^/]+)\/\d+\/([^/]+)\//.exec(headers['authorization'] ?? '');
  const caller = callers.get(accessKeyId?.[1] ?? '');
  const authentication: Authentication = !payload.ok
    ? { kind: 'failed', failure: payload.failure }
    : caller
      ? { kind: 'authenticated', caller, accessKeyId: accessKeyId?.[1] ?? '' }
      : { kind: 'anonymous' };
  const request: ServiceRequest = {
    requestId: 'REQUEST',
    now,
    method,
    path,
    query: new URLSearchParams(rawQuery),
    headers,
    body: payload.ok ? payload.body : new Uint8Array(),
    trailers: payload.ok ? payload.trailers : {},
    region: accessKeyId?.[2] ?? 'us-east-1',
    authentication,
    context: {},
    admit: async () => {},
  };
  return service(request);
}

type Statement = Record<string, unknown>;

function source(statement: Statement | Statement[]): PolicySource {
  const parsed = parsePolicyDocument(
    JSON.stringify({ Version: '2012-10-17', Statement: statement }),
    'identity',
  );
  if (!parsed.ok) throw new Error(parsed.message);
  return { id: 'p', document: parsed.document };
}

/** Creates a stock client for a user with these permissions. */
function client(
  name: string,
  statements: Statement[],
  options: { accountId?: string; region?: string; session?: Statement[] } = {},
): S3Client {
  const { accountId = '111122223333', region = 'us-east-1', session } = options;
  const arn = `arn:aws:iam::${accountId}:user/${name}`;
  callers.set(name, {
    kind: 'user',
    principalArn: arn,
    identityArn: arn,
    userId: 'AIDAEXAMPLE',
    accountId,
    policies: statements.length > 0 ? [source(statements)] : [],
    sessionPolicies: session && [source(session)],
    context: {},
  });
  const { port } = server.address() as AddressInfo;
  return new S3Client({
    endpoint: `http://127.0.0.1:${port}`,
    region,
    credentials: { accessKeyId: name, secretAccessKey: 'secret' },
    maxAttempts: 1,
  });
}
const everything: Statement[] = [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }];
const admin = (): S3Client => client('admin', everything);

/** Returns the parts of an error that a client can rely on. */
async function failureOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return { succeeded: await call };
  } catch (error) {
    const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    return { name, message, status: $metadata?.httpStatusCode };
  }
}

async function withBucket(name = 'photos'): Promise<S3Client> {
  const s3 = admin();
  await s3.send(new CreateBucketCommand({ Bucket: name }));
  return s3;
}

describe('buckets', () => {
  test('are created, listed, located and deleted', async () => {
    const s3 = await withBucket();
    await s3.send(new CreateBucketCommand({ Bucket: 'archive' }));
    const { Buckets, Owner } = await s3.send(new ListBucketsCommand());
    expect(Buckets).toEqual([
      { Name: 'archive', BucketRegion: 'us-east-1', CreationDate: new Date('2026-01-31T12:00:00Z') },
      { Name: 'photos', BucketRegion: 'us-east-1', CreationDate: new Date('2026-01-31T12:00:00Z') },
    ]);
    expect(Owner?.ID).toMatch(/^[0-9a-f]{64}$/);
    expect(await s3.send(new HeadBucketCommand({ Bucket: 'photos' }))).toMatchObject({
      BucketRegion: 'us-east-1',
    });
    expect(
      (await s3.send(new GetBucketLocationCommand({ Bucket: 'photos' }))).LocationConstraint,
    ).toBeFalsy();
    await s3.send(new DeleteBucketCommand({ Bucket: 'photos' }));
    expect(await failureOf(s3.send(new HeadBucketCommand({ Bucket: 'photos' })))).toMatchObject({
      name: 'NotFound',
      status: 404,
    });
  });

  test('are listed in pages', async () => {
    const s3 = await withBucket('b-1');
    for (const name of ['b-2', 'b-3', 'c-1']) await s3.send(new CreateBucketCommand({ Bucket: name }));
    const first = await s3.send(new ListBucketsCommand({ MaxBuckets: 2, Prefix: 'b-' }));
    expect(first.Buckets?.map(({ Name }) => Name)).toEqual(['b-1', 'b-2']);
    const second = await s3.send(
      new ListBucketsCommand({ MaxBuckets: 2, Prefix: 'b-', ContinuationToken: first.ContinuationToken }),
    );
    expect(second.Buckets?.map(({ Name }) => Name)).toEqual(['b-3']);
    expect(second.ContinuationToken).toBeUndefined();
  });

  test.each(['ab', 'Upper', '192.168.5.4', 'a..b', 'xn--a', 'under_score', 'a-s3alias'])(
    'cannot be named %s',
    async (name) => {
      expect(await failureOf(admin().send(new CreateBucketCommand({ Bucket: name })))).toEqual({
        name: 'InvalidBucketName',
        message: 'The specified bucket is not valid.',
        status: 400,
      });
    },
  );

  test('have globally unique names', async () => {
    await withBucket();
    const other = client('other', everything, { accountId: '444455556666' });
    expect(await failureOf(other.send(new CreateBucketCommand({ Bucket: 'photos' })))).toMatchObject({
      name: 'BucketAlreadyExists',
      status: 409,
    });
    // In us-east-1, creating an existing bucket again returns 200 to its owner:
    // https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
    await admin().send(new CreateBucketCommand({ Bucket: 'photos' }));
    const far = client('far', everything, { region: 'eu-west-1' });
    await far.send(new CreateBucketCommand({ Bucket: 'far-photos' }));
    expect(await failureOf(far.send(new CreateBucketCommand({ Bucket: 'far-photos' })))).toMatchObject({
      name: 'BucketAlreadyOwnedByYou',
      status: 409,
    });
  });

  test('belong to a region and are reachable only in that region', async () => {
    const far = client('far', everything, { region: 'eu-west-1' });
    await far.send(new CreateBucketCommand({ Bucket: 'far-photos' }));
    expect(await far.send(new GetBucketLocationCommand({ Bucket: 'far-photos' }))).toMatchObject({
      LocationConstraint: 'eu-west-1',
    });
    expect(await failureOf(admin().send(new ListObjectsV2Command({ Bucket: 'far-photos' })))).toEqual({
      name: 'AuthorizationHeaderMalformed',
      message:
        "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'",
      status: 400,
    });
    const wrong = new CreateBucketCommand({
      Bucket: 'b-1',
      CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' },
    });
    expect(await failureOf(far.send(wrong))).toMatchObject({ name: 'IllegalLocationConstraintException' });
  });

  test('are deleted only when empty', async () => {
    const s3 = await withBucket();
    await s3.send(new PutObjectCommand({ Bucket: 'photos', Key: 'a', Body: 'x' }));
    expect(await failureOf(s3.send(new DeleteBucketCommand({ Bucket: 'photos' })))).toMatchObject({
      name: 'BucketNotEmpty',
      status: 409,
    });
  });

  test('that do not exist are reported as missing to every caller', async () => {
    const nobody = client('nobody', []);
    expect(await failureOf(nobody.send(new ListObjectsV2Command({ Bucket: 'nowhere' })))).toEqual({
      name: 'NoSuchBucket',
      message: 'The specified bucket does not exist',
      status: 404,
    });
  });

  test('support no subresources', async () => {
    const s3 = await withBucket();
    const upload = new CreateMultipartUploadCommand({ Bucket: 'photos', Key: 'k' });
    expect(await failureOf(s3.send(upload))).toEqual({
      name: 'NotImplemented',
      message: 'The AWS emulator does not support the S3 query parameter "uploads"',
      status: 501,
    });
    expect(await failureOf(s3.send(new GetBucketVersioningCommand({ Bucket: 'photos' })))).toMatchObject({
      name: 'NotImplemented',
      status: 501,
    });
  });
});

describe('objects', () => {
  test('are returned as they were uploaded', async () => {
    const s3 = await withBucket();
    const put = await s3.send(
      new PutObjectCommand({
        Bucket: 'photos',
        Key: 'a b/ü&<>+%.txt',
        Body: 'hello',
        ContentType: 'text/plain',
        CacheControl: 'no-cache',
        Metadata: { colour: 'red' },
      }),
    );
    expect(put).toMatchObject({
      ETag: '"5d41402abc4b2a76b9719d911017c592"',
      ServerSideEncryption: 'AES256',
      ChecksumCRC32: 'NhCmhg==',
    });
    const got = await s3.send(new GetObjectCommand({ Bucket: 'photos', Key: 'a b/ü&<>+%.txt' }));
    expect(await got.Body?.transformToString()).toBe('hello');
    expect(got).toMatchObject({
      ContentType: 'text/plain',
      CacheControl: 'no-cache',
      ContentLength: 5,
      ETag: put.ETag,
      LastModified: new Date('2026-01-31T12:00:00Z'),
      Metadata: { colour: 'red' },
    });
    expect(got.ContentEncoding).toBeUndefined();
    expect(await s3.send(new HeadObjectCommand({ Bucket: 'photos', Key: 'a b/ü&<>+%.txt' }))).toMatchObject({
      ContentLength: 5,
      ContentType: 'text/plain',
    });
  });

  test.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)(
    'are verified against a %s',
    async (algorithm) => {
      const s3 = await withBucket();
      const value = {
        CRC32: 'y/Q5Jg==',
        CRC32C: '4waSgw==',
        CRC64NVME: 'rosUhgp5mIg=',
        SHA1: '98O8HYCOBHMq32eZZczDTKeuNEE=',
        SHA256: 'FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=',
      }[algorithm];
      const put = (checksum: string): Promise<unknown> =>
        s3.send(
          new PutObjectCommand({
            Bucket: 'photos',
            Key: 'check',
            Body: '123456789',
            [`Checksum${algorithm}`]: checksum,
          }),
        );
      expect(await put(value)).toMatchObject({ [`Checksum${algorithm}`]: value });
      const broken = Buffer.from(value, 'base64').fill(0).toString('base64');
      expect(await failureOf(put(broken))).toEqual({
        name: 'BadDigest',
        message: `The ${algorithm} you specified did not match the calculated checksum.`,
        status: 400,
      });
    },
  );

  test('are verified against Content-MD5', async () => {
    const s3 = await withBucket();
    const put = (ContentMD5: string): Promise<unknown> =>
      s3.send(new PutObjectCommand({ Bucket: 'photos', Key: 'k', Body: 'hello', ContentMD5 }));
    expect(await put('XUFAKrxLKna5cZ2REBfFkg==')).toMatchObject({ ETag: expect.any(String) });
    expect(await failureOf(put('AAAAAAAAAAAAAAAAAAAAAA=='))).toMatchObject({ name: 'BadDigest' });
    expect(await failureOf(put('AAAA'))).toMatchObject({ name: 'InvalidDigest' });
  });

  test('can be read in ranges', async () => {
    const s3 = await withBucket();
    await s3.send(new PutObjectCommand({ Bucket: 'photos', Key: 'k', Body: '0123456789' }));
    const read = async (Range: string): Promise<unknown> => {
      const got = await s3.send(new GetObjectCommand({ Bucket: 'photos', Key: 'k', Range }));
      return [await got.Body?.transformToString(), got.ContentRange];
    };
    expect(await read('bytes=2-4')).toEqual(['234', 'bytes 2-4/10']);
    expect(await read('bytes=7-')).toEqual(['789', 'bytes 7-9/10']);
    expect(await read('bytes=-3')).toEqual(['789', 'bytes 7-9/10']);
    expect(await read('bytes=8-99')).toEqual(['89', 'bytes 8-9/10']);
    expect(await read('lines=1-2')).toEqual(['0123456789', undefined]);
    expect(await failureOf(read('bytes=10-'))).toMatchObject({ name: 'InvalidRange', status: 416 });
  });

  test('can be read and written conditionally', async () => {
    const s3 = await withBucket();
    const key = { Bucket: 'photos', Key: 'k' };
    const { ETag } = await s3.send(new PutObjectCommand({ ...key, Body: 'x', IfNoneMatch: '*' }));
    expect(
      await failureOf(s3.send(new PutObjectCommand({ ...key, Body: 'y', IfNoneMatch: '*' }))),
    ).toMatchObject({ name: 'PreconditionFailed', status: 412 });
    await s3.send(new PutObjectCommand({ ...key, Body: 'x', IfMatch: ETag }));
    expect(await failureOf(s3.send(new GetObjectCommand({ ...key, IfNoneMatch: ETag })))).toMatchObject({
      status: 304,
    });
    expect(await failureOf(s3.send(new GetObjectCommand({ ...key, IfMatch: '"other"' })))).toMatchObject({
      name: 'PreconditionFailed',
    });
    const later = new Date(now + 60_000);
    expect(await failureOf(s3.send(new GetObjectCommand({ ...key, IfModifiedSince: later })))).toMatchObject({
      status: 304,
    });
  });

  test('that do not exist are reported as missing only to callers with permission to list the bucket', async () => {
    const s3 = await withBucket();
    expect(await failureOf(s3.send(new GetObjectCommand({ Bucket: 'photos', Key: 'k' })))).toEqual({
      name: 'NoSuchKey',
      message: 'The specified key does not exist.',
      status: 404,
    });
    const reader = client('reader', [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }]);
    expect(await failureOf(reader.send(new GetObjectCommand({ Bucket: 'photos', Key: 'k' })))).toEqual({
      name: 'AccessDenied',
      message:
        'User: arn:aws:iam::111122223333:user/reader is not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::photos" because no identity-based policy allows the s3:ListBucket action',
      status: 403,
    });
  });

  test('are deleted one by one and in batches', async () => {
    const s3 = await withBucket();
    for (const Key of ['a', ' b ', 'c&d'])
      await s3.send(new PutObjectCommand({ Bucket: 'photos', Key, Body: 'x' }));
    await s3.send(new DeleteObjectCommand({ Bucket: 'photos', Key: 'a' }));
    await s3.send(new DeleteObjectCommand({ Bucket: 'photos', Key: 'never-there' }));
    const { Deleted } = await s3.send(
      new DeleteObjectsCommand({
        Bucket: 'photos',
        Delete: { Objects: [{ Key: ' b ' }, { Key: 'c&d' }, { Key: 'never-there' }] },
      }),
    );
    expect(Deleted?.map(({ Key }) => Key)).toEqual([' b ', 'c&d', 'never-there']);
    expect((await s3.send(new ListObjectsV2Command({ Bucket: 'photos' }))).KeyCount).toBe(0);
  });

  test('are copied with or without their metadata', async () => {
    const s3 = await withBucket();
    await s3.send(
      new PutObjectCommand({ Bucket: 'photos', Key: 'a b', Body: 'x', Metadata: { colour: 'red' } }),
    );
    await s3.send(new CopyObjectCommand({ Bucket: 'photos', Key: 'copy', CopySource: 'photos/a%20b' }));
    expect(await s3.send(new HeadObjectCommand({ Bucket: 'photos', Key: 'copy' }))).toMatchObject({
      Metadata: { colour: 'red' },
    });
    const replace = { MetadataDirective: 'REPLACE', Metadata: { colour: 'blue' } } as const;
    await s3.send(
      new CopyObjectCommand({ Bucket: 'photos', Key: 'copy', CopySource: 'photos/copy', ...replace }),
    );
    expect(await s3.send(new HeadObjectCommand({ Bucket: 'photos', Key: 'copy' }))).toMatchObject({
      Metadata: { colour: 'blue' },
    });
    const onto = new CopyObjectCommand({ Bucket: 'photos', Key: 'copy', CopySource: 'photos/copy' });
    expect(await failureOf(s3.send(onto))).toMatchObject({ name: 'InvalidRequest' });
  });

  test('have keys of at most 1,024 bytes', async () => {
    const s3 = await withBucket();
    await s3.send(new PutObjectCommand({ Bucket: 'photos', Key: 'ü'.repeat(512), Body: 'x' }));
    expect(
      await failureOf(s3.send(new PutObjectCommand({ Bucket: 'photos', Key: 'ü'.repeat(513), Body: 'x' }))),
    ).toMatchObject({ name: 'KeyTooLongError', status: 400 });
  });

  test('support no access control lists', async () => {
    const s3 = await withBucket();
    const put = new PutObjectCommand({ Bucket: 'photos', Key: 'k', Body: 'x', ACL: 'public-read' });
    expect(await failureOf(s3.send(put))).toMatchObject({ name: 'AccessControlListNotSupported' });
  });
});

describe('listings', () => {
  test('group keys at the delimiter and continue at the end of the previous page', async () => {
    const s3 = await withBucket();
    for (const Key of ['a/1', 'a/2', 'b', 'c/1', 'd é+']) {
      await s3.send(new PutObjectCommand({ Bucket: 'photos', Key, Body: 'x' }));
    }
    const pages: unknown[] = [];
    const request = { Bucket: 'photos', Delimiter: '/', MaxKeys: 2, EncodingType: 'url' } as const;
    for await (const page of paginateListObjectsV2({ client: s3 }, request)) {
      pages.push([
        page.CommonPrefixes?.map(({ Prefix }) => Prefix),
        page.Contents?.map(({ Key }) => Key),
        page.IsTruncated,
      ]);
    }
    expect(pages).toEqual([
      [['a/'], ['b'], true],
      [['c/'], ['d+%C3%A9%2B'], false],
    ]);
  });

  test('continue after a marker in version 1 of the API', async () => {
    const s3 = await withBucket();
    for (const Key of ['a/1', 'a/2', 'b'])
      await s3.send(new PutObjectCommand({ Bucket: 'photos', Key, Body: 'x' }));
    const first = await s3.send(new ListObjectsCommand({ Bucket: 'photos', Delimiter: '/', MaxKeys: 1 }));
    expect(first).toMatchObject({ IsTruncated: true, NextMarker: 'a/', CommonPrefixes: [{ Prefix: 'a/' }] });
    const second = await s3.send(
      new ListObjectsCommand({ Bucket: 'photos', Delimiter: '/', Marker: first.NextMarker }),
    );
    expect(second).toMatchObject({ IsTruncated: false, Contents: [{ Key: 'b' }] });
  });

  test('are refused if their arguments are invalid', async () => {
    const s3 = await withBucket();
    expect(
      await failureOf(s3.send(new ListObjectsV2Command({ Bucket: 'photos', MaxKeys: -1 }))),
    ).toMatchObject({
      name: 'InvalidArgument',
    });
    expect(
      await failureOf(s3.send(new ListObjectsV2Command({ Bucket: 'photos', ContinuationToken: 'x' }))),
    ).toMatchObject({ name: 'InvalidArgument' });
  });
});

describe('permissions', () => {
  const object = { Bucket: 'photos', Key: 'home/ann/a' };
  const calls: Record<string, (s3: S3Client) => Promise<unknown>> = {
    's3:ListAllMyBuckets': (s3) => s3.send(new ListBucketsCommand()),
    's3:CreateBucket': (s3) => s3.send(new CreateBucketCommand({ Bucket: 'new-bucket' })),
    's3:DeleteBucket': (s3) => s3.send(new DeleteBucketCommand({ Bucket: 'photos' })),
    's3:GetBucketLocation': (s3) => s3.send(new GetBucketLocationCommand({ Bucket: 'photos' })),
    's3:ListBucket': (s3) => s3.send(new ListObjectsV2Command({ Bucket: 'photos' })),
    's3:GetObject': (s3) => s3.send(new GetObjectCommand(object)),
    's3:PutObject': (s3) => s3.send(new PutObjectCommand({ ...object, Body: 'y' })),
    's3:DeleteObject': (s3) => s3.send(new DeleteObjectCommand(object)),
  };

  test.each(Object.entries(calls))(
    'are limited to what is needed: the call needs %s and nothing else',
    async (action, call) => {
      const s3 = await withBucket();
      await s3.send(new PutObjectCommand({ ...object, Body: 'x' }));
      const denied = client('denied', [...everything, { Effect: 'Deny', Action: action, Resource: '*' }]);
      expect(await failureOf(call(denied))).toMatchObject({
        name: 'AccessDenied',
        status: 403,
        message: expect.stringContaining(
          `User: arn:aws:iam::111122223333:user/denied is not authorized to perform: ${action}`,
        ),
      });
      expect(await failureOf(call(denied))).toMatchObject({
        message: expect.stringContaining('with an explicit deny in an identity-based policy'),
      });
      const allowed = client('allowed', [{ Effect: 'Allow', Action: action, Resource: '*' }]);
      if (action === 's3:DeleteBucket') await s3.send(new DeleteObjectCommand(object));
      await call(allowed);
    },
  );

  test('that are missing are reported in a message with the resource in quotes', async () => {
    await withBucket();
    const nobody = client('nobody', []);
    expect(await failureOf(nobody.send(new PutObjectCommand({ ...object, Body: 'x' })))).toMatchObject({
      message:
        'User: arn:aws:iam::111122223333:user/nobody is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::photos/home/ann/a" because no identity-based policy allows the s3:PutObject action',
    });
    expect(await failureOf(nobody.send(new ListBucketsCommand()))).toMatchObject({
      message:
        'User: arn:aws:iam::111122223333:user/nobody is not authorized to perform: s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action',
    });
  });

  test('can depend on the prefix of a listing', async () => {
    await withBucket();
    const ann = client('ann', [
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: 'arn:aws:s3:::photos',
        Condition: { StringLike: { 's3:prefix': ['home/ann/*'] } },
      },
    ]);
    await ann.send(new ListObjectsV2Command({ Bucket: 'photos', Prefix: 'home/ann/' }));
    expect(
      await failureOf(ann.send(new ListObjectsV2Command({ Bucket: 'photos', Prefix: 'home/bob/' }))),
    ).toMatchObject({ name: 'AccessDenied' });
    expect(await failureOf(ann.send(new ListObjectsV2Command({ Bucket: 'photos' })))).toMatchObject({
      name: 'AccessDenied',
    });
  });

  test('are restricted by a session policy', async () => {
    await withBucket();
    const narrowed = client('narrowed', everything, {
      session: [{ Effect: 'Allow', Action: 's3:List*', Resource: '*' }],
    });
    await narrowed.send(new ListObjectsV2Command({ Bucket: 'photos' }));
    expect(await failureOf(narrowed.send(new PutObjectCommand({ ...object, Body: 'x' })))).toMatchObject({
      message: expect.stringContaining('because no session policy allows the s3:PutObject action'),
    });
  });

  test('do not extend to buckets of another account', async () => {
    await withBucket();
    const other = client('other', everything, { accountId: '444455556666' });
    expect(await failureOf(other.send(new ListObjectsV2Command({ Bucket: 'photos' })))).toMatchObject({
      message: expect.stringContaining('because no resource-based policy allows the s3:ListBucket action'),
    });
    expect((await other.send(new ListBucketsCommand())).Buckets ?? []).toEqual([]);
  });

  test('are required for both the source and the destination of a copy', async () => {
    const s3 = await withBucket();
    await s3.send(new PutObjectCommand({ ...object, Body: 'x' }));
    const copy = new CopyObjectCommand({ Bucket: 'photos', Key: 'copy', CopySource: 'photos/home/ann/a' });
    const only = (action: string): S3Client =>
      client('only', [{ Effect: 'Allow', Action: action, Resource: '*' }]);
    expect(await failureOf(only('s3:PutObject').send(copy))).toMatchObject({
      message: expect.stringContaining('s3:GetObject'),
    });
    expect(await failureOf(only('s3:GetObject').send(copy))).toMatchObject({
      message: expect.stringContaining('s3:PutObject'),
    });
  });

  test('are checked for each key of a batch deletion', async () => {
    const s3 = await withBucket();
    for (const Key of ['keep', 'drop'])
      await s3.send(new PutObjectCommand({ Bucket: 'photos', Key, Body: 'x' }));
    const some = client('some', [
      { Effect: 'Allow', Action: 's3:DeleteObject', Resource: 'arn:aws:s3:::photos/drop' },
    ]);
    const { Deleted, Errors } = await some.send(
      new DeleteObjectsCommand({ Bucket: 'photos', Delete: { Objects: [{ Key: 'keep' }, { Key: 'drop' }] } }),
    );
    expect(Deleted).toMatchObject([{ Key: 'drop' }]);
    expect(Errors).toMatchObject([{ Key: 'keep', Code: 'AccessDenied' }]);
  });

  test('are not granted to a request without a signature', async () => {
    await withBucket();
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/photos`);
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('<Code>AccessDenied</Code><Message>Access Denied</Message>');
  });
});
