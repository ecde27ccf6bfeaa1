/**
 * Decides whether policies allow a request: an explicit deny anywhere wins, and otherwise every layer that is present
 * (identity, permissions boundary, session) must allow.
 * Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
import { accountOfArn, matchesArn } from './arn.ts';
import { conditionsHold } from './conditions.ts';
import { readContext } from './context.ts';
import type { ContextReader } from './context.ts';
import type {
  Evaluation,
  EvaluationRequest,
  IdentityPolicies,
  MatchedStatement,
  PatternSet,
  PolicyDocument,
  PolicyLayer,
  PolicyPrincipal,
  PolicySource,
  PolicyStatement,
  TrustEvaluation,
  TrustRequest,
} from './model.ts';
import { matchesGlyphs, plainGlyphs, resolvePattern } from './pattern.ts';

/** Evaluates the policies of a caller against one action on one resource. */
export function evaluateIdentity(request: EvaluationRequest, policies: IdentityPolicies): Evaluation {
  const context = readContext(request.context);
  const layers: { layer: PolicyLayer; sources: readonly PolicySource[] }[] = [
    { layer: 'identity', sources: policies.identity },
  ];
  if (policies.boundary) layers.push({ layer: 'boundary', sources: policies.boundary });
  if (policies.session) layers.push({ layer: 'session', sources: policies.session });
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

/** Evaluates a role's trust policy for one caller. */
export function evaluateTrust(request: TrustRequest, document: PolicyDocument): TrustEvaluation {
  const context = readContext(request.context);
  const statements = matchingStatements(
    document,
    (statement, variables) =>
      matchesAction(statement.action, request.action) &&
      statement.principal !== undefined &&
      matchPrincipal(statement.principal, request.principal) !== 'no' &&
      conditionsHold(statement.conditions, context, variables),
  ).map((found) => ({ ...found, layer: 'trust' as const, policy: 'trust' }));
  const evaluation = decide([{ layer: 'trust', statements }], context);
  const delegatedToAccount =
    evaluation.decision === 'allowed' &&
    evaluation.by.every(({ statement }) => {
      const principal = document.statements[statement]?.principal;
      return principal !== undefined && matchPrincipal(principal, request.principal) === 'account';
    });
  return { ...evaluation, delegatedToAccount };
}

type FoundStatement = MatchedStatement & { readonly effect: PolicyStatement['effect'] };

function decide(
  layers: readonly { readonly layer: PolicyLayer; readonly statements: readonly FoundStatement[] }[],
  context: ContextReader,
): Evaluation {
  const missingContextKeys = context.missing();
  const pick = (effect: PolicyStatement['effect']): MatchedStatement[] =>
    layers.flatMap(({ statements }) =>
      statements
        .filter((statement) => statement.effect === effect)
        .map(({ layer, policy, statement, sid }) => ({
          layer,
          policy,
          statement,
          ...(sid === undefined ? {} : { sid }),
        })),
    );
  const denies = pick('Deny');
  if (denies.length > 0) {
    return { decision: 'explicitDeny', by: denies, notAllowedBy: [], missingContextKeys };
  }
  const notAllowedBy = layers
    .filter(({ statements }) => !statements.some(({ effect }) => effect === 'Allow'))
    .map(({ layer }) => layer);
  if (notAllowedBy.length > 0) {
    return { decision: 'implicitDeny', by: [], notAllowedBy, missingContextKeys };
  }
  return { decision: 'allowed', by: pick('Allow'), notAllowedBy, missingContextKeys };
}

/** Statements to which the test applies. Variables exist only since version 2012-10-17 of the policy language. */
function matchingStatements(
  document: PolicyDocument,
  applies: (statement: PolicyStatement, variables: boolean) => boolean,
): { statement: number; effect: PolicyStatement['effect']; sid?: string }[] {
  const variables = document.version === '2012-10-17';
  return document.statements.flatMap((statement, index) =>
    applies(statement, variables)
      ? [
          {
            statement: index,
            effect: statement.effect,
            ...(statement.sid === undefined ? {} : { sid: statement.sid }),
          },
        ]
      : [],
  );
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
  const matched = resource.patterns.some((pattern) => {
    if (!variables) return matchesArn(plainGlyphs(pattern), given);
    const resolved = resolvePattern(pattern, context.single);
    return resolved.ok && matchesArn(resolved.glyphs, given);
  });
  return matched !== resource.negated;
}

/** `account` when only the caller's account is named, which leaves the decision to the caller's own policies too. */
function matchPrincipal(
  principal: PolicyPrincipal,
  caller: TrustRequest['principal'],
): 'direct' | 'account' | 'no' {
  if (principal.kind === 'anyone') return 'direct';
  let result: 'account' | 'no' = 'no';
  for (const { type, value } of principal.entries) {
    // AWS documents `"*"` and `{"AWS": "*"}` as equivalent.
    if (type === 'AWS' && value === '*') return 'direct';
    if (type !== caller.type) continue;
    if (caller.values.includes(value)) return 'direct';
    if (type === 'AWS' && namesAccountOf(value, caller.values)) result = 'account';
  }
  return result;
}

function namesAccountOf(value: string, callers: readonly string[]): boolean {
  const root = /^(?:arn:[^:]+:iam::)?(\d{12})(?::root)?$/.exec(value);
  return root !== null && callers.some((caller) => accountOfArn(caller) === root[1]);
}
