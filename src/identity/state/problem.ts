/** Problem of an account, role or target. `reason` is for programs, `message` for people. */
import type { IdentityErrorCode } from './errors.ts';
import type { IdentityReason } from './reasons.ts';

export type Problem = { readonly reason: IdentityReason | IdentityErrorCode; readonly message: string };
