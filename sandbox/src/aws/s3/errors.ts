/**
 * S3 errors: codes, messages, statuses and serialization.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
import { AwsError } from '../wire/service.ts';
import type { AuthenticationFailure, ServiceRequest, ServiceResponse } from '../wire/service.ts';
import { renderDocument } from './xml.ts';

const known = {
  AccessControlListNotSupported: [400, 'The bucket does not allow ACLs'],
  AccessDenied: [403, 'Access Denied'],
  BucketAlreadyExists: [
    409,
    'The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.',
  ],
  BucketAlreadyOwnedByYou: [
    409,
    'Your previous request to create the named bucket succeeded and you already own it.',
  ],
  BucketNotEmpty: [409, 'The bucket you tried to delete is not empty'],
  InvalidArgument: [400, 'Invalid Argument'],
  InvalidBucketName: [400, 'The specified bucket is not valid.'],
  InvalidDigest: [400, 'The Content-MD5 you specified was invalid.'],
  BadDigest: [400, 'The Content-MD5 you specified did not match what we received.'],
  InvalidLocationConstraint: [400, 'The specified location-constraint is not valid'],
  InvalidRange: [416, 'The requested range is not satisfiable'],
  KeyTooLongError: [400, 'Your key is too long'],
  MalformedXML: [
    400,
    'The XML you provided was not well-formed or did not validate against our published schema',
  ],
  MethodNotAllowed: [405, 'The specified method is not allowed against this resource.'],
  NoSuchBucket: [404, 'The specified bucket does not exist'],
  NoSuchKey: [404, 'The specified key does not exist.'],
  NotImplemented: [501, 'A header you provided implies functionality that is not implemented'],
  PreconditionFailed: [412, 'At least one of the pre-conditions you specified did not hold'],
} as const satisfies Record<string, readonly [number, string]>;

type Members = Readonly<Record<string, string>>;

/** Creates an error with S3's default message for the code, or with `message` if S3 has several messages for it. */
export function s3Error(code: keyof typeof known, members: Members = {}, message?: string): AwsError {
  const [status, text] = known[code];
  return new AwsError(code, message ?? text, status, members);
}

export function authenticationError(failure: AuthenticationFailure, now: number): AwsError {
  switch (failure.reason) {
    case 'unknownAccessKey':
      return new AwsError(
        'InvalidAccessKeyId',
        'The AWS Access Key Id you provided does not exist in our records.',
        403,
        { AWSAccessKeyId: failure.accessKeyId },
      );
    case 'invalidSessionToken':
      return new AwsError('InvalidToken', 'The provided token is malformed or otherwise invalid.', 400);
    case 'expiredSessionToken':
      return new AwsError('ExpiredToken', 'The provided token has expired.', 400);
    case 'malformed':
      return new AwsError('AuthorizationHeaderMalformed', failure.message, 400);
    case 'signatureMismatch':
      return new AwsError(
        'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
        403,
        { AWSAccessKeyId: failure.accessKeyId },
      );
    case 'clockSkew':
      return new AwsError(
        'RequestTimeTooSkewed',
        'The difference between the request time and the current time is too large.',
        403,
        {
          RequestTime: failure.requestTime,
          ServerTime: new Date(now).toISOString().replace(/\.\d{3}/, ''),
          MaxAllowedSkewMilliseconds: '900000',
        },
      );
    case 'payloadHashMismatch':
      return new AwsError('XAmzContentSHA256Mismatch', failure.message, 400);
    case 'unsignedHeaders':
      return new AwsError(
        'AccessDenied',
        'There were headers present in the request which were not signed',
        403,
        { HeadersNotSigned: failure.headers.join(', ') },
      );
  }
}

export function errorResponse(error: AwsError, request: ServiceRequest): ServiceResponse {
  // Responses to HEAD requests and responses with status 304 have no body, so only the status describes the error.
  const silent = request.method === 'HEAD' || error.status === 304;
  const body = renderDocument('Error', {
    Code: error.code,
    Message: error.message,
    ...error.members,
    RequestId: request.requestId,
    HostId: hostId(request.requestId),
  });
  return {
    status: error.status,
    headers: { ...requestHeaders(request), ...(silent ? {} : { 'content-type': 'application/xml' }) },
    body: silent ? '' : body,
    outcome: { errorCode: error.code, changed: false },
  };
}

/** Returns the headers that identify the request. Every response has these headers. */
export function requestHeaders(request: ServiceRequest): Record<string, string> {
  return { 'x-amz-request-id': request.requestId, 'x-amz-id-2': hostId(request.requestId) };
}

const hostId = (requestId: string): string =>
  Buffer.from(requestId.repeat(2)).toString('base64').slice(0, 76);
