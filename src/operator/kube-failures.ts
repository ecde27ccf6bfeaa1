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

/** @param doing what was tried, for the message: `create ServiceAccount production/myaccount` */
export function classifyKubeError(error: unknown, doing: string): IdentityError {
  if (error instanceof IdentityError) return error;
  const message = `${doing}: ${error instanceof Error ? error.message : String(error)}`;
  if (isConflict(error) || isAlreadyExists(error) || isNotFound(error)) {
    return new IdentityError('KubernetesConflict', message, { cause: error });
  }
  if (isForbidden(error) || isUnauthorized(error))
    return new IdentityError('KubernetesDenied', message, { cause: error });
  if (error instanceof KubeUnreachableError)
    return new IdentityError('KubernetesUnreachable', message, { cause: error });
  return new IdentityError('Unexpected', message, { cause: error });
}
