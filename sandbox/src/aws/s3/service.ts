/**
 * A small S3 with real permissions: the caller's policies decide every call, so an app in the sandbox is allowed and
 * denied the same calls as on AWS. Only path-style addresses are supported. Requests for versions, tags, ACLs, bucket
 * policies and multipart uploads get NotImplemented.
 */
import { AwsError } from '../wire/service.ts';
import type { CallDescription, Service, ServiceRequest, ServiceResponse } from '../wire/service.ts';
import type { Answer } from './answer.ts';
import type { S3Call } from './authorisation.ts';
import {
  createBucket,
  deleteBucket,
  deleteObjects,
  getBucketLocation,
  headBucket,
  listBuckets,
  listObjects,
} from './buckets.ts';
import { authenticationError, errorResponse, requestHeaders, s3Error } from './errors.ts';
import { copyObject, deleteObject, getObject, putObject } from './objects.ts';
import { route } from './route.ts';
import type { Operation } from './route.ts';
import type { Bucket, BucketStore } from './store.ts';

/** @param options `partition` is the partition in the ARNs that are matched against policies */
export function createS3Service({ partition }: { readonly partition: string }): Service {
  const store: BucketStore = new Map();
  return async (request) => {
    try {
      return await answer(request, store, partition);
    } catch (error) {
      if (error instanceof AwsError) return errorResponse(error, request);
      throw error;
    }
  };
}

async function answer(
  request: ServiceRequest,
  store: BucketStore,
  partition: string,
): Promise<ServiceResponse> {
  const operation = tryRoute(request);
  await request.admit(
    operation instanceof AwsError
      ? { action: request.method, resource: '*', parameters: {} }
      : describe(operation, partition, request.query),
  );
  const { authentication } = request;
  if (authentication.kind === 'failed') throw authenticationError(authentication.failure, request.now);
  // Refuses anonymous requests, because the emulator has no public buckets.
  if (authentication.kind === 'anonymous') throw s3Error('AccessDenied');
  if (operation instanceof AwsError) throw operation;
  const call: S3Call = { request, caller: authentication.caller, partition };
  const { status, headers, body, changed } = perform(call, operation, store);
  return {
    status,
    headers: { ...requestHeaders(request), ...headers },
    body,
    outcome: { changed },
  };
}

/**
 * Finds the operation of a request. An unknown operation is returned as an error, so that the service calls `admit` and
 * checks the authentication before it refuses the request.
 */
function tryRoute(request: ServiceRequest): Operation | AwsError {
  try {
    return route(request);
  } catch (error) {
    if (error instanceof AwsError) return error;
    throw error;
  }
}

function perform(call: S3Call, operation: Operation, store: BucketStore): Answer {
  if (operation.name === 'ListBuckets') return listBuckets(call, store);
  if (operation.name === 'CreateBucket') return createBucket(call, store, operation.bucket);
  const bucket = findBucket(store, operation.bucket, call.request.region);
  switch (operation.name) {
    case 'DeleteBucket':
      return deleteBucket(call, store, bucket);
    case 'HeadBucket':
      return headBucket(call, bucket);
    case 'GetBucketLocation':
      return getBucketLocation(call, bucket);
    case 'ListObjects':
      return listObjects(call, bucket, 1);
    case 'ListObjectsV2':
      return listObjects(call, bucket, 2);
    case 'DeleteObjects':
      return deleteObjects(call, bucket);
    case 'GetObject':
    case 'HeadObject':
      return getObject(call, bucket, operation.key);
    case 'PutObject':
      return putObject(call, bucket, operation.key);
    case 'CopyObject':
      return copyObject(call, store, bucket, operation.key);
    case 'DeleteObject':
      return deleteObject(call, bucket, operation.key);
  }
}

/** Reports a missing bucket before authorization, because bucket names are not secret on S3. */
function findBucket(store: BucketStore, name: string, region: string): Bucket {
  const bucket = store.get(name);
  if (!bucket) throw s3Error('NoSuchBucket', { BucketName: name });
  if (bucket.region !== region) {
    throw new AwsError(
      'AuthorizationHeaderMalformed',
      `The authorization header is malformed; the region '${region}' is wrong; expecting '${bucket.region}'`,
      400,
      { Region: bucket.region },
    );
  }
  return bucket;
}

/** IAM actions of the operations whose IAM action has a different name than the operation. */
const permissions: Partial<Record<Operation['name'], string>> = {
  ListBuckets: 'ListAllMyBuckets',
  HeadBucket: 'ListBucket',
  ListObjects: 'ListBucket',
  ListObjectsV2: 'ListBucket',
  HeadObject: 'GetObject',
  CopyObject: 'PutObject',
  DeleteObjects: 'DeleteObject',
};

function describe(operation: Operation, partition: string, query: URLSearchParams): CallDescription {
  const { name: action, ...parameters } = operation;
  const path =
    'key' in operation
      ? `${operation.bucket}/${operation.key}`
      : 'bucket' in operation
        ? operation.bucket
        : '';
  const prefix = query.get('prefix');
  return {
    action,
    permission: `s3:${permissions[action] ?? action}`,
    resource: path === '' ? '*' : `arn:${partition}:s3:::${path}`,
    parameters: prefix === null ? parameters : { ...parameters, prefix },
  };
}
