/** Describes a failed write in the status of a target. */
import { KubeApiError } from '../../kube/index.ts';
import type { TargetReason } from '../../workloads/index.ts';
import { errorMessage } from '../../k8s/errors.ts';

export type WriteFailure = { readonly reason: TargetReason; readonly message: string };

/** @param failed what failed, for the message: `could not apply Deployment production/web` */
export function writeFailure(error: unknown, failed: string): WriteFailure {
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
