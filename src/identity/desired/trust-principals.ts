/**
 * Reads the principals that a trust policy allows, including trust policies that others wrote. Where a statement cannot be
 * interpreted exactly, the result contains more principals than IAM would allow, never fewer.
 */
import { matchesPattern } from './arn.ts';
import { statementsIn, type Statement } from './documents.ts';

export type TrustPrincipal =
  /** Web identities: tokens of an OIDC provider. `subject` is a pattern with `*` and `?`. It is `*` if the statement names no subject. */
  | { readonly kind: 'webIdentity'; readonly providerArn: string; readonly subject: string }
  /** Any other principal, as JSON or ARN: an AWS account, a role, a service. */
  | { readonly kind: 'other'; readonly principal: unknown };

/** Wildcard for a principal and for a subject. */
const anything = '*';

/** @returns each principal of the Allow statements, or the wildcard principal if the document is not JSON */
export function principalsOf(trustPolicy: string): readonly TrustPrincipal[] {
  const statements = statementsIn(trustPolicy);
  if (!statements) return [everybody];
  return statements.filter(({ Effect }) => Effect === 'Allow').flatMap(principalsIn);
}

const everybody: TrustPrincipal = { kind: 'webIdentity', providerArn: anything, subject: anything };

function principalsIn({ Principal: principal, Condition: condition }: Statement): readonly TrustPrincipal[] {
  if (typeof principal !== 'object' || principal === null) return [{ kind: 'other', principal }, everybody];
  return Object.entries(principal).flatMap(([type, value]): readonly TrustPrincipal[] => {
    const values = [value as unknown].flat();
    if (type !== 'Federated') return values.map((each) => ({ kind: 'other', principal: { [type]: each } }));
    const subjects = subjectsIn(condition);
    return values.flatMap((provider) =>
      String(provider).includes(':oidc-provider/')
        ? subjects.map((subject): TrustPrincipal => ({
            kind: 'webIdentity',
            providerArn: String(provider),
            subject,
          }))
        : { kind: 'other' as const, principal: { [type]: provider } },
    );
  });
}

/** Condition operators that restrict the subjects. All other operators, for example negated ones, are treated as no restriction. */
const matching = /^(ForAnyValue:|ForAllValues:)?String(Equals|Like|EqualsIgnoreCase)$/i;

function subjectsIn(condition: unknown): readonly string[] {
  const subjects = Object.entries((condition ?? {}) as Readonly<Record<string, object>>)
    .filter(([operator]) => matching.test(operator))
    .flatMap(([, claims]) => Object.entries(claims))
    // IAM compares condition keys case-insensitively.
    .filter(([key]) => key.toLowerCase().endsWith(':sub'))
    .flatMap(([, value]) => [value as unknown].flat().map(String));
  return subjects.length > 0 ? subjects : [anything];
}

/** Whether the trust policy admits tokens of this provider for at least one subject. */
export function trustsProvider(trustPolicy: string, providerArn: string): boolean {
  return principalsOf(trustPolicy).some((principal) =>
    principal.kind === 'webIdentity'
      ? principal.providerArn === providerArn || principal.providerArn === anything
      : isAnyFederated(principal.principal),
  );
}

const isAnyFederated = (principal: unknown): boolean =>
  (principal as { readonly Federated?: unknown } | null | undefined)?.Federated === anything;

/** Whether the principals admit tokens with this subject. */
export function admitsSubject(
  principals: readonly TrustPrincipal[],
  providerArn: string,
  subject: string,
): boolean {
  return principals.some(
    (principal) =>
      principal.kind === 'webIdentity' &&
      (principal.providerArn === providerArn || principal.providerArn === anything) &&
      matchesPattern(subject, principal.subject.toLowerCase()),
  );
}

/** ServiceAccount of a subject; undefined for patterns and for other kinds of subjects. */
export function serviceAccountOfSubject(
  subject: string,
): { readonly namespace: string; readonly serviceAccount: string } | undefined {
  const [, namespace, serviceAccount] = /^system:serviceaccount:([^:*?]+):([^:*?]+)$/.exec(subject) ?? [];
  return namespace === undefined || serviceAccount === undefined ? undefined : { namespace, serviceAccount };
}

/** Readable form of a principal: `production/payments`, a pattern of subjects, or the principal as JSON. */
export function describePrincipal(principal: TrustPrincipal, ownProviderArn: string | undefined): string {
  if (principal.kind === 'other') return `principal ${JSON.stringify(principal.principal)}`;
  const { providerArn, subject } = principal;
  const named = serviceAccountOfSubject(subject);
  const who = named
    ? `${named.namespace}/${named.serviceAccount}`
    : subject === anything
      ? 'every ServiceAccount of the cluster'
      : subject;
  return ownProviderArn === undefined || [ownProviderArn, anything].includes(providerArn)
    ? who
    : `${who} of ${providerArn}`;
}
