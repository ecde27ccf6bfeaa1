/**
 * Matching ARNs as IAM does: each of the six colon-separated segments on its own, so that a `*` in the region never
 * swallows the account. The sixth segment may itself hold colons.
 */
import { endsOpen, matchesGlyphs } from './pattern.ts';
import type { Glyph } from './pattern.ts';

const segmentCount = 6;

/**
 * Whether an ARN matches a pattern. A pattern with fewer than six segments matches only when it ends in `*`, which then
 * stands for everything that follows (`arn:aws:waf:*`); `*` alone matches every resource, also the `*` of an action
 * that has none.
 */
export function matchesArn(pattern: readonly Glyph[], arn: string): boolean {
  if (pattern.length === 1 && endsOpen(pattern)) return true;
  const wanted = splitSegments(pattern, (glyph) => glyph === ':');
  const given = splitSegments(Array.from(arn), (character) => character === ':').map((part) => part.join(''));
  if (given.length < segmentCount) return false;
  if (wanted.length < segmentCount && !endsOpen(pattern)) return false;
  const last = wanted.length - 1;
  return wanted.every((segment, index) =>
    matchesGlyphs(segment, index === last ? given.slice(index).join(':') : (given[index] ?? '')),
  );
}

/** Splits at the first five separators. */
function splitSegments<T>(items: readonly T[], isSeparator: (item: T) => boolean): T[][] {
  const segments: T[][] = [];
  let current: T[] = [];
  for (const item of items) {
    if (segments.length < segmentCount - 1 && isSeparator(item)) {
      segments.push(current);
      current = [];
    } else {
      current.push(item);
    }
  }
  segments.push(current);
  return segments;
}

/** The account of an ARN, or undefined when it names none. */
export function accountOfArn(arn: string): string | undefined {
  const account = arn.split(':')[4];
  return account === undefined || account === '' ? undefined : account;
}
