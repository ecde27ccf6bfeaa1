/** Converts errors of the Kubernetes client and of AWS into errors with next steps. */
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
import { errorMeanings, type ErrorCode } from './error-meanings.ts';
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
    next: ['This is a bug in kon. Run the command again with -v and report the output.'],
  });
}

/** Returns the next steps of an error code. */
const stepsOf = (code: ErrorCode): readonly string[] => errorMeanings[code].next;

const configErrors: Readonly<Record<KubeConfigErrorCode, ErrorCode>> = {
  Missing: 'KUBECONFIG_MISSING',
  Unreadable: 'KUBECONFIG_INVALID',
  Invalid: 'KUBECONFIG_INVALID',
  ClusterUnknown: 'KUBECONFIG_INVALID',
  UserUnknown: 'KUBECONFIG_INVALID',
  ContextUnknown: 'CONTEXT_UNKNOWN',
  ContextUnset: 'CONTEXT_UNKNOWN',
  CredentialsFailed: 'UNAUTHENTICATED',
};

const pluginLogin =
  'Log in again with the tool that the kubeconfig names (for EKS: aws sso login), then repeat the command.';

function explainConfig(error: KubeConfigError): CliError {
  const code = configErrors[error.code];
  const next = error.code === 'CredentialsFailed' ? [pluginLogin] : stepsOf(code);
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
        next: stepsOf('CLUSTER_UNTRUSTED'),
      },
    );
  return new CliError('CLUSTER_UNREACHABLE', `the API server at ${error.server} does not answer`, {
    ...cause,
    details: [error.message],
    next: stepsOf('CLUSTER_UNREACHABLE'),
  });
}

/**
 * Explains a denial by RBAC with the missing permission, or a denial by an admission policy with the policy's message.
 */
function explainForbidden(error: KubeApiError): CliError {
  const denial = (detail: string, ...next: readonly string[]): CliError =>
    new CliError('FORBIDDEN', 'permission denied by the cluster', { cause: error, details: [detail], next });
  const refusal = /ValidatingAdmissionPolicy .* denied request: (.+)$/s.exec(error.message)?.[1];
  const { kind, group, name } = error.details ?? {};
  if (refusal?.includes('is protected from deletion')) {
    const object = `${kind}${group ? `.${group}` : ''} ${name}`;
    return denial(
      refusal,
      `To allow the deletion: kubectl label ${object} ${protectedMark}-; kubectl annotate ${object} ${protectedMark}-`,
    );
  }
  return denial(
    refusal ?? error.message,
    'Ask an administrator of the cluster for the permission named above.',
  );
}

function explainApi(error: KubeApiError): CliError {
  const cause = { cause: error };
  const { details } = error;
  switch (error.reason) {
    case 'Unauthorized':
      return new CliError('UNAUTHENTICATED', 'the cluster rejected your credentials', {
        ...cause,
        details: [error.message],
        next: stepsOf('UNAUTHENTICATED'),
      });
    case 'Forbidden':
      return explainForbidden(error);
    case 'NotFound':
      // An error without an object name means that the API server does not know the resource type.
      return details?.name === undefined
        ? notInstalled(error)
        : new CliError('NOT_FOUND', `${details.kind ?? 'object'} "${details.name}" not found`, cause);
    case 'AlreadyExists':
      return new CliError('ALREADY_EXISTS', error.message, cause);
    case 'Conflict':
      return new CliError('CONFLICT', error.message, { ...cause, next: stepsOf('CONFLICT') });
    case 'Invalid':
    case 'BadRequest':
      return new CliError('INVALID', 'the API server refused the request', {
        ...cause,
        details: apiProblems(error),
      });
    default:
      return new CliError('API_ERROR', error.message, {
        ...cause,
        next: stepsOf('API_ERROR'),
      });
  }
}

const awsCodes: { readonly [Code in IdentityErrorCode]?: ErrorCode } = {
  AccessDenied: 'AWS_DENIED',
  CredentialsMissing: 'AWS_UNAUTHENTICATED',
  CredentialsRejected: 'AWS_UNAUTHENTICATED',
  Unreachable: 'AWS_UNREACHABLE',
};

function explainAws(error: IdentityError): CliError {
  const code = awsCodes[error.code] ?? 'AWS_ERROR';
  return new CliError(code, error.message, {
    cause: error,
    next: code === 'AWS_ERROR' ? [] : stepsOf(code),
  });
}

/** Returns the error for an API server that does not know Konstellation's kinds. */
export function notInstalled(cause: unknown): CliError {
  return new CliError('NOT_INSTALLED', 'Konstellation is not installed on this cluster', {
    cause,
    details: [`The API server does not serve the API group ${apiGroup}.`],
    next: stepsOf('NOT_INSTALLED'),
  });
}
