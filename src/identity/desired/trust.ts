/**
 * Trust policies of roles. A trust policy is always generated and names exactly one issuer, one audience and the linked subjects.
 */
import { podIdentityAudience, stsAudience } from '../../api/index.ts';
import { issuerHost } from './arn.ts';
import { statementsIn, type Statement } from './documents.ts';

/** Subject of a ServiceAccount's token. Source: Kubernetes, "Service account tokens". */
export function subjectOf(namespace: string, serviceAccount: string): string {
  return `system:serviceaccount:${namespace}:${serviceAccount}`;
}

/** Principals of EKS Pod Identity: one ServiceAccount name in these namespaces of one cluster. */
export type PodIdentitySubjects = {
  readonly clusterArn: string;
  readonly namespaces: readonly string[];
  readonly serviceAccount: string;
};

/**
 * Renders the trust policy with sorted subjects and without white space, so that requests and diffs are short. (IAM's quota
 * ignores white space.) If there is no subject, the trust policy consists of a Deny statement, because IAM rejects a policy
 * without a statement.
 */
export function trustPolicy(of: {
  readonly providerArn: string;
  readonly issuer: string;
  readonly subjects: readonly string[];
  readonly podIdentity?: PodIdentitySubjects;
}): string {
  const { podIdentity } = of;
  const statements = [
    ...(of.subjects.length > 0 || !podIdentity?.namespaces.length ? [webIdentityStatement(of)] : []),
    ...(podIdentity?.namespaces.length ? [podIdentityStatement(podIdentity)] : []),
  ];
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

function webIdentityStatement(of: {
  readonly providerArn: string;
  readonly issuer: string;
  readonly subjects: readonly string[];
}): object {
  const host = issuerHost(of.issuer);
  const use = { Principal: { Federated: of.providerArn }, Action: 'sts:AssumeRoleWithWebIdentity' };
  if (of.subjects.length === 0) return { Effect: 'Deny', ...use };
  const claims = { [`${host}:aud`]: stsAudience, [`${host}:sub`]: [...of.subjects].sort() };
  return { Effect: 'Allow', ...use, Condition: { StringEquals: claims } };
}

/**
 * Statement for EKS Pod Identity. The service passes session tags that identify the pod, so the statement also needs
 * `sts:TagSession`. The conditions apply to both actions.
 * Source: EKS User Guide, "Create IAM role with trust policy required by EKS Pod Identity". `aws:SourceArn` is the cluster's ARN,
 * not the association's: AWS Containers Blog, "Amazon EKS Pod Identity: a new way for applications on EKS to obtain IAM
 * credentials". https://github.com/awslabs/mountpoint-s3-csi-driver/issues/781 shows the failure with the association's ARN.
 */
function podIdentityStatement({ clusterArn, namespaces, serviceAccount }: PodIdentitySubjects): object {
  return {
    Effect: 'Allow',
    Principal: { Service: podIdentityAudience },
    Action: ['sts:AssumeRole', 'sts:TagSession'],
    Condition: {
      StringEquals: {
        'aws:SourceArn': clusterArn,
        'aws:RequestTag/kubernetes-namespace': [...namespaces].sort(),
        'aws:RequestTag/kubernetes-service-account': serviceAccount,
      },
    },
  };
}

/**
 * Whether two policy documents are equivalent: the order of keys and of the elements of a list is ignored, and `x`
 * equals `[x]`.
 */
export function sameDocument(a: string, b: string): boolean {
  return a === b || canonical(a) === canonical(b);
}

/**
 * Returns the part of a trust policy that affects one namespace's pods with Pod Identity. Statements for web identities
 * and the names of other namespaces are omitted.
 */
export function trustForNamespace(document: string, namespace: string): string {
  const { statements, views } = podTrustIn(document);
  const isNamed = statements.map(({ namespaces }) => namespaces?.has(namespace) ?? true);
  const pattern = isNamed.join();
  const known = views.get(pattern);
  if (known !== undefined) return known;
  const seen = statements.map(({ statement, namespaces }, at) =>
    namespaces ? narrowed(statement, isNamed[at] === true) : statement,
  );
  const view = canonical(JSON.stringify(seen));
  views.set(pattern, view);
  return view;
}

/** ARNs of the OIDC providers that a trust policy names in any statement; empty if the document is not JSON. */
export function oidcProvidersIn(document: string): readonly string[] {
  const federated = (statementsIn(document) ?? []).flatMap(({ Principal: principal }) => {
    if (typeof principal !== 'object' || principal === null) return [];
    return [(principal as { readonly Federated?: unknown }).Federated].flat().map(String);
  });
  return [...new Set(federated.filter((arn) => arn.includes(':oidc-provider/')))].sort();
}

/** Whether a trust policy explicitly names the namespace in a statement for Pod Identity. */
export function admitsPodIdentity(document: string, namespace: string): boolean {
  // Most documents do not contain the key that limits Pod Identity to a namespace, so they need not be parsed. A
  // document with a backslash is parsed, because an escape sequence may hide the key.
  if (!document.includes(namespaceKey) && !document.includes('\\')) return false;
  return podTrustIn(document).statements.some(({ namespaces }) => namespaces?.has(namespace) === true);
}

type PodTrust = {
  readonly statements: readonly {
    readonly statement: Statement;
    /** Namespaces that the statement names; undefined if the statement applies to all namespaces. */
    readonly namespaces: ReadonlySet<string> | undefined;
  }[];
  /** Cached results of `trustForNamespace`. The key shows which of the statements name the namespace. */
  readonly views: Map<string, string>;
};

/** Cache of parsed trust policies. An account with hundreds of targets needs the same few documents for each target. */
const recentTrusts = new Map<string, PodTrust>();
const maxRecent = 16;

function podTrustIn(document: string): PodTrust {
  const known = recentTrusts.get(document);
  if (known) return known;
  const read = readPodTrust(document);
  if (recentTrusts.size >= maxRecent) recentTrusts.clear();
  recentTrusts.set(document, read);
  return read;
}

function readPodTrust(document: string): PodTrust {
  const statements = statementsIn(document);
  if (!statements) return { statements: [], views: new Map([['', document]]) };
  return {
    statements: statements
      .filter((statement) => !isOfWebIdentity(statement))
      .map((statement) => ({ statement, namespaces: namespacesIn(statement) })),
    views: new Map(),
  };
}

function isOfWebIdentity({ Principal: principal }: Statement): boolean {
  return (
    typeof principal === 'object' &&
    principal !== null &&
    Object.keys(principal).every((type) => type === 'Federated')
  );
}

const namespaceKey = 'aws:RequestTag/kubernetes-namespace';

function namespacesIn({ Condition: condition }: Statement): ReadonlySet<string> | undefined {
  const values = condition?.StringEquals?.[namespaceKey];
  return values === undefined ? undefined : new Set([values].flat().map(String));
}

function narrowed(statement: Statement, isNamed: boolean): Statement {
  const { Condition: condition } = statement;
  const equals = { ...condition?.StringEquals, [namespaceKey]: isNamed };
  return { ...statement, Condition: { ...condition, StringEquals: equals } };
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
