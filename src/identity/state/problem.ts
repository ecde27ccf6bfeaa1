/** What keeps something from being as it is wanted: a word for machines, a sentence for people. */
import type { IdentityErrorCode } from './errors.ts';
import type { IdentityReason } from './reasons.ts';

export type Problem = { readonly reason: IdentityReason | IdentityErrorCode; readonly message: string };
