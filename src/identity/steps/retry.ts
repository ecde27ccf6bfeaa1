/** When a failed step is tried again. */
import { identityErrors, type IdentityErrorCode } from '../state/errors.ts';
import type { Step } from './step.ts';

/**
 * How long IAM may take until a change is known everywhere. The maintainers of the Terraform AWS provider measured
 * 10 to 30 seconds; a proof that fails within twice that is waiting, not broken.
 */
export const propagationMs = 60_000;

/** A change that others have to make first is looked for at this pace, in milliseconds. */
const terminal = { first: 15_000, most: 300_000 };
const backoff = { first: 500, most: 60_000 };
/** A proof or confirmation after a change is awaited by apps, and costs a call or two. */
const proof = { first: 250, most: 5_000 };

/**
 * The delay before the next attempt, in milliseconds, after `attempts` failures in a row (1 or more).
 * `jitter`, 0…1, spreads it over the upper half, so that what failed together is not tried together.
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

/** Errors that depend on how fast AWS propagates our own writes. */
function isAwaited(step: Step, code: IdentityErrorCode): boolean {
  return step.kind === 'ProveIdentity' || step.kind === 'ConfirmAssociation' || code === 'RoleNotAccepted';
}
