/** S3 operations on objects. */
import { createHash } from 'node:crypto';
import { AwsError } from '../wire/service.ts';
import type { ServiceRequest } from '../wire/service.ts';
import type { Answer } from './answer.ts';
import { authoriseS3, refuseS3 } from './authorisation.ts';
import type { S3Call } from './authorisation.ts';
import { computeChecksum, statedChecksum } from './checksums.ts';
import { s3Error } from './errors.ts';
import { checkReadConditions, checkWriteConditions } from './preconditions.ts';
import { decode } from './route.ts';
import type { Bucket, BucketStore, StoredObject } from './store.ts';
import { renderDocument } from './xml.ts';

const maxKeyBytes = 1024;
/** Headers that are stored with an object and returned with it. */
const systemHeaders = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
  'x-amz-website-redirect-location',
];
/** Headers of features that the emulator does not support. */
const unsupported = [
  'x-amz-tagging',
  'x-amz-object-lock-mode',
  'x-amz-server-side-encryption-customer-algorithm',
];

export function putObject(call: S3Call, bucket: Bucket, key: string): Answer {
  const { request } = call;
  authoriseS3(call, 's3:PutObject', bucket, { key });
  checkWriteHeaders(request);
  checkKey(key);
  checkDigest(request);
  const checksum = statedChecksum(request.headers, request.trailers);
  if (checksum && computeChecksum(checksum.algorithm, request.body) !== checksum.value) {
    throw s3Error(
      'BadDigest',
      {},
      `The ${checksum.algorithm.toUpperCase()} you specified did not match the calculated checksum.`,
    );
  }
  checkWriteConditions(request.headers, bucket.objects.get(key));
  const object: StoredObject = {
    key,
    body: request.body,
    etag: etagOf(request.body),
    lastModified: wholeSeconds(request.now),
    headers: headersToStore(request.headers),
    checksum: checksum ?? defaultChecksum(request.body),
  };
  bucket.objects.set(key, object);
  return {
    status: 200,
    headers: { etag: object.etag, ...encryption, ...checksumHeaders(object) },
    body: '',
    changed: true,
  };
}

export function copyObject(call: S3Call, store: BucketStore, bucket: Bucket, key: string): Answer {
  const { request } = call;
  const source = readCopySource(request.headers['x-amz-copy-source'] ?? '');
  const from = store.get(source.bucket);
  if (!from) throw s3Error('NoSuchBucket', { BucketName: source.bucket });
  const original = readableObject(call, from, source.key);
  authoriseS3(call, 's3:PutObject', bucket, { key });
  checkWriteHeaders(request);
  checkKey(key);
  checkWriteConditions(request.headers, bucket.objects.get(key));
  const replace = request.headers['x-amz-metadata-directive'] === 'REPLACE';
  if (from === bucket && source.key === key && !replace) {
    throw new AwsError(
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
  }
  const object: StoredObject = {
    ...original,
    key,
    lastModified: wholeSeconds(request.now),
    headers: replace ? headersToStore(request.headers) : original.headers,
  };
  bucket.objects.set(key, object);
  return {
    status: 200,
    headers: { 'content-type': 'application/xml', ...encryption },
    body: renderDocument('CopyObjectResult', {
      LastModified: new Date(object.lastModified).toISOString(),
      ETag: object.etag,
    }),
    changed: true,
  };
}

/** Handles GetObject and HeadObject. The response to HeadObject has no body. */
export function getObject(call: S3Call, bucket: Bucket, key: string): Answer {
  const { request } = call;
  const object = readableObject(call, bucket, key);
  checkReadConditions(request.headers, object);
  const range = readRange(request.headers['range'], object.body.length);
  const part = range ? object.body.subarray(range.first, range.last + 1) : object.body;
  const wantsChecksum = request.headers['x-amz-checksum-mode'] === 'ENABLED' && !range;
  return {
    status: range ? 206 : 200,
    headers: {
      'content-type': 'binary/octet-stream',
      ...object.headers,
      'content-length': String(part.length),
      'accept-ranges': 'bytes',
      'last-modified': new Date(object.lastModified).toUTCString(),
      etag: object.etag,
      ...encryption,
      ...(range ? { 'content-range': `bytes ${range.first}-${range.last}/${object.body.length}` } : {}),
      ...(wantsChecksum ? checksumHeaders(object) : {}),
    },
    body: request.method === 'HEAD' ? '' : part,
    changed: false,
  };
}

/** Deletes an object. Deleting an object that does not exist succeeds, as on S3. */
export function deleteObject(call: S3Call, bucket: Bucket, key: string): Answer {
  authoriseS3(call, 's3:DeleteObject', bucket, { key });
  return { status: 204, headers: {}, body: '', changed: bucket.objects.delete(key) };
}

/**
 * Returns an object for reading. If the object does not exist, callers with permission to list the bucket get
 * NoSuchKey, and other callers get AccessDenied.
 */
function readableObject(call: S3Call, bucket: Bucket, key: string): StoredObject {
  authoriseS3(call, 's3:GetObject', bucket, { key });
  const object = bucket.objects.get(key);
  if (object) return object;
  const message = refuseS3(call, 's3:ListBucket', bucket);
  throw message === undefined ? s3Error('NoSuchKey', { Key: key }) : s3Error('AccessDenied', {}, message);
}

function checkKey(key: string): void {
  const size = Buffer.byteLength(key);
  if (size > maxKeyBytes)
    throw s3Error('KeyTooLongError', { Size: String(size), MaxSizeAllowed: String(maxKeyBytes) });
}

function checkWriteHeaders({ headers }: ServiceRequest): void {
  const acl = headers['x-amz-acl'];
  if (acl !== undefined && acl !== 'private' && acl !== 'bucket-owner-full-control')
    throw s3Error('AccessControlListNotSupported');
  const storageClass = headers['x-amz-storage-class'] ?? 'STANDARD';
  if (storageClass !== 'STANDARD') throw s3Error('NotImplemented', { Header: 'x-amz-storage-class' });
  const encryptionMethod = headers['x-amz-server-side-encryption'] ?? 'AES256';
  if (encryptionMethod !== 'AES256')
    throw s3Error('NotImplemented', { Header: 'x-amz-server-side-encryption' });
  const found = unsupported.find((name) => headers[name] !== undefined);
  if (found !== undefined) throw s3Error('NotImplemented', { Header: found });
}

function checkDigest({ headers, body }: ServiceRequest): void {
  const stated = headers['content-md5'];
  if (stated === undefined) return;
  if (Buffer.from(stated, 'base64').length !== 16) throw s3Error('InvalidDigest', { 'Content-MD5': stated });
  const calculated = createHash('md5').update(body).digest('base64');
  if (calculated !== stated)
    throw s3Error('BadDigest', { ExpectedDigest: stated, CalculatedDigest: calculated });
}

function headersToStore(headers: ServiceRequest['headers']): Record<string, string> {
  const stored: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (systemHeaders.includes(name) || name.startsWith('x-amz-meta-')) stored[name] = value;
  }
  // `aws-chunked` describes the upload and does not belong to the object.
  const encodings = (stored['content-encoding'] ?? '')
    .split(',')
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== '' && encoding !== 'aws-chunked');
  delete stored['content-encoding'];
  return encodings.length > 0 ? { ...stored, 'content-encoding': encodings.join(',') } : stored;
}

/** Parses `BUCKET/KEY`, percent-encoded, with or without a leading slash. */
function readCopySource(header: string): { bucket: string; key: string } {
  const [path = '', version] = header.split('?');
  const text = decode(path).replace(/^\//, '');
  const slash = text.indexOf('/');
  if (version !== undefined || slash < 1 || slash === text.length - 1)
    throw s3Error(
      'InvalidArgument',
      { ArgumentName: 'x-amz-copy-source', ArgumentValue: header },
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    );
  return { bucket: text.slice(0, slash), key: text.slice(slash + 1) };
}

/** Parses one byte range, with both ends inclusive. Malformed headers and multiple ranges are ignored. */
function readRange(header: string | undefined, size: number): { first: number; last: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || header === undefined) return undefined;
  const [, from = '', to = ''] = match;
  if (from === '' && to === '') return undefined;
  const first = from === '' ? Math.max(size - Number(to), 0) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (from !== '' && to !== '' && Number(to) < Number(from)) return undefined;
  if (first >= size || (from === '' && Number(to) === 0))
    throw s3Error('InvalidRange', { RangeRequested: header, ActualObjectSize: String(size) });
  return { first, last };
}

const etagOf = (body: Uint8Array): string => `"${createHash('md5').update(body).digest('hex')}"`;
const wholeSeconds = (time: number): number => Math.floor(time / 1000) * 1000;
/** Response headers that report the encryption. S3 encrypts every object. */
const encryption = { 'x-amz-server-side-encryption': 'AES256' };

/** Returns the checksum that S3 computes for an upload without a checksum. */
function defaultChecksum(body: Uint8Array): StoredObject['checksum'] {
  const value = computeChecksum('crc64nvme', body);
  return value === undefined ? undefined : { algorithm: 'crc64nvme', value };
}

function checksumHeaders({ checksum }: StoredObject): Record<string, string> {
  if (!checksum) return {};
  return {
    [`x-amz-checksum-${checksum.algorithm}`]: checksum.value,
    'x-amz-checksum-type': 'FULL_OBJECT',
  };
}
