/**
 * Maps a request to its operation. S3 distinguishes operations by method, by the bucket and key in the path (only
 * path-style, because the emulator has one host), and by subresources in the query.
 */
import { AwsError } from '../wire/service.ts';
import { s3Error } from './errors.ts';

export type Operation =
  | { readonly name: 'ListBuckets' }
  | { readonly name: BucketOperationName; readonly bucket: string }
  | { readonly name: ObjectOperationName; readonly bucket: string; readonly key: string };

type BucketOperationName =
  | 'CreateBucket'
  | 'DeleteBucket'
  | 'HeadBucket'
  | 'GetBucketLocation'
  | 'ListObjects'
  | 'ListObjectsV2'
  | 'DeleteObjects';

type ObjectOperationName = 'GetObject' | 'HeadObject' | 'PutObject' | 'CopyObject' | 'DeleteObject';

export type RouteRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
};

/**
 * Query parameters that do not select an operation: options of listings, parameters that SDKs add for logging, and
 * presigned signatures.
 */
const options: Readonly<Record<string, ReadonlySet<string>>> = {
  ListBuckets: new Set(['max-buckets', 'continuation-token', 'prefix', 'bucket-region']),
  ListObjects: new Set(['prefix', 'delimiter', 'marker', 'max-keys', 'encoding-type']),
  ListObjectsV2: new Set([
    'list-type',
    'prefix',
    'delimiter',
    'start-after',
    'continuation-token',
    'max-keys',
    'encoding-type',
    'fetch-owner',
  ]),
  GetBucketLocation: new Set(['location']),
  DeleteObjects: new Set(['delete']),
};

/**
 * @throws NotImplemented for a subresource that the emulator does not support, because ignoring the
 *   subresource would execute a different operation
 */
export function route(request: RouteRequest): Operation {
  const operation = choose(request);
  const allowed = operation instanceof AwsError ? undefined : options[operation.name];
  for (const name of request.query.keys()) {
    if (name === 'x-id' || /^x-amz-/i.test(name) || allowed?.has(name)) continue;
    throw s3Error('NotImplemented', {}, `The AWS emulator does not support the S3 query parameter "${name}"`);
  }
  if (operation instanceof AwsError) throw operation;
  return operation;
}

function choose({ method, path, query, headers }: RouteRequest): Operation | AwsError {
  const slash = path.indexOf('/', 1);
  const bucket = decode(path.slice(1, slash < 0 ? undefined : slash));
  const key = slash < 0 ? '' : decode(path.slice(slash + 1));
  if (bucket === '') {
    if (method === 'GET') return { name: 'ListBuckets' };
    return notAllowed(method, 'SERVICE');
  }
  if (key !== '') {
    const name = objectOperation(method, headers);
    return name === undefined ? notAllowed(method, 'OBJECT') : { name, bucket, key };
  }
  const name = bucketOperation(method, query);
  return name === undefined ? notAllowed(method, 'BUCKET') : { name, bucket };
}

function notAllowed(method: string, resource: string): AwsError {
  return s3Error('MethodNotAllowed', { Method: method, ResourceType: resource });
}

function bucketOperation(method: string, query: URLSearchParams): BucketOperationName | undefined {
  switch (method) {
    case 'GET':
      if (query.has('location')) return 'GetBucketLocation';
      return query.get('list-type') === '2' ? 'ListObjectsV2' : 'ListObjects';
    case 'HEAD':
      return 'HeadBucket';
    case 'PUT':
      return 'CreateBucket';
    case 'DELETE':
      return 'DeleteBucket';
    case 'POST':
      return query.has('delete') ? 'DeleteObjects' : undefined;
    default:
      return undefined;
  }
}

function objectOperation(method: string, headers: RouteRequest['headers']): ObjectOperationName | undefined {
  switch (method) {
    case 'GET':
      return 'GetObject';
    case 'HEAD':
      return 'HeadObject';
    case 'PUT':
      return headers['x-amz-copy-source'] === undefined ? 'PutObject' : 'CopyObject';
    case 'DELETE':
      return 'DeleteObject';
    default:
      return undefined;
  }
}

/**
 * Percent-decodes a key or name.
 * @throws InvalidArgument if the result is not UTF-8
 */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw s3Error('InvalidArgument', {}, "Couldn't parse the specified URI.");
  }
}
