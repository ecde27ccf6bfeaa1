/**
 * Decides whether policies allow a request. An explicit deny in any policy takes precedence. Otherwise, every present
 * layer (identity, permissions boundary, session) must allow the request. Rules:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
import { accountOfArn, matchesResourceArn } from './arn.ts';
import { conditionsHold } from './conditions.ts';
import { readContext, type ContextReader } from './context.ts';
import type {
  Evaluation,
  EvaluationRequest,
  IdentityPolicies,
  MatchedStatement,
  PatternSet,
  PolicyDocument,
  PolicyLayer,
  PolicyPrincipal,
  PolicyStatement,
  TrustEvaluation,
  TrustRequest,
} from './model.ts';
import { matchesGlyphs, plainGlyphs } from './pattern.ts';

/** Evaluates the policies of a caller for one action on one resource. */
export function evaluateIdentity(request: EvaluationRequest, policies: IdentityPolicies): Evaluation {
  const context = readContext(request.context);
  const layers = (['identity', 'boundary', 'session'] as const).flatMap((layer) => {
    const sources = policies[layer];
    return sources ? [{ layer, sources }] : [];
  });
  const matched = layers.map(({ layer, sources }) => ({
    layer,
    statements: sources.flatMap(({ id, document }) =>
      matchingStatements(
        document,
        (statement, variables) =>
          matchesAction(statement.action, request.action) &&
          matchesResource(statement.resource, request.resource, context, variables) &&
          conditionsHold(statement.conditions, context, variables),
      ).map((found) => ({ ...found, layer, policy: id })),
    ),
  }));
  return decide(matched, context);
}

/** Evaluates the trust policy of a role for one caller. */
export function evaluateTrust(request: TrustRequest, document: PolicyDocument): TrustEvaluation {
  const context = readContext(request.context);
  const statements = matchingStatements(
    document,
    (statement, variables) =>
      matchesAction(statement.action, request.action) &&
      statement.principal !== undefined &&
      matchPrincipal(statement.principal, request.principal).by !== 'none' &&
      conditionsHold(statement.conditions, context, variables),
  ).map((found) => ({ ...found, layer: 'trust' as const, policy: 'trust' }));
  const evaluation = decide([{ layer: 'trust', statements }], context);
  if (evaluation.decision !== 'allowed') return { ...evaluation, delegatedToAccount: false, names: [] };
  const matches = evaluation.by.flatMap(({ statement }) => {
    const principal = document.statements[statement]?.principal;
    return principal ? [matchPrincipal(principal, request.principal)] : [];
  });
  return {
    ...evaluation,
    delegatedToAccount: matches.every(({ by }) => by === 'account'),
    names: matches.flatMap((match) => (match.by === 'name' ? match.names : [])),
  };
}

type FoundStatement = MatchedStatement & { readonly effect: PolicyStatement['effect'] };

function decide(
  layers: readonly { readonly layer: PolicyLayer; readonly statements: readonly FoundStatement[] }[],
  context: ContextReader,
): Evaluation {
  const missingContextKeys = context.missing();
  const pick = (effect: PolicyStatement['effect']): MatchedStatement[] =>
    layers.flatMap(({ statements }) =>
      statements.filter((found) => found.effect === effect).map(({ effect: _, ...found }) => found),
    );
  const denies = pick('Deny');
  if (denies.length > 0)
    return { decision: 'explicitDeny', by: denies, notAllowedBy: [], missingContextKeys };
  const notAllowedBy = layers
    .filter(({ statements }) => !statements.some(({ effect }) => effect === 'Allow'))
    .map(({ layer }) => layer);
  if (notAllowedBy.length > 0) return { decision: 'implicitDeny', by: [], notAllowedBy, missingContextKeys };
  return { decision: 'allowed', by: pick('Allow'), notAllowedBy, missingContextKeys };
}

/**
 * Returns the statements for which `applies` is true. `variables` is true only for version 2012-10-17, because the
 * earlier version of the policy language has no policy variables.
 */
function matchingStatements(
  document: PolicyDocument,
  applies: (statement: PolicyStatement, variables: boolean) => boolean,
): { statement: number; effect: PolicyStatement['effect']; sid?: string }[] {
  const variables = document.version === '2012-10-17';
  return document.statements.flatMap((statement, index) => {
    const { effect, sid } = statement;
    return applies(statement, variables)
      ? [{ statement: index, effect, ...(sid === undefined ? {} : { sid }) }]
      : [];
  });
}

function matchesAction({ negated, patterns }: PatternSet, action: string): boolean {
  const given = action.toLowerCase();
  return patterns.some((pattern) => matchesGlyphs(plainGlyphs(pattern.toLowerCase()), given)) !== negated;
}

function matchesResource(
  resource: PatternSet | undefined,
  given: string,
  context: ContextReader,
  variables: boolean,
): boolean {
  if (resource === undefined) return false;
  const lookup = variables ? context.single : undefined;
  const matched = resource.patterns.some((pattern) => matchesResourceArn(pattern, given, lookup));
  return matched !== resource.negated;
}

type PrincipalMatch =
  | { readonly by: 'name'; readonly names: readonly string[] }
  | { readonly by: 'everyone' }
  /** The trust policy names only the caller's AWS account, so the caller's own policies must also allow the call. */
  | { readonly by: 'account' }
  | { readonly by: 'none' };

function matchPrincipal(principal: PolicyPrincipal, caller: TrustRequest['principal']): PrincipalMatch {
  if (principal.kind === 'anyone') return { by: 'everyone' };
  const ofType = principal.entries.filter(({ type }) => type === caller.type).map(({ value }) => value);
  const names = ofType.filter((value) => caller.values.includes(value));
  if (names.length > 0) return { by: 'name', names };
  // AWS documents `"*"` and `{"AWS": "*"}` as equivalent.
  if (principal.entries.some(({ type, value }) => type === 'AWS' && value === '*')) return { by: 'everyone' };
  return caller.type === 'AWS' && ofType.some((value) => namesAccountOf(value, caller.values))
    ? { by: 'account' }
    : { by: 'none' };
}

function namesAccountOf(value: string, callers: readonly string[]): boolean {
  const root = /^(?:arn:[^:]+:iam::)?(\d{12})(?::root)?$/.exec(value);
  return root !== null && callers.some((caller) => accountOfArn(caller) === root[1]);
}
