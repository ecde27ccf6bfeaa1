/** Classifies errors of the Kubernetes API server as `IdentityError`s. */
import { IdentityError } from '../identity/index.ts';
import {
  isAlreadyExists,
  isConflict,
  isForbidden,
  isNotFound,
  isUnauthorized,
  KubeUnreachableError,
} from '../kube/index.ts';
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
 * Whether an admission policy of Konstellation denied the request. More RBAC permissions would not help against such a
 * denial.
 */
function isFenced(message: string): boolean {
  return /ValidatingAdmissionPolicy '[^']*\.k11n\.dev'/.test(message);
}
