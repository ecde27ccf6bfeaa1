/** AWS's errors for a wrong signature or wrong credentials. The protocols use two sets of names for these errors. */
import type { Authentication, AuthenticationFailure } from './service.ts';
import { AwsError } from './service.ts';

export type RefusalNames = {
  readonly missing: string;
  readonly unknownKey: string;
  readonly expiredToken: string;
  readonly malformed: string;
  readonly wrongSignature: string;
};

/** Error names in the Query protocol (IAM, STS). */
export const queryRefusals: RefusalNames = {
  missing: 'MissingAuthenticationToken',
  unknownKey: 'InvalidClientTokenId',
  expiredToken: 'ExpiredToken',
  malformed: 'IncompleteSignature',
  wrongSignature: 'SignatureDoesNotMatch',
};

/** Error names in the JSON protocols (EKS). */
export const jsonRefusals: RefusalNames = {
  missing: 'MissingAuthenticationTokenException',
  unknownKey: 'UnrecognizedClientException',
  expiredToken: 'ExpiredTokenException',
  malformed: 'IncompleteSignatureException',
  wrongSignature: 'InvalidSignatureException',
};

export function refusalError(
  authentication: Exclude<Authentication, { readonly kind: 'authenticated' }>,
  names: RefusalNames,
): AwsError {
  return authentication.kind === 'anonymous'
    ? new AwsError(names.missing, 'Request is missing Authentication Token', 403)
    : failureError(authentication.failure, names);
}

function failureError(failure: AuthenticationFailure, names: RefusalNames): AwsError {
  switch (failure.reason) {
    case 'unknownAccessKey':
    case 'invalidSessionToken':
      return new AwsError(names.unknownKey, 'The security token included in the request is invalid.', 403);
    case 'expiredSessionToken':
      return new AwsError(names.expiredToken, 'The security token included in the request is expired', 403);
    case 'malformed':
      return new AwsError(names.malformed, failure.message, 400);
    case 'signatureMismatch':
      return new AwsError(
        names.wrongSignature,
        'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
        403,
      );
    case 'clockSkew':
    case 'payloadHashMismatch':
      return new AwsError(names.wrongSignature, failure.message, 403);
    case 'unsignedHeaders':
      return new AwsError(
        names.wrongSignature,
        `There were headers present in the request which were not signed: ${failure.headers.join(', ')}`,
        403,
      );
  }
}
