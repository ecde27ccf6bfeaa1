/**
 * Reads a policy document as strictly as IAM does and refuses a faulty one in IAM's words, because the words reach the
 * person who wrote the policy. Identity documents and trust documents are checked by different parts of AWS, which
 * phrase the same fault differently; so do we.
 * Grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
import { parseIdentityDocument } from './identity-document.ts';
import type { PolicyDocument, PolicyKind } from './model.ts';
import { PolicyFault } from './syntax.ts';
import { parseTrustDocument } from './trust-document.ts';

export type ParsedPolicy =
  | { readonly ok: true; readonly document: PolicyDocument }
  /** What belongs into the message of `MalformedPolicyDocument`. */
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
