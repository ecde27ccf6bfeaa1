/**
 * Parser of policy documents, as strict as IAM and with IAM's error messages, which reach the author of the policy.
 * Different parts of AWS check identity and trust documents, and phrase the same error differently; so does this
 * parser.
 * Grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
import { parseIdentityDocument } from './identity-document.ts';
import type { PolicyDocument, PolicyKind } from './model.ts';
import { PolicyFault } from './syntax.ts';
import { parseTrustDocument } from './trust-document.ts';

export type ParsedPolicy =
  | { readonly ok: true; readonly document: PolicyDocument }
  /** Message of `MalformedPolicyDocument`. */
  | { readonly ok: false; readonly message: string };

/** Sizes are not checked: they are quotas of the operation, not of the language. */
export function parsePolicyDocument(text: string, kind: PolicyKind): ParsedPolicy {
  try {
    const document = kind === 'trust' ? parseTrustDocument(text) : parseIdentityDocument(text, kind);
    return { ok: true, document };
  } catch (error) {
    if (error instanceof PolicyFault) return { ok: false, message: error.message };
    throw error;
  }
}
