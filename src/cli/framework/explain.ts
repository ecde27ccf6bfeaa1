/** Converts errors of the Kubernetes client into errors with next steps. */
import { protectedMark } from '../../api/labels.ts';
import {
  KubeApiError,
  KubeConfigError,
  type KubeConfigErrorCode,
  KubeUnreachableError,
} from '../../kube/errors.ts';
import { IdentityError, type IdentityErrorCode } from '../../identity/state/errors.ts';
import { apiGroup } from '../../api/resources.ts';
import { apiProblems } from './api-problems.ts';
import { CliError } from './errors.ts';
import type { ErrorCode } from './error-meanings.ts';
import { errorMessage } from '../../k8s/errors.ts';

export function explain(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof KubeConfigError) return explainConfig(error);
  if (error instanceof KubeUnreachableError) return explainUnreachable(error);
  if (error instanceof KubeApiError) return explainApi(error);
  if (error instanceof IdentityError) return explainAws(error);
  const message = errorMessage(error);
  return new CliError('INTERNAL', message, {
    cause: error,
    next: ['This is a bug in kon. Run the command again with -v and report its output.'],
  });
}

const otherContext = ['List contexts: kubectl config get-contexts', 'Choose one with --context NAME.'];
const otherFile = ['Correct the file, or choose another one with --kubeconfig FILE.'];

const configErrors: Readonly<Record<KubeConfigErrorCode, readonly [ErrorCode, next: readonly string[]]>> = {
  Missing: [
    'KUBECONFIG_MISSING',
    [
      'Choose one with --kubeconfig FILE or $KUBECONFIG.',
      'For EKS: aws eks update-kubeconfig --name CLUSTER --region REGION',
      'To try on this machine: kon sandbox up',
    ],
  ],
  Unreadable: ['KUBECONFIG_INVALID', otherFile],
  Invalid: ['KUBECONFIG_INVALID', otherFile],
  ClusterUnknown: ['KUBECONFIG_INVALID', otherFile],
  UserUnknown: ['KUBECONFIG_INVALID', otherFile],
  ContextUnknown: ['CONTEXT_UNKNOWN', otherContext],
  ContextUnset: ['CONTEXT_UNKNOWN', otherContext],
  CredentialsFailed: [
    'UNAUTHENTICATED',
    [
      'Log in again with the tool that the kubeconfig names (for EKS: aws sso login), then repeat the command.',
    ],
  ],
};

function explainConfig(error: KubeConfigError): CliError {
  const [code, next] = configErrors[error.code];
  return new CliError(code, error.message, { cause: error, next });
}

function explainUnreachable(error: KubeUnreachableError): CliError {
  const cause = { cause: error };
  if (error.code === 'tls')
    return new CliError(
      'CLUSTER_UNTRUSTED',
      `the certificate of the API server at ${error.server} is not trusted`,
      {
        ...cause,
        details: [error.message],
        next: [
          'Compare certificate-authority-data in the kubeconfig with the cluster’s CA, and check for a proxy in between.',
        ],
      },
    );
  return new CliError('CLUSTER_UNREACHABLE', `the API server at ${error.server} does not answer`, {
    ...cause,
    details: [error.message],
    next: [
      'Check that the cluster is running and that this machine can reach it (VPN, proxy, security group).',
      'Choose another cluster with --context NAME; on this machine: kon sandbox up',
    ],
  });
}

/** Explains a refusal by RBAC, with the missing right, or by an admission policy, with its message. */
function explainForbidden(error: KubeApiError): CliError {
  const told = (detail: string, ...next: readonly string[]): CliError =>
    new CliError('FORBIDDEN', 'permission denied by the cluster', { cause: error, details: [detail], next });
  const refusal = /ValidatingAdmissionPolicy .* denied request: (.+)$/s.exec(error.message)?.[1];
  const { kind, group, name } = error.details ?? {};
  if (refusal?.includes('is protected from deletion')) {
    const object = `${kind}${group ? `.${group}` : ''} ${name}`;
    return told(
      refusal,
      `If it shall go: kubectl label ${object} ${protectedMark}-; kubectl annotate ${object} ${protectedMark}-`,
    );
  }
  return told(refusal ?? error.message, 'Ask an administrator of the cluster for the right named above.');
}

function explainApi(error: KubeApiError): CliError {
  const cause = { cause: error };
  const { details } = error;
  switch (error.reason) {
    case 'Unauthorized':
      return new CliError('UNAUTHENTICATED', 'the cluster rejected your credentials', {
        ...cause,
        details: [error.message],
        next: ['Log in again, or choose another context with --context NAME.'],
      });
    case 'Forbidden':
      return explainForbidden(error);
    case 'NotFound':
      // An error without a name means that the server does not know the resource type.
      return details?.name === undefined
        ? notInstalled(error)
        : new CliError('NOT_FOUND', `${details.kind ?? 'object'} "${details.name}" not found`, cause);
    case 'AlreadyExists':
      return new CliError('ALREADY_EXISTS', error.message, cause);
    case 'Conflict':
      return new CliError('CONFLICT', error.message, { ...cause, next: ['Repeat the command.'] });
    case 'Invalid':
    case 'BadRequest':
      return new CliError('INVALID', 'the API server refused the request', {
        ...cause,
        details: apiProblems(error),
      });
    default:
      return new CliError('API_ERROR', error.message, {
        ...cause,
        next: ['Repeat the command; if the error persists, check the API server.'],
      });
  }
}

const awsCodes: { readonly [Code in IdentityErrorCode]?: ErrorCode } = {
  AccessDenied: 'AWS_DENIED',
  CredentialsMissing: 'AWS_UNAUTHENTICATED',
  CredentialsRejected: 'AWS_UNAUTHENTICATED',
  Unreachable: 'AWS_UNREACHABLE',
};

/** Next steps for a person, which differ from the operator's reaction to the same AWS error. */
const awsNext: { readonly [Code in ErrorCode]?: readonly string[] } = {
  AWS_DENIED: ['Ask for the permission that the message names, or choose another profile: AWS_PROFILE=NAME'],
  AWS_UNAUTHENTICATED: [
    'Log in (aws sso login, aws configure), or choose a profile: AWS_PROFILE=NAME',
    'For the sandbox: eval "$(kon sandbox env)"',
  ],
  AWS_UNREACHABLE: ['Check AWS_ENDPOINT_URL, HTTPS_PROXY and AWS_CA_BUNDLE: kon doctor'],
};

function explainAws(error: IdentityError): CliError {
  const code = awsCodes[error.code] ?? 'AWS_ERROR';
  return new CliError(code, error.message, {
    cause: error,
    next: awsNext[code] ?? [],
  });
}

/** Error for a server that does not know our kinds. */
export function notInstalled(cause: unknown): CliError {
  return new CliError('NOT_INSTALLED', 'Konstellation is not installed on this cluster', {
    cause,
    details: [`The API server does not serve the API group ${apiGroup}.`],
    next: [
      'Install it: kon install',
      'Or install only the CRDs and run the operator here: kon crds | kubectl apply --server-side -f -; kon operator',
      'If this is the wrong cluster, choose another one with --context NAME.',
    ],
  });
}
