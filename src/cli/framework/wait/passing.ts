/** Which failures of an API server pass by themselves, once it has been reached before. */
import { isUnreachable, KubeApiError } from '../../../kube/index.ts';

/** Between two attempts after a watch has failed: long enough to be no burden, short enough not to be noticed. */
export const pauseMs = 500;

/** Nobody answers, or what answers is starting, stopping or overloaded. */
export function isPassing(error: unknown): boolean {
  return (
    isUnreachable(error) || (error instanceof KubeApiError && (error.status >= 500 || error.status === 429))
  );
}
