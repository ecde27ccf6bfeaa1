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

/** Returns an error with the next steps of its code. */
function withSteps(
  code: ErrorCode,
  message: string,
  cause: unknown,
  ...details: readonly string[]
): CliError {
  return new CliError(code, message, { cause, details, next: errorMeanings[code].next });
}

const configErrors: Readonly<Record<Exclude<KubeConfigErrorCode, 'CredentialsFailed'>, ErrorCode>> = {
  Missing: 'KUBECONFIG_MISSING',
  Unreadable: 'KUBECONFIG_INVALID',
  Invalid: 'KUBECONFIG_INVALID',
  ClusterUnknown: 'KUBECONFIG_INVALID',
  UserUnknown: 'KUBECONFIG_INVALID',
  ContextUnknown: 'CONTEXT_UNKNOWN',
  ContextUnset: 'CONTEXT_UNKNOWN',
};

const pluginLogin =
  'Log in again with the tool that the kubeconfig names (for EKS: aws sso login), then repeat the command.';

function explainConfig(error: KubeConfigError): CliError {
  if (error.code === 'CredentialsFailed')
    return new CliError('UNAUTHENTICATED', error.message, { cause: error, next: [pluginLogin] });
  return withSteps(configErrors[error.code], error.message, error);
}

function explainUnreachable(error: KubeUnreachableError): CliError {
  const { server, message } = error;
  return error.code === 'tls'
    ? withSteps(
        'CLUSTER_UNTRUSTED',
        `the certificate of the API server at ${server} is not trusted`,
        error,
        message,
      )
    : withSteps('CLUSTER_UNREACHABLE', `the API server at ${server} does not answer`, error, message);
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
  const { details, message } = error;
  switch (error.reason) {
    case 'Unauthorized':
      return withSteps('UNAUTHENTICATED', 'the cluster rejected your credentials', error, message);
    case 'Forbidden':
      return explainForbidden(error);
    case 'NotFound':
      // An error without an object name means that the API server does not know the resource type.
      return details?.name === undefined
        ? notInstalled(error)
        : new CliError('NOT_FOUND', `${details.kind ?? 'object'} "${details.name}" not found`, {
            cause: error,
          });
    case 'AlreadyExists':
      return new CliError('ALREADY_EXISTS', message, { cause: error });
    case 'Conflict':
      return withSteps('CONFLICT', message, error);
    case 'Invalid':
    case 'BadRequest':
      return new CliError('INVALID', 'the API server refused the request', {
        cause: error,
        details: apiProblems(error),
      });
    default:
      return withSteps('API_ERROR', message, error);
  }
}

const awsCodes: { readonly [Code in IdentityErrorCode]?: ErrorCode } = {
  AccessDenied: 'AWS_DENIED',
  CredentialsMissing: 'AWS_UNAUTHENTICATED',
  CredentialsRejected: 'AWS_UNAUTHENTICATED',
  Unreachable: 'AWS_UNREACHABLE',
};

function explainAws(error: IdentityError): CliError {
  const code = awsCodes[error.code];
  return code
    ? withSteps(code, error.message, error)
    : new CliError('AWS_ERROR', error.message, { cause: error });
}

/** Returns the error for an API server that does not serve Konstellation's API group. */
function notInstalled(cause: unknown): CliError {
  return withSteps(
    'NOT_INSTALLED',
    'Konstellation is not installed on this cluster',
    cause,
    `The API server does not serve the API group ${apiGroup}.`,
  );
}
