/** S3 operations on buckets. */
import { createHash } from 'node:crypto';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { AwsError } from '../wire/service.ts';
import type { Caller } from '../wire/service.ts';
import type { Answer } from './answer.ts';
import { authoriseListBuckets, authoriseS3, refuseS3 } from './authorisation.ts';
import type { S3Call } from './authorisation.ts';
import { s3Error } from './errors.ts';
import { listPage } from './listing.ts';
import { compareKeys, isBucketName } from './store.ts';
import type { Bucket, BucketStore, StoredObject } from './store.ts';
import { renderDocument } from './xml.ts';

const maxPage = 1000;
const maxBuckets = 10_000;

export function listBuckets(call: S3Call, store: BucketStore): Answer {
  authoriseListBuckets(call);
  const { query } = call.request;
  const region = query.get('bucket-region');
  const own = [...store.values()].filter(
    (bucket) => bucket.accountId === call.caller.accountId && (region === null || bucket.region === region),
  );
  const prefix = query.get('prefix') ?? '';
  const page = listPage(
    own.map(({ name }) => name),
    {
      prefix,
      delimiter: '',
      after: readToken(query.get('continuation-token')),
      limit: readCount(query, 'max-buckets', maxBuckets),
    },
  );
  return xml(
    renderDocument('ListAllMyBucketsResult', {
      Owner: { ID: canonicalId(call.caller) },
      Buckets: {
        Bucket: own
          .filter(({ name }) => page.keys.includes(name))
          .toSorted((left, right) => compareKeys(left.name, right.name))
          .map(({ name, created, region: at }) => ({
            Name: name,
            CreationDate: isoTime(created),
            BucketRegion: at,
          })),
      },
      ContinuationToken: page.next === undefined ? undefined : writeToken(page.next),
      Prefix: prefix === '' ? undefined : prefix,
    }),
  );
}

export function createBucket(call: S3Call, store: BucketStore, name: string): Answer {
  const { request, caller } = call;
  if (!isBucketName(name)) throw s3Error('InvalidBucketName', { BucketName: name });
  const { CreateBucketConfiguration: configuration } = parseXml(request.body);
  const constraint = isRecord(configuration) ? configuration['LocationConstraint'] : undefined;
  const region = checkLocation(typeof constraint === 'string' ? constraint : undefined, request.region);
  authoriseS3(
    call,
    's3:CreateBucket',
    { name, accountId: caller.accountId },
    { context: typeof constraint === 'string' ? { 's3:locationconstraint': constraint } : {} },
  );
  const existing = store.get(name);
  if (existing && existing.accountId !== caller.accountId)
    throw s3Error('BucketAlreadyExists', { BucketName: name });
  const answer = { status: 200, headers: { location: `/${name}` }, body: '' };
  if (existing) {
    // us-east-1 is the only region where an owner can create the same bucket again.
    if (existing.region === 'us-east-1' && region === 'us-east-1') return { ...answer, changed: false };
    throw s3Error('BucketAlreadyOwnedByYou', { BucketName: name });
  }
  store.set(name, { name, accountId: caller.accountId, region, created: request.now, objects: new Map() });
  return { ...answer, changed: true };
}

/**
 * Determines the region of a new bucket. The endpoint in us-east-1 creates buckets in every region. Other endpoints
 * create buckets only in their own region.
 */
function checkLocation(constraint: string | undefined, endpoint: string): string {
  if (constraint === undefined && endpoint === 'us-east-1') return endpoint;
  if (constraint === endpoint && endpoint !== 'us-east-1') return endpoint;
  if (endpoint === 'us-east-1' && constraint !== undefined) {
    if (/^[a-z]{2}(?:-[a-z]+)+-\d$/.test(constraint) && constraint !== 'us-east-1') return constraint;
    throw s3Error('InvalidLocationConstraint', { LocationConstraint: constraint });
  }
  throw new AwsError(
    'IllegalLocationConstraintException',
    `The ${constraint ?? 'unspecified'} location constraint is incompatible for the region specific endpoint this request was sent to.`,
  );
}

export function deleteBucket(call: S3Call, store: BucketStore, bucket: Bucket): Answer {
  authoriseS3(call, 's3:DeleteBucket', bucket);
  if (bucket.objects.size > 0) throw s3Error('BucketNotEmpty', { BucketName: bucket.name });
  store.delete(bucket.name);
  return { status: 204, headers: {}, body: '', changed: true };
}

export function headBucket(call: S3Call, bucket: Bucket): Answer {
  authoriseS3(call, 's3:ListBucket', bucket);
  return {
    status: 200,
    headers: { 'x-amz-bucket-region': bucket.region, 'x-amz-access-point-alias': 'false' },
    body: '',
    changed: false,
  };
}

export function getBucketLocation(call: S3Call, bucket: Bucket): Answer {
  authoriseS3(call, 's3:GetBucketLocation', bucket);
  return xml(renderDocument('LocationConstraint', bucket.region === 'us-east-1' ? '' : bucket.region));
}

/**
 * Lists objects in either version of the API. The versions differ in the parameters for the start of a page and for the
 * next page.
 */
export function listObjects(call: S3Call, bucket: Bucket, version: 1 | 2): Answer {
  const { query } = call.request;
  const text = (name: string): string | undefined => query.get(name) ?? undefined;
  const given = Object.fromEntries(
    ['prefix', 'delimiter', 'max-keys'].flatMap((name) => {
      const value = query.get(name);
      return value === null ? [] : [[`s3:${name}`, value]];
    }),
  );
  authoriseS3(call, 's3:ListBucket', bucket, { context: given });

  const limit = readCount(query, 'max-keys', maxPage);
  const encoding = text('encoding-type');
  if (encoding !== undefined && encoding !== 'url')
    throw s3Error(
      'InvalidArgument',
      { ArgumentName: 'encoding-type', ArgumentValue: encoding },
      'Invalid Encoding Method specified in Request',
    );
  const encode = (value: string): string => (encoding === 'url' ? encodeKey(value) : value);
  const prefix = text('prefix') ?? '';
  const delimiter = text('delimiter') ?? '';
  const token = query.get('continuation-token');
  const after =
    version === 1 ? (text('marker') ?? '') : token === null ? (text('start-after') ?? '') : readToken(token);
  const page = listPage(bucket.objects.keys(), { prefix, delimiter, after, limit });
  const owner =
    version === 1 || text('fetch-owner') === 'true' ? { ID: canonicalId(call.caller) } : undefined;

  return xml(
    renderDocument('ListBucketResult', {
      Name: bucket.name,
      Prefix: encode(prefix),
      Delimiter: delimiter === '' ? undefined : encode(delimiter),
      MaxKeys: limit,
      EncodingType: encoding,
      IsTruncated: page.next !== undefined,
      ...(version === 1
        ? {
            Marker: encode(after),
            NextMarker: delimiter !== '' && page.next !== undefined ? encode(page.next) : undefined,
          }
        : {
            KeyCount: page.keys.length + page.commonPrefixes.length,
            StartAfter: text('start-after') === undefined ? undefined : encode(text('start-after') ?? ''),
            ContinuationToken: token ?? undefined,
            NextContinuationToken: page.next === undefined ? undefined : writeToken(page.next),
          }),
      Contents: page.keys.flatMap((key) => {
        const object = bucket.objects.get(key);
        return object ? [{ Key: encode(key), ...describe(object), Owner: owner }] : [];
      }),
      CommonPrefixes: page.commonPrefixes.map((common) => ({ Prefix: encode(common) })),
    }),
  );
}

function describe(object: StoredObject): Record<string, string | number | undefined> {
  return {
    LastModified: isoTime(object.lastModified),
    ETag: object.etag,
    ChecksumAlgorithm: object.checksum?.algorithm.toUpperCase(),
    ChecksumType: object.checksum && 'FULL_OBJECT',
    Size: object.body.length,
    StorageClass: 'STANDARD',
  };
}

/** Deletes objects. Each key is authorized separately, and the status is 200 even if some deletions were denied. */
export function deleteObjects(call: S3Call, bucket: Bucket): Answer {
  const { Delete: list } = parseXml(call.request.body);
  if (!isRecord(list)) throw s3Error('MalformedXML');
  const objects = [list['Object']].flat().map((entry: unknown) => {
    const key = isRecord(entry) ? entry['Key'] : undefined;
    return typeof key === 'string' && key !== '' ? key : fail();
  });
  if (objects.length > maxPage) throw s3Error('MalformedXML');
  const outcomes = objects.map((key) => {
    const message = refuseS3(call, 's3:DeleteObject', bucket, { key });
    return { key, message, removed: message === undefined && bucket.objects.delete(key) };
  });
  return {
    ...xml(
      renderDocument('DeleteResult', {
        Deleted:
          list['Quiet'] === 'true'
            ? undefined
            : outcomes.filter(({ message }) => message === undefined).map(({ key }) => ({ Key: key })),
        Error: outcomes
          .filter(({ message }) => message !== undefined)
          .map(({ key, message }) => ({ Key: key, Code: 'AccessDenied', Message: message })),
      }),
    ),
    changed: outcomes.some(({ removed }) => removed),
  };
}

function fail(): never {
  throw s3Error('MalformedXML');
}

const parser = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
});

/**
 * Parses the body; an empty body has no elements.
 * @throws MalformedXML when the body is not XML
 */
function parseXml(body: Uint8Array): Readonly<Record<string, unknown>> {
  const text = Buffer.from(body).toString('utf8');
  if (text.trim() === '') return {};
  if (XMLValidator.validate(text) !== true) return fail();
  const parsed: unknown = parser.parse(text);
  return isRecord(parsed) ? parsed : fail();
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads a count from the request, capped at S3's maximum. */
function readCount(query: URLSearchParams, name: string, most: number): number {
  const text = query.get(name);
  if (text === null || text === '') return most;
  if (/^\d{1,10}$/.test(text) && Number(text) <= 2_147_483_647) return Math.min(Number(text), most);
  throw s3Error(
    'InvalidArgument',
    { ArgumentName: name, ArgumentValue: text },
    /^-?\d+$/.test(text)
      ? `Argument ${name} must be an integer between 0 and 2147483647`
      : `Provided ${name} not an integer or within integer range`,
  );
}

const writeToken = (item: string): string => Buffer.from(item).toString('base64');

function readToken(token: string | null): string {
  if (token === null) return '';
  const item = Buffer.from(token, 'base64').toString('utf8');
  if (token === '' || writeToken(item) !== token)
    throw s3Error(
      'InvalidArgument',
      { ArgumentName: 'continuation-token' },
      'The continuation token provided is incorrect',
    );
  return item;
}

/** Encodes keys as S3 does: unreserved characters and slashes are kept, spaces become plus signs. */
function encodeKey(key: string): string {
  return encodeURIComponent(key)
    .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', '/')
    .replaceAll('%20', '+');
}

const xml = (body: string): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body,
  changed: false,
});

const isoTime = (time: number): string => new Date(time).toISOString().replace(/\.\d{3}/, '.000');

/** Canonical user id of the account in S3: 64 hexadecimal digits. */
function canonicalId(caller: Caller): string {
  return createHash('sha256').update(caller.accountId).digest('hex');
}
