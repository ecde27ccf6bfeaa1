/**
 * Errors of AWS calls, in one table. A code is also a condition reason, so condition, Event, log and command line use the
 * same word.
 */
import { errorMessage } from '../../k8s/errors.ts';

/** When it makes sense to try again: soon and then ever more slowly, or hardly before a person has changed something. */
export type Retry = 'backoff' | 'terminal';

type ErrorEntry = { readonly retry: Retry; readonly meaning: string; readonly next: string };

export const identityErrors = {
  RoleAlreadyExists: {
    retry: 'backoff',
    meaning: 'A role of this name exists already in the AWS account.',
    next: 'Nothing: it is looked at next, and taken up again if its tags say that it is ours.',
  },
  RoleNotFound: {
    retry: 'backoff',
    meaning: 'The role is gone from IAM.',
    next: 'Nothing: it is made again.',
  },
  PolicyNotFound: {
    retry: 'terminal',
    meaning: 'IAM knows no such managed policy, or it cannot be attached.',
    next: 'Correct the ARN in spec.aws.policyArns, or create the policy; it is tried again every few minutes.',
  },
  QuotaExceeded: {
    retry: 'terminal',
    meaning: 'A quota of the AWS account is used up.',
    next: 'Ask AWS for a higher quota, or remove what is not needed.',
  },
  AccessDenied: {
    retry: 'terminal',
    meaning: 'AWS denied the operator an action.',
    next: "Give the operator's role the permission that the message names.",
  },
  Throttled: {
    retry: 'backoff',
    meaning: 'AWS asked for fewer calls.',
    next: 'Nothing: it is tried again more slowly.',
  },
  InvalidInput: {
    retry: 'terminal',
    meaning: 'AWS refused a value.',
    next: 'Correct the value that the message names.',
  },
  DeleteConflict: {
    retry: 'backoff',
    meaning: 'Something that others put on the role keeps it from being deleted.',
    next: 'Remove what the message names from the role.',
  },
  ConcurrentChange: {
    retry: 'backoff',
    meaning: 'Someone else changed the same thing at the same time.',
    next: 'Nothing: it is read and tried again.',
  },
  CredentialsMissing: {
    retry: 'terminal',
    meaning: 'The operator has no AWS credentials.',
    next: 'Give the operator credentials: a role for its ServiceAccount, or the ordinary AWS environment.',
  },
  CredentialsRejected: {
    retry: 'terminal',
    meaning: "AWS did not accept the operator's credentials: they are wrong or have expired.",
    next: "Renew the operator's credentials.",
  },
  WrongAccount: {
    retry: 'terminal',
    meaning: "The operator's credentials belong to another AWS account than the ClusterConfig says.",
    next: "Give the operator credentials of the cluster's account, or correct spec.aws.accountId of the ClusterConfig.",
  },
  Unreachable: {
    retry: 'backoff',
    meaning: 'AWS could not be reached.',
    next: 'Look at the network between the operator and the endpoint that the message names.',
  },
  ServiceFailure: {
    retry: 'backoff',
    meaning: 'AWS failed.',
    next: 'Nothing: it is tried again.',
  },
  OIDCProviderMissing: {
    retry: 'backoff',
    meaning: "The AWS account has no IAM OIDC provider for this cluster's token issuer.",
    next: 'Create it: `eksctl utils associate-iam-oidc-provider`, or `aws iam create-open-id-connect-provider`.',
  },
  IssuerUnreachable: {
    retry: 'backoff',
    meaning: "AWS could not read the signing keys of this cluster's token issuer.",
    next: "See that the issuer's /.well-known/openid-configuration can be read from the internet.",
  },
  TokenRejected: {
    retry: 'backoff',
    meaning:
      "STS did not accept the ServiceAccount's token: its issuer, audience, signature or time is not what it expects.",
    next: 'Compare the issuer and the client IDs of the IAM OIDC provider with the ClusterConfig.',
  },
  AssumeRoleDenied: {
    retry: 'backoff',
    meaning: "The role's trust policy did not let the ServiceAccount in.",
    next: 'Nothing, if the role has just been changed: IAM takes a while. Else look who changed its trust policy.',
  },
  RolloutBlocked: {
    retry: 'backoff',
    meaning:
      'The pods of a workload cannot be replaced now, so its target keeps the identity mode that it has: a dry-run pod was refused.',
    next: 'Admit the dry-run pod: raise the quota, or correct what the message names. The switch then continues by itself.',
  },
  AssociationExists: {
    retry: 'backoff',
    meaning: 'The ServiceAccount has an EKS Pod Identity association already.',
    next: 'Nothing: it is looked at next, and taken up again if its tags say that it is ours.',
  },
  AssociationNotFound: {
    retry: 'backoff',
    meaning: 'The EKS Pod Identity association is gone.',
    next: 'Nothing: it is made again.',
  },
  ClusterUnknown: {
    retry: 'terminal',
    meaning: 'EKS knows no cluster of this name in this region.',
    next: 'Correct spec.aws.clusterName and spec.aws.region of the ClusterConfig. On clusters that are not of EKS there is no PodIdentity.',
  },
  RoleNotAccepted: {
    retry: 'backoff',
    meaning: 'EKS does not take the role for an association: it does not see it, or not its trust policy.',
    next: 'Nothing, if the role has just been changed: IAM takes a while. Else look who changed its trust policy.',
  },
  NotInEffect: {
    retry: 'backoff',
    meaning: 'AWS has taken a change of a role or an association, but it has not reached all of its parts.',
    next: 'Nothing: this takes some seconds. If it lasts, see whether the pod identity webhook of the cluster works.',
  },
  TokenRequestFailed: {
    retry: 'backoff',
    meaning: 'The Kubernetes API server issued no token for the ServiceAccount.',
    next: "See that the operator may create serviceaccounts/token, and the message's own words.",
  },
  KubernetesConflict: {
    retry: 'backoff',
    meaning: 'A Kubernetes object was changed by someone else at the same time.',
    next: 'Nothing: it is read and tried again.',
  },
  KubernetesUnreachable: {
    retry: 'backoff',
    meaning: 'The Kubernetes API server could not be reached.',
    next: 'Nothing, if it is being restarted: it is tried again.',
  },
  KubernetesDenied: {
    retry: 'terminal',
    meaning: 'Kubernetes denied the operator a write.',
    next: "Restore the operator's RBAC as it was installed (kon install, or the Helm chart).",
  },
  KubernetesFenced: {
    retry: 'terminal',
    meaning:
      'An admission policy of Konstellation refused the write: the namespace is no target of the ClusterConfig, or cannot be one.',
    next: 'Take the namespace out of the targets: kon target delete NAME. Never widen the rights of the operator for it.',
  },
  Unexpected: {
    retry: 'backoff',
    meaning: 'Something failed that has no name here.',
    next: "See the operator's log.",
  },
} as const satisfies Record<string, ErrorEntry>;

export type IdentityErrorCode = keyof typeof identityErrors;

const unanswered: ReadonlySet<IdentityErrorCode> = new Set(['Unreachable', 'ServiceFailure', 'Unexpected']);

/** A failed call, classified. `message` is fit to be shown: it holds no token and no credential. */
export class IdentityError extends Error {
  readonly code: IdentityErrorCode;
  /** It is not known whether what failed was carried out: by this attempt, or by one before it that was not answered. */
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
  return new IdentityError('Unexpected', errorMessage(error), {
    cause: error,
  });
}
