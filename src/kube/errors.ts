/**
 * Errors of requests to the API server: the server refused the request (`KubeApiError`), the server could not be
 * reached (`KubeUnreachableError`), or no usable configuration exists (`KubeConfigError`).
 */

export type StatusCause = { readonly reason?: string; readonly message?: string; readonly field?: string };

export type StatusDetails = {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
};

/** `Status` of the API: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export type KubeStatus = {
  readonly kind?: string;
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: StatusDetails;
};

/** Refusal of a request by the server. `reason` comes from the Status in the response (`NotFound`, `Conflict`, …). */
export class KubeApiError extends Error {
  readonly code = 'KUBE_API';
  readonly status: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;
  readonly causes: readonly StatusCause[];
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: KubeStatus & { readonly code: number },
    options: { retryAfterSeconds?: number | undefined; request?: string | undefined } = {},
  ) {
    const reason = status.reason || (reasonsByCode[status.code] ?? 'Unknown');
    const text = status.message || `the API server responded with status ${status.code} (${reason})`;
    super(options.request ? `${text} (${options.request})` : text);
    this.name = 'KubeApiError';
    this.status = status.code;
    this.reason = reason;
    this.details = status.details;
    this.causes = status.details?.causes ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds ?? status.details?.retryAfterSeconds;
  }
}

/**
 * Reasons of responses without a Status, such as a proxy's error page, by status code. The values are those of
 * `StatusReason…` in k8s.io/apimachinery.
 */
const reasonsByCode: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Gone',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/**
 * Reason why the server could not be reached. `reset`: the connection broke, so the outcome of the request is unknown.
 * `protocol`: the response does not come from an API server.
 */
export type UnreachableCode =
  | 'refused'
  | 'dns'
  | 'timeout'
  | 'tls'
  | 'reset'
  | 'proxy'
  | 'protocol'
  | 'closed';

export class KubeUnreachableError extends Error {
  readonly code: UnreachableCode;
  readonly server: string;

  constructor(code: UnreachableCode, server: string, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'KubeUnreachableError';
    this.code = code;
    this.server = server;
  }
}

/**
 * Problem with the kubeconfig. `Missing`: no file exists, and the process does not run in a pod. `Unreadable`: the file
 * cannot be opened. `Invalid`: the file is not a kubeconfig. `ContextUnknown`: the requested context does not exist.
 * `ContextUnset`: no context is selected. `ClusterUnknown`, `UserUnknown`: the context refers to an entry that does not
 * exist. `CredentialsFailed`: a credential plugin or credential file failed.
 */
export type KubeConfigErrorCode =
  | 'Missing'
  | 'Unreadable'
  | 'Invalid'
  | 'ContextUnknown'
  | 'ContextUnset'
  | 'ClusterUnknown'
  | 'UserUnknown'
  | 'CredentialsFailed';

export class KubeConfigError extends Error {
  readonly code: KubeConfigErrorCode;

  constructor(code: KubeConfigErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'KubeConfigError';
    this.code = code;
  }
}

const hasReason = (error: unknown, ...reasons: readonly string[]): error is KubeApiError =>
  error instanceof KubeApiError && reasons.includes(error.reason);

export const isNotFound = (error: unknown): error is KubeApiError => hasReason(error, 'NotFound');
export const isAlreadyExists = (error: unknown): error is KubeApiError => hasReason(error, 'AlreadyExists');
/**
 * The write failed because of a stale resourceVersion, a failed precondition, or an apply of a field that another
 * manager owns.
 */
export const isConflict = (error: unknown): error is KubeApiError => hasReason(error, 'Conflict');
export const isForbidden = (error: unknown): error is KubeApiError => hasReason(error, 'Forbidden');
export const isUnauthorized = (error: unknown): error is KubeApiError => hasReason(error, 'Unauthorized');
export const isInvalid = (error: unknown): error is KubeApiError => hasReason(error, 'Invalid');
export const isBadRequest = (error: unknown): error is KubeApiError => hasReason(error, 'BadRequest');
export const isTooManyRequests = (error: unknown): error is KubeApiError =>
  hasReason(error, 'TooManyRequests');
/** The requested resourceVersion or continue token has expired. Status 410 has the reason `Expired` or `Gone`. */
export const isGone = (error: unknown): error is KubeApiError => hasReason(error, 'Gone', 'Expired');
/** The server has not reached the requested resourceVersion yet, for example after etcd was restored from a backup. */
export const isResourceVersionTooLarge = (error: unknown): error is KubeApiError =>
  error instanceof KubeApiError && error.causes.some((cause) => cause.reason === 'ResourceVersionTooLarge');
export const isUnreachable = (error: unknown): error is KubeUnreachableError =>
  error instanceof KubeUnreachableError;
