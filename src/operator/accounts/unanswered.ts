/** Failures after which it is not known whether AWS has carried out a call. */
import { IdentityError, type IdentityErrorCode } from '../../identity/index.ts';

const codes: ReadonlySet<IdentityErrorCode> = new Set(['Unreachable', 'ServiceFailure', 'Unexpected']);

export function isUnanswered(error: unknown): boolean {
  return !(error instanceof IdentityError) || codes.has(error.code);
}
