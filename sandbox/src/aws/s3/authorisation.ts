/**
 * The permission that an S3 operation needs: the IAM action (often named differently from the operation), the resource
 * and the condition keys.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
 */
import { evaluateCaller, refusal } from '../authorise.ts';
import type { Requirement } from '../authorise.ts';
import type { RequestContext } from '../../../../src/policy/model.ts';
import type { Caller, ServiceRequest } from '../wire/service.ts';
import { s3Error } from './errors.ts';
import type { Bucket } from './store.ts';

export type S3Call = {
  readonly request: ServiceRequest;
  readonly caller: Caller;
  readonly partition: string;
};

/** @throws AccessDenied if the caller lacks the permission for the bucket, or for the key in the bucket */
export function authoriseS3(
  call: S3Call,
  action: string,
  bucket: Pick<Bucket, 'name' | 'accountId'>,
  options: { readonly key?: string; readonly context?: RequestContext } = {},
): void {
  const message = refuseS3(call, action, bucket, options);
  if (message !== undefined) throw s3Error('AccessDenied', {}, message);
}

/** Returns AWS's message if the caller lacks the permission; undefined if the call is allowed. */
export function refuseS3(
  { request, caller, partition }: S3Call,
  action: string,
  bucket: Pick<Bucket, 'name' | 'accountId'>,
  { key, context }: { readonly key?: string; readonly context?: RequestContext } = {},
): string | undefined {
  const resource = `arn:${partition}:s3:::${bucket.name}${key === undefined ? '' : `/${key}`}`;
  const requirement: Requirement = {
    action,
    resource,
    context: {
      ...headerKeys(request),
      ...context,
      's3:ResourceAccount': bucket.accountId,
      'aws:ResourceAccount': bucket.accountId,
    },
  };
  const message = refusal(caller, requirement, request.context);
  // S3 is the only service whose message puts the resource in quotes.
  if (message !== undefined) return message.replace(`: ${resource}`, `: "${resource}"`);
  if (caller.accountId === bucket.accountId) return undefined;
  // The emulator has no bucket policies, so other accounts have no access.
  return `User: ${caller.principalArn} is not authorized to perform: ${action} on resource: "${resource}" because no resource-based policy allows the ${action} action`;
}

/** Authorizes `ListBuckets`, which has no bucket. The error message names no resource. */
export function authoriseListBuckets({ request, caller, partition }: S3Call): void {
  // AWS's documentation writes the resource of this action as `*` or as `arn:aws:s3:::*`. Both patterns match this ARN.
  const requirement: Requirement = { action: 's3:ListAllMyBuckets', resource: `arn:${partition}:s3:::*` };
  if (evaluateCaller(caller, requirement, request.context).decision === 'allowed') return;
  const message = refusal(caller, requirement, request.context) ?? '';
  throw s3Error('AccessDenied', {}, message.replace(` on resource: ${requirement.resource}`, ''));
}

/** Condition keys whose values are copied from request headers with these names. */
const headerNames = [
  'x-amz-acl',
  'x-amz-content-sha256',
  'x-amz-copy-source',
  'x-amz-metadata-directive',
  'x-amz-server-side-encryption',
  'x-amz-storage-class',
];

function headerKeys(request: ServiceRequest): Record<string, string> {
  const keys: Record<string, string> = {
    's3:authType': request.query.has('X-Amz-Signature') ? 'REST-QUERY-STRING' : 'REST-HEADER',
    's3:signatureversion': 'AWS4-HMAC-SHA256',
  };
  for (const name of headerNames) {
    const value = request.headers[name];
    if (value !== undefined) keys[`s3:${name}`] = value;
  }
  return keys;
}
