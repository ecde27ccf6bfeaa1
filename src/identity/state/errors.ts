/**
 * Table of classified errors of the operator's calls to AWS and Kubernetes. Conditions, Events, logs and the command line report
 * the error code as the reason.
 */
import { errorMessage } from '../../k8s/errors.ts';

/**
 * Retry behaviour: `backoff` retries with exponential backoff; `terminal` retries slowly, because a person has to change something
 * first.
 */
export type Retry = 'backoff' | 'terminal';

type ErrorEntry = { readonly retry: Retry; readonly meaning: string; readonly next: string };

export const identityErrors = {
  RoleAlreadyExists: {
    retry: 'backoff',
    meaning: 'A role of this name already exists in the AWS account.',
    next: 'Do nothing: the operator reads the role, and re-adopts the role if its tags name this account.',
  },
  RoleNotFound: {
    retry: 'backoff',
    meaning: 'The role does not exist in IAM.',
    next: 'Do nothing: the operator recreates the role.',
  },
  PolicyNotFound: {
    retry: 'terminal',
    meaning: 'The managed policy does not exist, or IAM does not allow attaching it to a role.',
    next: 'Correct the ARN or name in spec.aws, or create the policy; the operator retries every few minutes.',
  },
  QuotaExceeded: {
    retry: 'terminal',
    meaning: 'A quota of the AWS account is exhausted.',
    next: 'Request a higher quota from AWS, or delete resources that are not needed.',
  },
  AccessDenied: {
    retry: 'terminal',
    meaning: 'AWS denied an action of the operator.',
    next: "Give the operator's role the permission that the message names.",
  },
  Throttled: {
    retry: 'backoff',
    meaning: 'AWS throttled the call.',
    next: 'Do nothing: the operator retries the call at a lower rate.',
  },
  InvalidInput: {
    retry: 'terminal',
    meaning: 'AWS rejected a value.',
    next: 'Correct the value that the message names.',
  },
  DeleteConflict: {
    retry: 'backoff',
    meaning: 'Something that others added to the role prevents its deletion.',
    next: 'Remove from the role what the message names.',
  },
  ConcurrentChange: {
    retry: 'backoff',
    meaning: 'The object was changed concurrently by another client.',
    next: 'Do nothing: the operator reads the object again and retries.',
  },
  CredentialsMissing: {
    retry: 'terminal',
    meaning: 'The operator has no AWS credentials.',
    next: 'Configure credentials for the operator: a role for its ServiceAccount, or the usual AWS environment.',
  },
  CredentialsRejected: {
    retry: 'terminal',
    meaning: "AWS rejected the operator's credentials: they are wrong or have expired.",
    next: "Renew the operator's credentials.",
  },
  WrongAccount: {
    retry: 'terminal',
    meaning: "The operator's credentials belong to another AWS account than the ClusterConfig names.",
    next: "Configure credentials of the cluster's AWS account, or correct spec.aws.accountId of the ClusterConfig.",
  },
  Unreachable: {
    retry: 'backoff',
    meaning: 'AWS could not be reached.',
    next: 'Check the network between the operator and the endpoint that the message names.',
  },
  ServiceFailure: {
    retry: 'backoff',
    meaning: 'AWS failed to process the call.',
    next: 'Do nothing: the operator retries the call.',
  },
  OIDCProviderMissing: {
    retry: 'backoff',
    meaning: "The AWS account has no IAM OIDC provider for this cluster's token issuer.",
    next: 'Create the provider: `eksctl utils associate-iam-oidc-provider`, or `aws iam create-open-id-connect-provider`.',
  },
  IssuerUnreachable: {
    retry: 'backoff',
    meaning: "AWS could not read the signing keys of this cluster's token issuer.",
    next: "Check that the issuer's /.well-known/openid-configuration can be read from the internet.",
  },
  TokenRejected: {
    retry: 'backoff',
    meaning: "STS rejected the ServiceAccount's token: wrong issuer, audience, signature or time.",
    next: 'Compare the issuer and the client IDs of the IAM OIDC provider with the ClusterConfig.',
  },
  AssumeRoleDenied: {
    retry: 'backoff',
    meaning: "The role's trust policy does not allow the ServiceAccount.",
    next: 'If the role was just changed, wait: IAM propagates a change within a minute. Otherwise, find out who changed the trust policy of the role.',
  },
  RolloutBlocked: {
    retry: 'backoff',
    meaning:
      'The pods of a workload cannot be replaced now, because a dry-run pod was refused. The target keeps its identity mode.',
    next: 'Raise the quota, or correct what the message names, so that the dry-run pod is admitted. The switch then continues automatically.',
  },
  AssociationExists: {
    retry: 'backoff',
    meaning: 'The ServiceAccount already has an EKS Pod Identity association.',
    next: 'Do nothing: the operator reads the association, and re-adopts the association if its tags name this account.',
  },
  AssociationNotFound: {
    retry: 'backoff',
    meaning: 'The EKS Pod Identity association does not exist.',
    next: 'Do nothing: the operator recreates the association.',
  },
  ClusterUnknown: {
    retry: 'terminal',
    meaning: 'EKS has no cluster of this name in this region.',
    next: 'Correct spec.aws.clusterName and spec.aws.region of the ClusterConfig. Pod Identity is available only on EKS.',
  },
  RoleNotAccepted: {
    retry: 'backoff',
    meaning:
      'EKS rejected the role for an association, because the role or its trust policy has not propagated to EKS yet.',
    next: 'If the role was just changed, wait: IAM propagates a change within a minute. Otherwise, find out who changed the trust policy of the role.',
  },
  NotInEffect: {
    retry: 'backoff',
    meaning:
      'AWS accepted a change of a role or an association but has not propagated the change everywhere.',
    next: 'Wait: propagation takes some seconds. If the error persists, check the pod identity webhook of the cluster.',
  },
  TokenRequestFailed: {
    retry: 'backoff',
    meaning: 'The Kubernetes API server issued no token for the ServiceAccount.',
    next: 'Read the message, and check that the operator is permitted to create serviceaccounts/token.',
  },
  KubernetesConflict: {
    retry: 'backoff',
    meaning: 'Another client changed the Kubernetes object at the same time.',
    next: 'Do nothing: the operator reads the object again and retries.',
  },
  KubernetesUnreachable: {
    retry: 'backoff',
    meaning: 'The Kubernetes API server could not be reached.',
    next: 'If the API server is being restarted, do nothing: the operator retries the request.',
  },
  KubernetesDenied: {
    retry: 'terminal',
    meaning: 'Kubernetes denied a write of the operator.',
    next: "Restore the operator's RBAC as it was installed (kon install, or the Helm chart).",
  },
  KubernetesFenced: {
    retry: 'terminal',
    meaning:
      'An admission policy of Konstellation refused the write: the namespace is not a target of the ClusterConfig, or cannot be a target.',
    next: "Remove the namespace from the targets: kon target delete NAME. Never widen the operator's permissions instead.",
  },
  Unexpected: {
    retry: 'backoff',
    meaning: 'The operator could not classify the error.',
    next: "Check the operator's log.",
  },
} as const satisfies Record<string, ErrorEntry>;

export type IdentityErrorCode = keyof typeof identityErrors;

const unanswered: ReadonlySet<IdentityErrorCode> = new Set(['Unreachable', 'ServiceFailure', 'Unexpected']);

/** Classified error of a failed call. `message` contains no token or credential and can be shown to users. */
export class IdentityError extends Error {
  readonly code: IdentityErrorCode;
  /** Whether the call may have taken effect although it failed, because an attempt got no response. */
  readonly mayBeDone: boolean;

  constructor(code: IdentityErrorCode, message: string, options?: { cause?: unknown; mayBeDone?: boolean }) {
    super(message, options);
    this.name = 'IdentityError';
    this.code = code;
    this.mayBeDone = options?.mayBeDone ?? unanswered.has(code);
  }

  get retry(): Retry {
    return identityErrors[this.code].retry;
  }
}

export function asIdentityError(error: unknown): IdentityError {
  if (error instanceof IdentityError) return error;
  return new IdentityError('Unexpected', errorMessage(error), { cause: error });
}
