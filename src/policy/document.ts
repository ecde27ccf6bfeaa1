/**
 * Parses policy documents as strictly as IAM, with IAM's error messages, because the author of the policy sees these
 * messages. AWS checks identity and trust documents in different components, which have different messages for the same
 * error. This parser reproduces these differences. Grammar:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
import { parseIdentityDocument } from './identity-document.ts';
import type { PolicyDocument, PolicyKind } from './model.ts';
import { PolicyFault } from './syntax.ts';
import { parseTrustDocument } from './trust-document.ts';

export type ParsedPolicy =
  | { readonly ok: true; readonly document: PolicyDocument }
  /** Message of the IAM error `MalformedPolicyDocument`. */
  | { readonly ok: false; readonly message: string };

/**
 * Parses a document. Does not check its size, because size quotas belong to the operation and not to the policy
 * language.
 */
export function parsePolicyDocument(text: string, kind: PolicyKind): ParsedPolicy {
  try {
    const document = kind === 'trust' ? parseTrustDocument(text) : parseIdentityDocument(text, kind);
    return { ok: true, document };
  } catch (error) {
    if (error instanceof PolicyFault) return { ok: false, message: error.message };
    throw error;
  }
}
