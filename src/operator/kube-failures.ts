/** Names what the Kubernetes API server answered in the words of the domain. */
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

/** @param doing what was tried, for the message: `create ServiceAccount production/myaccount` */
export function classifyKubeError(error: unknown, doing: string): IdentityError {
  if (error instanceof IdentityError) return error;
  const message = `${doing}: ${errorMessage(error)}`;
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

/** Denied by one of our own admission policies, and not for want of a right: more rights would take the fence down. */
function isFenced(message: string): boolean {
  return /ValidatingAdmissionPolicy '[^']*\.k11n\.dev'/.test(message);
}
