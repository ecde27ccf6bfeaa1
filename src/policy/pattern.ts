/**
 * Pattern language of policies: `*`, `?`, and policy variables. A pattern is resolved into glyphs before it is matched,
 * so that a `*` in the value of a variable stays an ordinary character. Rules:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */

const anyRun = Symbol('*');
const anyOne = Symbol('?');
/** Glyph of a pattern: a literal character or a wildcard. */
export type Glyph = string | typeof anyRun | typeof anyOne;

/** Returns the value of a context key; undefined if the key is absent or has several values. */
export type VariableLookup = (key: string) => string | undefined;

export type ResolvedPattern =
  | { readonly ok: true; readonly glyphs: readonly Glyph[] }
  | { readonly ok: false; readonly missing: string };

/**
 * Matches a policy variable: `${key}` or `${key, 'default'}`. The variables `${*}`, `${?}` and `${$}` stand for the
 * literal characters.
 */
const variablePattern = /\$\{\s*([^},]*?)\s*(?:,\s*'([^']*)'\s*)?\}/gu;
const escapes: Readonly<Record<string, string>> = { '*': '*', '?': '?', $: '$' };

/** Whether a text contains a variable or an escape such as `${*}`. */
export function hasVariable(text: string): boolean {
  return /\$\{[^}]*\}/u.test(text);
}

/** Splits a text at its first colons into at most `limit` parts. With `aroundVariables`, colons within `${…}` are not separators. */
export function splitByColon(
  text: string,
  { limit, aroundVariables }: { readonly limit: number; readonly aroundVariables: boolean },
): readonly string[] {
  const tokens = text.match(aroundVariables ? /\$\{[^}]*\}|[^:$]+|[:$]/gu : /[^:]+|:/gu) ?? [];
  const parts = [''];
  for (const token of tokens) {
    if (token === ':' && parts.length < limit) parts.push('');
    else parts[parts.length - 1] += token;
  }
  return parts;
}

/** Converts a text without variables to glyphs. Used for actions, and for documents of version 2008-10-17. */
export function plainGlyphs(text: string): Glyph[] {
  return Array.from(text, (character) =>
    character === '*' ? anyRun : character === '?' ? anyOne : character,
  );
}

/**
 * Substitutes the variables of a text and converts the text to glyphs. A variable that has neither a value nor a
 * default makes the text unresolvable.
 */
export function resolvePattern(text: string, lookup: VariableLookup): ResolvedPattern {
  const glyphs: Glyph[] = [];
  let position = 0;
  for (const match of text.matchAll(variablePattern)) {
    glyphs.push(...plainGlyphs(text.slice(position, match.index)));
    position = match.index + match[0].length;
    const key = match[1] ?? '';
    const value = escapes[key] ?? lookup(key) ?? match[2];
    if (value === undefined) return { ok: false, missing: key };
    glyphs.push(...Array.from(value));
  }
  glyphs.push(...plainGlyphs(text.slice(position)));
  return { ok: true, glyphs };
}

/** Converts glyphs to a text in which wildcards are literal characters. */
export function literalText(glyphs: readonly Glyph[]): string {
  return glyphs.map((glyph) => (glyph === anyRun ? '*' : glyph === anyOne ? '?' : glyph)).join('');
}

/** Whether the last glyph is the wildcard `*`. */
export function endsOpen(glyphs: readonly Glyph[]): boolean {
  return glyphs.at(-1) === anyRun;
}

/**
 * Whether the glyphs match the whole text, by code point. Backtracks only to the last `*`, so that the time is at most
 * proportional to the product of both lengths.
 */
export function matchesGlyphs(glyphs: readonly Glyph[], text: string): boolean {
  const characters = Array.from(text);
  let at = 0;
  let glyph = 0;
  let retryGlyph = -1;
  let retryAt = 0;
  while (at < characters.length) {
    const wanted = glyphs[glyph];
    if (wanted === anyRun) {
      retryGlyph = glyph;
      retryAt = at;
      glyph += 1;
    } else if (wanted !== undefined && (wanted === anyOne || wanted === characters[at])) {
      glyph += 1;
      at += 1;
    } else if (retryGlyph >= 0) {
      retryAt += 1;
      at = retryAt;
      glyph = retryGlyph + 1;
    } else {
      return false;
    }
  }
  while (glyphs[glyph] === anyRun) glyph += 1;
  return glyph === glyphs.length;
}
