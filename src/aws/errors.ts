/**
 * Classifies errors of the AWS SDK. The classification uses error names instead of classes, because two copies of an
 * SDK module have two classes of the same name. The names come from the API references of the services ("Errors" of
 * each action, and "Common Errors").
 */
import { IdentityError, namesArn, type IdentityErrorCode } from '../identity/index.ts';
import { errorMessage } from '../k8s/errors.ts';

/** Codes by the name of the error, without the suffix `Exception` that only some services and SDK versions add. */
const codesByName: Readonly<Record<string, IdentityErrorCode>> = {
  EntityAlreadyExists: 'RoleAlreadyExists',
  LimitExceeded: 'QuotaExceeded',
  PolicyNotAttachable: 'PolicyNotFound',
  DeleteConflict: 'DeleteConflict',
  ConcurrentModification: 'ConcurrentChange',
  MalformedPolicyDocument: 'InvalidInput',
  InvalidInput: 'InvalidInput',
  ValidationError: 'InvalidInput',
  UnmodifiableEntity: 'InvalidInput',
  AccessDenied: 'AccessDenied',
  UnauthorizedOperation: 'AccessDenied',
  Throttling: 'Throttled',
  TooManyRequests: 'Throttled',
  RequestLimitExceeded: 'Throttled',
  RequestThrottled: 'Throttled',
  SlowDown: 'Throttled',
  ServiceFailure: 'ServiceFailure',
  Server: 'ServiceFailure',
  InternalServer: 'ServiceFailure',
  ServiceUnavailable: 'ServiceFailure',
  InternalFailure: 'ServiceFailure',
  CredentialsProviderError: 'CredentialsMissing',
  ExpiredToken: 'CredentialsRejected',
  InvalidClientTokenId: 'CredentialsRejected',
  UnrecognizedClient: 'CredentialsRejected',
  SignatureDoesNotMatch: 'CredentialsRejected',
  RequestExpired: 'CredentialsRejected',
  TimeoutError: 'Unreachable',
  AbortError: 'Unreachable',
};

const networkCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_PROXY',
  'CERT_HAS_EXPIRED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/**
 * Returns the message of a failed call. If the error's own text names the ARN at the end of `doing`, the message does
 * not repeat the ARN.
 *
 * @param doing action: `iam:AttachRolePolicy on kon-x (arn:aws:iam::aws:policy/X)`
 */
function failureMessage(doing: string, text: string): string {
  const action = doing.replace(/ (?:(?:on|for) )?\(?(arn:[^\s()]+)\)?$/, (subject, arn: string) =>
    namesArn(text, arn) ? '' : subject,
  );
  return `${action}: ${text}`;
}

/** @param doing action for the message: `iam:AttachRolePolicy on kon-x` */
export function classifyAwsError(error: unknown, doing: string): IdentityError {
  if (error instanceof IdentityError) return error;
  const name = error instanceof Error ? error.name : '';
  const text = errorMessage(error);
  const message = failureMessage(doing, text || name);
  const shortName = name.replace(/Exception$/, '');
  if (shortName === 'NoSuchEntity') {
    // IAM uses the same error name for a missing role and for a missing policy or boundary.
    const code = /^the role with name/i.test(text) ? 'RoleNotFound' : 'PolicyNotFound';
    return new IdentityError(code, message, { cause: error });
  }
  const byName = codesByName[shortName];
  if (byName) return new IdentityError(byName, message, { cause: error });
  if (networkCodes.has(codeOf(error))) return new IdentityError('Unreachable', message, { cause: error });
  if (statusOf(error) >= 500) return new IdentityError('ServiceFailure', message, { cause: error });
  return new IdentityError('Unexpected', message, { cause: error });
}

/**
 * Retry class of a failed call. `throttled`: AWS did not execute the call, because of its rate limit. `transient`: a
 * retry may succeed, and AWS may have executed the call. `final`: a retry would also fail.
 */
export type RetryClass = 'throttled' | 'transient' | 'final';

export function retryClassOf(error: unknown): RetryClass {
  const name = error instanceof Error ? error.name : '';
  // STS could not fetch the issuer's keys in time.
  if (name.startsWith('IDPCommunicationError')) return 'transient';
  switch (classifyAwsError(error, '').code) {
    case 'Throttled':
      return 'throttled';
    case 'ServiceFailure':
    case 'Unreachable':
    case 'ConcurrentChange':
      return 'transient';
    default:
      return 'final';
  }
}

/** Classifies errors of EKS about associations. Source: EKS API Reference, "Errors" of each action. */
export function classifyEksError(error: unknown, doing: string): IdentityError {
  const name = error instanceof Error ? error.name : '';
  const text = errorMessage(error);
  const classified = (code: IdentityErrorCode): IdentityError =>
    new IdentityError(code, failureMessage(doing, text), { cause: error });
  switch (name) {
    case 'ResourceInUseException':
      return classified('AssociationExists');
    case 'ResourceLimitExceededException':
      return classified('QuotaExceeded');
    case 'ResourceNotFoundException':
      return classified(/no cluster/i.test(text) ? 'ClusterUnknown' : 'AssociationNotFound');
    case 'NotFoundException':
      return classified('AssociationNotFound');
    case 'InvalidParameterException':
      // EKS does not yet see the role or the role's latest trust policy.
      return classified(/^(role provided|trust policy)/i.test(text) ? 'RoleNotAccepted' : 'InvalidInput');
    case 'InvalidRequestException':
    case 'BadRequestException':
      return classified('InvalidInput');
    case 'ServerException':
    case 'ServiceUnavailableException':
      return classified('ServiceFailure');
    default:
      return classifyAwsError(error, doing);
  }
}

/** Classifies errors of EKS Auth about a pod's token. Source: EKS API Reference, AssumeRoleForPodIdentity, "Errors". */
export function classifyPodProofError(error: unknown, roleArn: string): IdentityError {
  const name = error instanceof Error ? error.name : '';
  const text = errorMessage(error);
  const classified = (code: IdentityErrorCode, message: string): IdentityError =>
    new IdentityError(code, message, { cause: error });
  switch (name) {
    case 'AccessDeniedException':
      // EKS Auth uses the same error name for two cases: the caller lacks a permission, or the role does not trust EKS.
      return /not authorized to perform: eks-auth:/i.test(text)
        ? classifyAwsError(error, `eks-auth:AssumeRoleForPodIdentity for ${roleArn}`)
        : classified(
            'AssumeRoleDenied',
            `EKS Auth could not exchange the pod's token for credentials of ${roleArn}: ${text}`,
          );
    case 'ResourceNotFoundException':
      return /no cluster/i.test(text)
        ? classified('ClusterUnknown', `EKS Auth: ${text}`)
        : classified('AssociationNotFound', `EKS Auth found no association for the pod: ${text}`);
    case 'InvalidTokenException':
    case 'ExpiredTokenException':
      return classified('TokenRejected', `EKS Auth did not accept the pod's token: ${text}`);
    case 'InternalServerException':
    case 'ServiceUnavailableException':
      return classified('ServiceFailure', `EKS Auth failed: ${text}`);
    default:
      return classifyAwsError(error, `eks-auth:AssumeRoleForPodIdentity for ${roleArn}`);
  }
}

/** Classifies errors of STS about a web identity. Source: STS API Reference, AssumeRoleWithWebIdentity, "Errors". */
export function classifyProofError(error: unknown, roleArn: string): IdentityError {
  const name = error instanceof Error ? error.name : '';
  const text = errorMessage(error);
  const classified = (code: IdentityErrorCode, message: string): IdentityError =>
    new IdentityError(code, message, { cause: error });
  switch (name) {
    case 'AccessDenied':
    case 'AccessDeniedException':
      return classified(
        'AssumeRoleDenied',
        `STS refused to exchange the ServiceAccount's token for credentials of ${roleArn}: ${text}`,
      );
    case 'InvalidIdentityTokenException':
    case 'InvalidIdentityToken':
      return /no openidconnect provider/i.test(text)
        ? classified(
            'OIDCProviderMissing',
            `STS found no OIDC provider for the ServiceAccount's token: ${text}`,
          )
        : classified('TokenRejected', `STS did not accept the ServiceAccount's token: ${text}`);
    case 'ExpiredTokenException':
      return classified(
        'TokenRejected',
        `STS rejected the ServiceAccount's token as expired: ${text}. Check the clock of the API server.`,
      );
    case 'IDPCommunicationErrorException':
    case 'IDPCommunicationError':
    case 'IDPRejectedClaimException':
    case 'IDPRejectedClaim':
      return classified(
        'IssuerUnreachable',
        `STS could not verify the ServiceAccount's token with the issuer of the token: ${text}`,
      );
    default:
      return classifyAwsError(error, `sts:AssumeRoleWithWebIdentity for ${roleArn}`);
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return codeOf(error.cause);
}

function statusOf(error: unknown): number {
  const metadata = error instanceof Error && '$metadata' in error ? error.$metadata : undefined;
  const status =
    typeof metadata === 'object' && metadata !== null && 'httpStatusCode' in metadata
      ? metadata.httpStatusCode
      : undefined;
  return typeof status === 'number' ? status : 0;
}
