/** Validates policy documents: grammar, size, and whether the principals in trust policies exist. */
import { parsePolicyDocument } from '../../../../src/policy/document.ts';
import type { PolicyKind } from '../../../../src/policy/model.ts';
import { malformedPolicy, quotaExceeded } from './errors.ts';
import type { PolicyText } from './model.ts';
import { sizeWithoutWhitespace } from './quotas.ts';
import type { IamState } from './state.ts';

/** @throws MalformedPolicyDocument */
export function readPolicy(text: string, kind: PolicyKind): PolicyText {
  const parsed = parsePolicyDocument(text, kind);
  if (!parsed.ok) throw malformedPolicy(parsed.message);
  return { text, document: parsed.document, encoded: percentEncode(text) };
}

/** @throws MalformedPolicyDocument or LimitExceeded */
export function readTrustPolicy(text: string, state: IamState): PolicyText {
  const trust = readPolicy(text, 'trust');
  for (const statement of trust.document.statements) {
    if (statement.principal?.kind !== 'listed') continue;
    for (const { type, value } of statement.principal.entries) {
      if (type === 'AWS' && !principalExists(value, state)) {
        throw malformedPolicy(`Invalid principal in policy: "AWS":"${value}"`);
      }
    }
  }
  const limit = state.quotas.assumeRolePolicySize;
  if (sizeWithoutWhitespace(text) > limit) throw quotaExceeded('ACLSizePerRole', limit);
  return trust;
}

/**
 * Whether a principal exists. IAM resolves AWS principals when a policy is saved. Users and roles in other accounts are
 * unknown to the emulator and count as existing. Federated principals are not resolved, as in IAM: a role can be
 * created before its provider.
 */
function principalExists(value: string, state: IamState): boolean {
  const arn = /^arn:([^:]+):(iam|sts)::(\d{12}):([^/]+)\/(.+)$/.exec(value);
  const [, partition, service, account, type, rest = ''] = arn ?? [];
  if (account !== state.accountId) return true;
  if (partition !== state.partition) return false;
  if (service === 'sts') {
    return type !== 'assumed-role' || state.role(rest.slice(0, rest.indexOf('/'))) !== undefined;
  }
  const name = rest.slice(rest.lastIndexOf('/') + 1);
  return (type === 'role' ? state.role(name) : state.user(name))?.arn === value;
}

/** Percent-encodes by RFC 3986, as IAM encodes documents in its responses. */
const percentEncode = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
