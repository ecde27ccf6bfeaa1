/**
 * Finds the deciding statement in a policy document, at the position that IAM reports, or by a search if IAM reports no
 * position. Pure.
 */
import { matchesPattern } from '../../../../identity/desired/arn.ts';
import type { Decision } from '../../../../aws/index.ts';

type Element = 'Effect' | 'Action' | 'NotAction' | 'Resource' | 'NotResource';
type Statement = { readonly [element in Element]?: unknown };

/** Returns the deciding statements as indented JSON. */
export function decidingStatements(
  document: string,
  { action, resource, decision }: Pick<Decision, 'action' | 'resource' | 'decision'>,
  at: Pick<Decision['by'][number], 'from' | 'to'> = {},
): readonly string[] {
  const cut = at.from && at.to ? between(document, at.from, at.to) : undefined;
  if (cut !== undefined) return [cut];
  const effect = decision === 'allowed' ? 'Allow' : 'Deny';
  return statementsOf(document)
    .filter(
      (statement) =>
        statement.Effect === effect &&
        covers(statement.Action, statement.NotAction, action.toLowerCase(), true) &&
        covers(statement.Resource, statement.NotResource, resource, false),
    )
    .map((statement) => JSON.stringify(statement, undefined, 2));
}

function statementsOf(document: string): readonly Statement[] {
  const { Statement: found } = JSON.parse(document) as { readonly Statement?: Statement | Statement[] };
  return found === undefined ? [] : [found].flat();
}

function covers(listed: unknown, excluded: unknown, wanted: string, lower: boolean): boolean {
  const fits = (patterns: unknown): boolean =>
    [patterns]
      .flat()
      .some(
        (pattern) =>
          typeof pattern === 'string' && matchesPattern(wanted, lower ? pattern.toLowerCase() : pattern),
      );
  if (listed !== undefined) return fits(listed) || (!lower && wanted === '*');
  return excluded !== undefined && !fits(excluded);
}

type Position = { readonly line: number; readonly column: number };

/**
 * Returns the text between two positions if the text is a statement. The columns that IAM reports may be off by one.
 */
function between(document: string, from: Position, to: Position): string | undefined {
  const offsetOf = ({ line, column }: Position): number =>
    document
      .split('\n')
      .slice(0, line - 1)
      .reduce((sum, text) => sum + text.length + 1, column - 1);
  const rough = document.slice(Math.max(0, offsetOf(from) - 1), offsetOf(to) + 1);
  const text = rough.slice(rough.indexOf('{'), rough.lastIndexOf('}') + 1);
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return undefined;
  }
}
