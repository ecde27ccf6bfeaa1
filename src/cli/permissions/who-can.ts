/**
 * Determines which accounts may call an action on a resource, from their policy documents. Pure. Policies from other
 * sources (see `notEvaluated`) are unknown here, and each of them can deny the call.
 */
import { parsePolicyDocument } from '../../policy/document.ts';
import type { PolicyDocument, RequestContext } from '../../policy/model.ts';
import { evaluateKnown, type Answer, type KnownLayer } from '../../policy/unknown-context.ts';

export type AccountWithPolicies = {
  readonly name: string;
  /** ARNs of managed policies, and names of the account's own documents (its statements and inline policies). */
  readonly policies: readonly string[];
  /** Entries of `policies` that the role does not (yet) have. */
  readonly detached?: readonly string[];
  /** ARN of the role's permissions boundary: from the account, or else from the ClusterConfig. */
  readonly boundary?: string;
  /** Context keys that every request of the account's pods has. */
  readonly context?: RequestContext;
  /** Whether a Quarantine denies every session of the role now, whatever its policies allow. */
  readonly isQuarantined?: boolean;
};

export type Question = { readonly action: string; readonly resource: string };

export type WhoCanRow = {
  readonly account: string;
  /**
   * `depends`: a condition needs values of a real request. `unknown`: the decision depends on a policy that could not
   * be read.
   */
  readonly decision: Answer['decision'];
  /** Deciding statements. */
  readonly by: readonly {
    readonly policy: string;
    readonly statement: string;
    /** False if the account lists the policy but the role does not (yet) have it. */
    readonly isAttached: boolean;
  }[];
  /** Condition keys that the decision depends on. */
  readonly conditions: readonly string[];
  /** Whether every policy of the account could be read. */
  readonly isComplete: boolean;
  /** Whether a Quarantine denies every session now. `decision` does not take this into account. */
  readonly isQuarantined: boolean;
  /** Whether the account would lose the permission without the policy that the question names in `without`. */
  readonly loses?: boolean;
};

export type WhoCan = {
  readonly action: string;
  readonly resource: string;
  readonly rows: readonly WhoCanRow[];
  /** ARNs of policies that could not be read. If there are any, the rows may be incomplete. */
  readonly unread: readonly string[];
};

/** Answer, with the kinds of policies that AWS also evaluates but that this answer leaves out. */
export type WhoCanAnswer = WhoCan & {
  /** ARN of the policy whose removal is evaluated too; see `loses`. */
  readonly without?: string;
  /**
   * Whether inline policies that others added to the roles were read. If not, each of these policies can allow or deny
   * the call.
   */
  readonly isInlineEvaluated: boolean;
  /** Kinds of policies that AWS also evaluates but that this answer leaves out. */
  readonly notEvaluated: readonly string[];
};

/**
 * Entry of `notEvaluated` for inline policies that others added to roles. An answer omits this entry if these policies
 * could be read with the user's AWS credentials.
 */
export const foreignInline = 'inline policies that others put on a role';

/**
 * Kinds of policies that AWS also evaluates but that an answer leaves out. An answer leaves out `foreignInline` only if
 * these policies could not be read.
 */
export const notEvaluated: readonly string[] = [
  'resource policies, which can also allow a call',
  'service and resource control policies',
  'session policies',
  'policies of VPC endpoints',
  foreignInline,
];

/**
 * @param documents texts of policies by ARN, without the policies that could not be read
 * @param without ARN of a policy whose removal is also evaluated: `loses` says whether an account would lose the
 * permission if the policy were removed from the account
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
