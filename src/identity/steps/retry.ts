/** Retry delays of failed steps. */
import { identityErrors, type IdentityErrorCode } from '../state/errors.ts';
import type { Step } from './step.ts';

/**
 * Maximum time for the propagation of a change in IAM. The maintainers of the Terraform AWS provider measured 10 to 30 seconds.
 * Proofs that fail within this time after a write are reported as waiting, not as failed.
 */
export const propagationMs = 60_000;

/** Delays in milliseconds after an error that remains until a person makes a change. */
const terminal = { first: 15_000, most: 300_000 };
const backoff = { first: 500, most: 60_000 };
/**
 * Delays in milliseconds of proofs and confirmations after a change. The delays are short, because apps wait for the result and a
 * retry costs only one or two calls.
 */
const proof = { first: 250, most: 5_000 };

/**
 * Delay before the next attempt, in milliseconds, after `attempts` consecutive failures (1 or more). `jitter`, a number from 0 to
 * 1, reduces the delay to between 50 and 100 % of its length. Steps that failed together are therefore retried at different
 * times.
 */
export function retryDelayMs(step: Step, code: IdentityErrorCode, attempts: number, jitter: number): number {
  const pace =
    isAwaited(step, code) && attempts <= 20
      ? proof
      : identityErrors[code].retry === 'terminal'
        ? terminal
        : backoff;
  const delay = Math.min(pace.first * 2 ** Math.min(attempts - 1, 16), pace.most);
  return Math.round(delay * (0.5 + jitter / 2));
}

/** Whether the error can occur because AWS has not propagated our own writes yet. */
function isAwaited(step: Step, code: IdentityErrorCode): boolean {
  return step.kind === 'ProveIdentity' || step.kind === 'ConfirmAssociation' || code === 'RoleNotAccepted';
}
