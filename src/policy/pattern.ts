/**
 * Pattern language of policies: `*`, `?`, and policy variables. A pattern is resolved into glyphs before it is matched,
 * so that a `*` in the value of a variable stays an ordinary character.
 * Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */

const anyRun = Symbol('*');
const anyOne = Symbol('?');
/** One character that must be equal, or a wildcard. */
export type Glyph = string | typeof anyRun | typeof anyOne;

/** Gives the single value of a context key, or undefined when the key is absent or has several values. */
export type VariableLookup = (key: string) => string | undefined;

export type ResolvedPattern =
  | { readonly ok: true; readonly glyphs: readonly Glyph[] }
  | { readonly ok: false; readonly missing: string };

/** `${key}` or `${key, 'default'}`; `${*}`, `${?}` and `${$}` stand for the characters themselves. */
const variablePattern = /\$\{\s*([^},]*?)\s*(?:,\s*'([^']*)'\s*)?\}/gu;
const escapes: Readonly<Record<string, string>> = { '*': '*', '?': '?', $: '$' };

/** Whether a text holds a variable, an escape such as `${*}` included. */
export function hasVariable(text: string): boolean {
  return /\$\{[^}]*\}/u.test(text);
}

/** Parts of a text between its first colons, at most `limit` of them. Colons within `${…}` separate nothing when `aroundVariables`. */
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

/** Glyphs of a text without variables (actions, and documents of version 2008-10-17). */
export function plainGlyphs(text: string): Glyph[] {
  return Array.from(text, (character) =>
    character === '*' ? anyRun : character === '?' ? anyOne : character,
  );
}

/** Glyphs of a text with its variables filled in. The first variable without a value or default makes it unresolvable. */
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

/** The text of a pattern read literally, its wildcards standing for themselves. */
export function literalText(glyphs: readonly Glyph[]): string {
  return glyphs.map((glyph) => (glyph === anyRun ? '*' : glyph === anyOne ? '?' : glyph)).join('');
}

/** True when the last glyph is `*`. */
export function endsOpen(glyphs: readonly Glyph[]): boolean {
  return glyphs.at(-1) === anyRun;
}

/** Whether the whole text matches, by code point. Backtracks only to the last `*`: time is at most length × length. */
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
