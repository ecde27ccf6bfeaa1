/** Classifies errors of the Kubernetes API server: as `IdentityError`s, and as reasons in the status of an App. */
import { IdentityError } from '../identity/index.ts';
import {
  isAlreadyExists,
  isConflict,
  isForbidden,
  isNotFound,
  isUnauthorized,
  KubeApiError,
  KubeUnreachableError,
} from '../kube/index.ts';
import type { TargetReason } from '../workloads/index.ts';
import { errorMessage } from '../k8s/errors.ts';

/** @param failed what failed, for the message: `could not create the ServiceAccount production/myaccount` */
export function classifyKubeError(error: unknown, failed: string): IdentityError {
  if (error instanceof IdentityError) return error;
  const message = `${failed}: ${errorMessage(error)}`;
  if (isConflict(error) || isAlreadyExists(error) || isNotFound(error)) {
    return new IdentityError('KubernetesConflict', message, { cause: error });
  }
  if (isForbidden(error) || isUnauthorized(error))
    return new IdentityError(isFenced(message) ? 'KubernetesFenced' : 'KubernetesDenied', message, {
      cause: error,
    });
  if (error instanceof KubeUnreachableError)
    return new IdentityError('KubernetesUnreachable', message, { cause: error });
  return new IdentityError('Unexpected', message, { cause: error });
}

/**
 * Makes a request to the API server.
 *
 * @param failed what failed, as in `classifyKubeError`
 * @throws IdentityError
 */
export async function classified<T>(failed: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw classifyKubeError(error, failed);
  }
}

/**
 * Whether an admission policy of Konstellation denied the request. More RBAC permissions would not help against such a
 * denial.
 */
function isFenced(message: string): boolean {
  return /ValidatingAdmissionPolicy '[^']*\.k11n\.dev'/.test(message);
}

/**
 * Returns the reason and the message that the status of an App's target shows after a failed write.
 *
 * @param failed what failed, for the message: `could not apply Deployment production/web`
 */
export function writeFailure(
  error: unknown,
  failed: string,
): { readonly reason: TargetReason; readonly message: string } {
  const message = `${failed}: ${errorMessage(error)}`;
  return { reason: isTransient(error) ? 'WriteFailed' : 'Refused', message };
}

/** Whether a retry may succeed without any change in the cluster. */
function isTransient(error: unknown): boolean {
  return (
    !(error instanceof KubeApiError) ||
    error.reason === 'Conflict' ||
    error.status === 429 ||
    error.status >= 500
  );
}
