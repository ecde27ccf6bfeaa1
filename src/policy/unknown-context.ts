/**
 * Evaluates policies for a request with some unknown context keys. A statement whose conditions or variables need an
 * unknown key may or may not match. A decision `allowed` or `denied` holds for every value of the unknown keys. All
 * functions are pure.
 */
import { evaluateIdentity } from './evaluate.ts';
import type {
  EvaluationRequest,
  MatchedStatement,
  PolicyDocument,
  PolicyLayer,
  PolicySource,
  PolicyStatement,
} from './model.ts';

/** Policies of one layer. `isPartial` is true if some policies of the layer could not be read. */
export type KnownLayer = { readonly sources: readonly PolicySource[]; readonly isPartial: boolean };

export type KnownPolicies = { readonly identity: KnownLayer; readonly boundary?: KnownLayer };

export type Answer = {
  /**
   * - `allowed`: the policies that were read allow the request for every value of the unknown keys
   * - `denied`: no value of the unknown keys allows the request, and every policy that could allow it was read
   * - `depends`: the decision depends on the values of the keys in `conditions`
   * - `unknown`: the request can be allowed only by a policy that could not be read
   */
  readonly decision: 'allowed' | 'denied' | 'depends' | 'unknown';
  /**
   * Statements that decided. For a denied request, these are the denying statements; otherwise, they are the statements
   * that allow or may deny the request. Empty if no statement applies.
   */
  readonly by: readonly MatchedStatement[];
  /** Unknown context keys that the decision depends on. Sorted, in the original spelling. */
  readonly conditions: readonly string[];
};

type Match = {
  readonly statement: MatchedStatement;
  readonly effect: PolicyStatement['effect'];
  /** Unknown keys that decide whether the statement matches. Empty if it matches for certain. */
  readonly unknown: readonly string[];
};

export function evaluateKnown(request: EvaluationRequest, policies: KnownPolicies): Answer {
  const layers = (['identity', 'boundary'] as const).flatMap((layer) => {
    const known = policies[layer];
    return known ? [{ ...known, matches: matchesOf(request, layer, known.sources) }] : [];
  });
  const matches = layers.flatMap((layer) => layer.matches);
  const denies = matches.filter(({ effect }) => effect === 'Deny');
  const certain = denies.filter(({ unknown }) => unknown.length === 0);
  if (certain.length > 0) return { decision: 'denied', by: statementsOf(certain), conditions: [] };
  const allows = layers.map((layer) => layer.matches.filter(({ effect }) => effect === 'Allow'));
  if (allows.some((found, index) => found.length === 0 && layers[index]?.isPartial !== true))
    return { decision: 'denied', by: [], conditions: [] };
  if (allows.some((found) => found.length === 0))
    return { decision: 'unknown', by: statementsOf(matches), conditions: [] };
  const open = [
    ...denies,
    ...allows.filter((found) => found.every(({ unknown }) => unknown.length > 0)).flat(),
  ];
  return {
    decision: open.length === 0 ? 'allowed' : 'depends',
    by: statementsOf(matches),
    conditions: [...new Set(open.flatMap(({ unknown }) => unknown))].sort(),
  };
}

const statementsOf = (matches: readonly Match[]): readonly MatchedStatement[] =>
  matches.map(({ statement }) => statement);

function matchesOf(
  request: EvaluationRequest,
  layer: PolicyLayer,
  sources: readonly PolicySource[],
): readonly Match[] {
  return sources.flatMap(({ id, document }) =>
    document.statements.flatMap((statement, index): readonly Match[] => {
      const unknown = unknownKeys(request, document, statement);
      if (unknown === undefined) return [];
      const { sid, effect } = statement;
      const found = { layer, policy: id, statement: index, ...(sid === undefined ? {} : { sid }) };
      return [{ statement: found, effect, unknown }];
    }),
  );
}

/**
 * Returns the unknown keys that decide whether the statement matches. Returns an empty list if the statement always
 * matches, and undefined if it never matches.
 */
function unknownKeys(
  request: EvaluationRequest,
  document: PolicyDocument,
  statement: PolicyStatement,
): readonly string[] | undefined {
  const parts = [[], ...statement.conditions.map((condition) => [condition])];
  const keys = new Set<string>();
  for (const conditions of parts) {
    const alone = { ...document, statements: [{ ...statement, conditions }] };
    const policies = { identity: [{ id: '', document: alone }] };
    const { by, missingContextKeys } = evaluateIdentity(request, policies);
    if (missingContextKeys.length === 0 && by.length === 0) return undefined;
    for (const key of missingContextKeys) keys.add(key);
  }
  return [...keys];
}
