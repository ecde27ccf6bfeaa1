/**
 * Matches ARNs like IAM: each of the six colon-separated segments is matched separately, so a `*` in the region never
 * extends into the account. The sixth segment may contain colons.
 */
import {
  endsOpen,
  hasVariable,
  matchesGlyphs,
  plainGlyphs,
  resolvePattern,
  splitByColon,
  type Glyph,
  type VariableLookup,
} from './pattern.ts';

/** Number of segments of a complete ARN: `arn:partition:service:region:account:resource`. */
export const segmentCount = 6;

/**
 * Whether an ARN matches an element of `Resource`. Missing segments match anything: `arn:aws:sqs` equals `arn:aws:sqs:*:*:*`.
 * Variables are recognised only in the sixth segment. An element with a variable elsewhere, or with a variable without a value,
 * matches nothing. The value of a variable never spans segments. `*` alone matches every resource, including the `*` of an action
 * without resource.
 * Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
 * @param lookup undefined if the version of the document does not support variables
 */
export function matchesResourceArn(
  pattern: string,
  arn: string,
  lookup: VariableLookup | undefined,
): boolean {
  if (pattern === '*') return true;
  const given = arn.split(':');
  if (given.length < segmentCount) return false;
  const wanted = splitByColon(pattern, { limit: segmentCount, aroundVariables: lookup !== undefined });
  return wanted.every((segment, index) => {
    const text = index === segmentCount - 1 ? given.slice(index).join(':') : (given[index] ?? '');
    if (lookup === undefined || !hasVariable(segment)) return matchesGlyphs(plainGlyphs(segment), text);
    if (index < segmentCount - 1) return false;
    const resolved = resolvePattern(segment, lookup);
    return resolved.ok && matchesGlyphs(resolved.glyphs, text);
  });
}

/**
 * Whether an ARN matches the value of an ARN condition operator. A value with fewer than six segments matches only if
 * it ends in `*`. That `*` then matches all remaining segments (`arn:aws:waf:*`).
 */
export function matchesArn(pattern: readonly Glyph[], arn: string): boolean {
  if (pattern.length === 1 && endsOpen(pattern)) return true;
  const wanted = splitSegments(pattern);
  const given = splitByColon(arn, { limit: segmentCount, aroundVariables: false });
  if (given.length < segmentCount) return false;
  if (wanted.length < segmentCount && !endsOpen(pattern)) return false;
  const last = wanted.length - 1;
  return wanted.every((segment, index) =>
    matchesGlyphs(segment, index === last ? given.slice(index).join(':') : (given[index] ?? '')),
  );
}

/** Splits the pattern at its first five colons. */
function splitSegments(pattern: readonly Glyph[]): readonly (readonly Glyph[])[] {
  const segments: Glyph[][] = [[]];
  for (const glyph of pattern) {
    if (glyph === ':' && segments.length < segmentCount) segments.push([]);
    else segments.at(-1)?.push(glyph);
  }
  return segments;
}

/** Returns the AWS account id in an ARN, or undefined if the ARN contains none. */
export function accountOfArn(arn: string): string | undefined {
  const account = arn.split(':')[4];
  return account === undefined || account === '' ? undefined : account;
}
