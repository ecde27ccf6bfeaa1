/**
 * The trust policy of a role: who may assume it. It is generated, never a person's text, and names exactly one issuer,
 * one audience and the linked subjects.
 */
import { stsAudience } from '../api/index.ts';
import { issuerHost } from './arn.ts';

/** The subject of a ServiceAccount's token. Source: Kubernetes, "Service account tokens". */
export function subjectOf(namespace: string, serviceAccount: string): string {
  return `system:serviceaccount:${namespace}:${serviceAccount}`;
}

/**
 * The document, without white space (IAM's quota does not count it, but wire and diff do), subjects in order.
 * With no subject it denies: IAM takes no policy without a statement.
 */
export function trustPolicy(of: {
  providerArn: string;
  issuer: string;
  subjects: readonly string[];
}): string {
  const host = issuerHost(of.issuer);
  const principal = { Federated: of.providerArn };
  const action = 'sts:AssumeRoleWithWebIdentity';
  const statement =
    of.subjects.length === 0
      ? { Effect: 'Deny', Principal: principal, Action: action }
      : {
          Effect: 'Allow',
          Principal: principal,
          Action: action,
          Condition: {
            StringEquals: { [`${host}:aud`]: stsAudience, [`${host}:sub`]: [...of.subjects].sort() },
          },
        };
  return JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
}

/** Whether two policy documents say the same: without regard to the order of keys and of lists, or to `x` for `[x]`. */
export function sameDocument(a: string, b: string): boolean {
  return a === b || canonical(a) === canonical(b);
}

function canonical(text: string): string {
  try {
    return JSON.stringify(normalise(JSON.parse(text)));
  } catch {
    return text;
  }
}

function normalise(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(normalise);
    if (items.length === 1) return items[0];
    return items.map((item) => JSON.stringify(item)).sort();
  }
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, normalise(item)]),
  );
}
