/**
 * Evaluates the conditions of a statement. All conditions must hold, and the values of one condition are alternatives.
 * Special rules apply to absent and multivalued keys.
 * Rules:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
 */
import type { ContextReader } from './context.ts';
import type { PolicyCondition } from './model.ts';
import { comparisonOf } from './operators.ts';
import { plainGlyphs, resolvePattern, type Glyph } from './pattern.ts';

/**
 * Whether all conditions hold. Every condition is evaluated, even after one has failed, so that the context records all
 * requested keys.
 */
export function conditionsHold(
  conditions: readonly PolicyCondition[],
  context: ContextReader,
  variables: boolean,
): boolean {
  return conditions.map((condition) => conditionHolds(condition, context, variables)).every(Boolean);
}

function conditionHolds(condition: PolicyCondition, context: ContextReader, variables: boolean): boolean {
  const { base, ifExists, quantifier } = condition.operator;
  const given = context.values(condition.key);
  if (base === 'Null') {
    const absent = given === undefined || given.length === 0;
    return condition.values.some((value) => (value.toLowerCase() === 'true') === absent);
  }
  const comparison = comparisonOf(base);
  const wanted = condition.values.flatMap((value) =>
    glyphsOf(value, comparison.variables && variables, context),
  );
  /**
   * Whether the request's value satisfies the condition. A variable without a value matches nothing, so only a negated
   * operator holds for it.
   */
  const satisfies = (value: string): boolean =>
    wanted.some((pattern) => comparison.compares(value, pattern)) !== comparison.negated;

  if (given === undefined) {
    // ForAnyValue requires a matching value. For an absent key, it is false even with IfExists.
    if (quantifier === 'ForAnyValue') return false;
    return ifExists || quantifier === 'ForAllValues' || comparison.negated;
  }
  // IAM's documentation treats an empty string as a null data set, and ForAllValues is true for a null data set.
  if (quantifier === 'ForAllValues') return given.every((value) => value === '' || satisfies(value));
  if (quantifier === 'ForAnyValue') return given.some(satisfies);
  // AWS does not define the result for several values without a set operator. This evaluation then requires a negated
  // operator to hold for every value, and any other operator for at least one.
  return comparison.negated ? given.every(satisfies) : given.some(satisfies);
}

function glyphsOf(value: string, variables: boolean, context: ContextReader): (readonly Glyph[])[] {
  if (!variables) return [plainGlyphs(value)];
  const resolved = resolvePattern(value, context.single);
  return resolved.ok ? [resolved.glyphs] : [];
}
