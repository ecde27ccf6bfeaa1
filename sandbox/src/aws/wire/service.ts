/**
 * Interface between the server and a service of the emulator. The server handles the socket, the signature, faults and
 * the journal. A service handles its protocol (format of parameters and errors) and its state.
 */
import type { EvaluationRequest, PolicySource, RequestContext } from '../../../../src/policy/model.ts';

export type ServiceName = 'iam' | 'sts' | 'eks' | 'eks-auth' | 's3';

/** The signer of a request, with everything that determines the signer's permissions at the time of the call. */
export type Caller = {
  readonly kind: 'user' | 'assumedRole';
  /** ARN of the caller as in `GetCallerIdentity`: the user's ARN, or `arn:aws:sts::…:assumed-role/ROLE/SESSION`. */
  readonly principalArn: string;
  /** ARN of the user or of the role (`aws:PrincipalArn`). */
  readonly identityArn: string;
  /** Unique id of the caller: `AIDA…` for a user, or `AROA…:SESSION` for a role session. */
  readonly userId: string;
  readonly accountId: string;
  /**
   * Whether the session's role was deleted (and possibly recreated with the same name). If so, no policy names this
   * principal any more.
   */
  readonly orphaned?: boolean;
  readonly policies: readonly PolicySource[];
  readonly boundary?: readonly PolicySource[] | undefined;
  readonly sessionPolicies?: readonly PolicySource[] | undefined;
  readonly sessionTags?: Readonly<Record<string, string>> | undefined;
  /** Condition keys of the caller in each of its calls: `aws:PrincipalArn`, `aws:userid`, `aws:PrincipalTag/…`. */
  readonly context: RequestContext;
  /** Called for each permission that is checked. */
  readonly onCheck?: ((permission: EvaluationRequest) => void) | undefined;
};

export type AuthenticationFailure =
  | { readonly reason: 'unknownAccessKey'; readonly accessKeyId: string }
  | { readonly reason: 'invalidSessionToken' }
  | { readonly reason: 'expiredSessionToken' }
  | { readonly reason: 'malformed'; readonly message: string }
  | { readonly reason: 'signatureMismatch'; readonly accessKeyId: string }
  | { readonly reason: 'clockSkew'; readonly message: string; readonly requestTime: string }
  | { readonly reason: 'payloadHashMismatch'; readonly message: string }
  | { readonly reason: 'unsignedHeaders'; readonly headers: readonly string[] };

export type Authentication =
  | { readonly kind: 'authenticated'; readonly caller: Caller; readonly accessKeyId: string }
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'failed'; readonly failure: AuthenticationFailure };

/** Description of a call, for the selection of faults and for the journal. The called service creates it. */
export type CallDescription = {
  /** API operation, for example `CreateRole` or `PutObject`. */
  readonly action: string;
  /** IAM action of the call if it differs from `service:operation`, for example `s3:ListBucket` for ListObjectsV2. */
  readonly permission?: string;
  /** ARN of the call's resource, or `*`. */
  readonly resource: string;
  /** Parameters for the journal. Must contain no secret and no token. */
  readonly parameters: Readonly<Record<string, unknown>>;
};

export type ServiceRequest = {
  readonly requestId: string;
  /** Arrival time of the call; after `admit`, the start of its execution. Both are in milliseconds since the epoch. */
  readonly now: number;
  readonly method: string;
  /** Path of the request as received: percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Request headers, with names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Payload without its `aws-chunked` framing. The hash or the chunk signatures of a signed payload have been verified.
   */
  readonly body: Uint8Array;
  /**
   * Trailing headers of an `aws-chunked` payload (`x-amz-checksum-crc32` …), with names in lower case. Their checksums
   * have not been compared with the body.
   */
  readonly trailers: Readonly<Record<string, string>>;
  /** Region of the credential scope; the emulator's region for an unsigned request. */
  readonly region: string;
  readonly authentication: Authentication;
  /** Condition keys of the request and its caller (`aws:SourceIp`, `aws:CurrentTime`, `aws:PrincipalArn`, …). */
  readonly context: RequestContext;
  /**
   * Called once, as soon as the call is identified and before anything is read, authorized or changed. Adds injected
   * latency. For an injected fault, throws an `AwsError`, which the service returns like its own errors. The server
   * handles all other exceptions.
   */
  readonly admit: (call: CallDescription) => Promise<void>;
};

export type ServiceResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /**
   * Outcome of the call: the error code, and whether the call changed state. The journal records both. An injected
   * fault can drop the responses of calls that changed state.
   */
  readonly outcome: { readonly errorCode?: string | undefined; readonly changed: boolean };
};

export type Service = (request: ServiceRequest) => Promise<ServiceResponse>;

/**
 * An error of an AWS API, thrown by actions and injected faults. Each service serializes the error in the service's
 * protocol.
 */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;
  /** Further members of the error's shape, for protocols that have them. */
  readonly members: Readonly<Record<string, string>>;

  constructor(code: string, message: string, status = 400, members: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'AwsError';
    this.code = code;
    this.status = status;
    this.members = members;
  }
}
