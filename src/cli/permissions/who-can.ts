/**
 * Accounts that may call an action on a resource, by the documents of their policies. Pure. Policies outside of the account, see
 * `notEvaluated`, are not known here, and each of them can deny the call.
 */
import { parsePolicyDocument } from '../../policy/document.ts';
import type { PolicyDocument, RequestContext } from '../../policy/model.ts';
import { evaluateKnown, type Answer, type KnownLayer } from '../../policy/unknown-context.ts';

export type AccountWithPolicies = {
  readonly name: string;
  /** ARNs of the policies, and names of documents that only this account has. */
  readonly policies: readonly string[];
  /** ARNs of `policies` that are not attached to the role, or not yet. */
  readonly detached?: readonly string[];
  /** ARN of the permissions boundary of the role: that of the account, or else that of the ClusterConfig. */
  readonly boundary?: string;
  /** Context keys that every request of the account's pods has. */
  readonly context?: RequestContext;
  /** Whether a Quarantine denies every session of the role now, whatever its policies allow. */
  readonly isQuarantined?: boolean;
};

export type Question = { readonly action: string; readonly resource: string };

export type WhoCanRow = {
  readonly account: string;
  /** `depends`: a condition needs values of a real request. `unknown`: only a policy that could not be read may allow it. */
  readonly decision: Answer['decision'];
  /** Deciding statements. */
  readonly by: readonly {
    readonly policy: string;
    readonly statement: string;
    /** False if the account lists the policy and the role does not have it, or not yet. */
    readonly isAttached: boolean;
  }[];
  /** Condition keys on which the decision depends. */
  readonly conditions: readonly string[];
  /** Whether every policy of the account could be read. */
  readonly isComplete: boolean;
  /** Whether a Quarantine denies every session now. `decision` is the answer of the policies. */
  readonly isQuarantined: boolean;
  /** Whether the account loses the permission without the policy in question. */
  readonly loses?: boolean;
};

export type WhoCan = {
  readonly action: string;
  readonly resource: string;
  readonly rows: readonly WhoCanRow[];
  /** ARNs of policies that could not be read: rows may be incomplete. */
  readonly unread: readonly string[];
};

/** Answer with what it lacks. */
export type WhoCanAnswer = WhoCan & {
  /** ARN of the policy without which the question was asked too. */
  readonly without?: string;
  /** Whether inline policies that others put on the roles were read. If not, each of them can allow or deny the call. */
  readonly isInlineEvaluated: boolean;
  /** Sources of a decision that the answer does not contain. */
  readonly notEvaluated: readonly string[];
};

/** Inline policies that others put on roles, as a source of decisions. They are read with the user's AWS credentials. */
export const foreignInline = 'inline policies that others put on a role';

/** Sources of a decision of AWS that the answer does not contain. */
export const notEvaluated: readonly string[] = [
  'resource policies, which can also allow a call',
  'service and resource control policies',
  'session policies',
  'policies of VPC endpoints',
  foreignInline,
];

/**
 * @param documents texts of policies by ARN; a policy that could not be read is missing
 * @param without ARN of a policy; the rows say who loses the permission if no account lists it
 */
export function whoCan(
  question: Question,
  accounts: readonly AccountWithPolicies[],
  documents: ReadonlyMap<string, string>,
  without?: string,
): WhoCan {
  const parsed = new Map<string, PolicyDocument>();
  for (const [arn, text] of documents) {
    const policy = parsePolicyDocument(text, 'identity');
    if (policy.ok) parsed.set(arn, policy.document);
  }
  const rows = accounts.map((account): WhoCanRow => {
    const { decision, by, conditions } = evaluate(question, account, parsed);
    const remaining = { ...account, policies: account.policies.filter((arn) => arn !== without) };
    return {
      account: account.name,
      decision,
      by: by.map(({ policy, statement }) => ({
        policy,
        statement: statementText(documents.get(policy) ?? '', statement),
        isAttached: account.detached?.includes(policy) !== true,
      })),
      conditions,
      isComplete: policiesNamed(account).every((arn) => parsed.has(arn)),
      isQuarantined: account.isQuarantined === true,
      ...(without === undefined
        ? {}
        : { loses: decision !== 'denied' && evaluate(question, remaining, parsed).decision === 'denied' }),
    };
  });
  const named = new Set(accounts.flatMap(policiesNamed));
  return { ...question, rows, unread: [...named].filter((arn) => !parsed.has(arn)).sort() };
}

/** ARNs of the policies and of the boundary. */
export function policiesNamed({ policies, boundary }: AccountWithPolicies): readonly string[] {
  return boundary === undefined ? policies : [...policies, boundary];
}

function evaluate(
  question: Question,
  { policies, boundary, context = {} }: AccountWithPolicies,
  parsed: ReadonlyMap<string, PolicyDocument>,
): Answer {
  const layer = (arns: readonly string[]): KnownLayer => {
    const sources = arns.flatMap((id) => {
      const document = parsed.get(id);
      return document ? [{ id, document }] : [];
    });
    return { sources, isPartial: sources.length < arns.length };
  };
  return evaluateKnown(
    { ...question, context },
    { identity: layer(policies), ...(boundary === undefined ? {} : { boundary: layer([boundary]) }) },
  );
}

function statementText(document: string, index: number): string {
  const { Statement: statements } = JSON.parse(document) as { readonly Statement: unknown };
  const statement: unknown = Array.isArray(statements) ? statements[index] : statements;
  return JSON.stringify(statement, undefined, 2);
}
