/**
 * Accounts that may call an action on a resource, by the documents of their policies. Pure. Resource policies, service control
 * policies and policies of VPC endpoints are not known here, and each of them can deny the call.
 */
import { evaluateIdentity } from '../../policy/evaluate.ts';
import { parsePolicyDocument } from '../../policy/document.ts';
import type { Evaluation, PolicyDocument, PolicySource } from '../../policy/model.ts';
import type { WhoCan, WhoCanRow } from '../console/wire.ts';

export type AccountWithPolicies = {
  readonly name: string;
  readonly policies: readonly string[];
  /** ARN of the permissions boundary. */
  readonly boundary?: string;
};

type Question = { readonly action: string; readonly resource: string };

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
  const named = new Set(
    accounts.flatMap(({ policies, boundary }) => [...policies, ...(boundary ? [boundary] : [])]),
  );
  const rows = accounts.map((account): WhoCanRow => {
    const evaluation = evaluate(question, account, parsed);
    const decision = decisionOf(evaluation);
    const remaining = { ...account, policies: account.policies.filter((arn) => arn !== without) };
    const loses =
      without !== undefined &&
      decision !== 'denied' &&
      decisionOf(evaluate(question, remaining, parsed)) === 'denied';
    return {
      account: account.name,
      decision,
      by: evaluation.by.map(({ policy, statement }) => ({
        policy,
        statement: statementText(documents.get(policy) ?? '', statement),
      })),
      conditions: evaluation.missingContextKeys,
      isComplete: [...account.policies, ...(account.boundary ? [account.boundary] : [])].every((arn) =>
        parsed.has(arn),
      ),
      ...(without === undefined ? {} : { loses }),
    };
  });
  return { ...question, rows, unread: [...named].filter((arn) => !parsed.has(arn)).sort() };
}

function evaluate(
  { action, resource }: Question,
  { policies, boundary }: AccountWithPolicies,
  parsed: ReadonlyMap<string, PolicyDocument>,
): Evaluation {
  const sources = (arns: readonly string[]): readonly PolicySource[] =>
    arns.flatMap((id) => {
      const document = parsed.get(id);
      return document ? [{ id, document }] : [];
    });
  return evaluateIdentity(
    { action, resource, context: {} },
    { identity: sources(policies), ...(boundary === undefined ? {} : { boundary: sources([boundary]) }) },
  );
}

/** Statements whose conditions need values of a real request neither allow nor deny without them. */
function decisionOf({ decision, missingContextKeys }: Evaluation): WhoCanRow['decision'] {
  if (decision === 'explicitDeny') return 'denied';
  if (missingContextKeys.length > 0) return 'depends';
  return decision === 'allowed' ? 'allowed' : 'denied';
}

function statementText(document: string, index: number): string {
  const { Statement: statements } = JSON.parse(document) as { readonly Statement: unknown };
  const statement: unknown = Array.isArray(statements) ? statements[index] : statements;
  return JSON.stringify(statement, undefined, 2);
}
