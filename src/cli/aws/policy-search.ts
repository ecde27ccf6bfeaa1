/** Finds AWS managed policies by the parts of their names that a person remembers. Pure. */

export type NamedPolicy = { readonly name: string; readonly arn: string };

/**
 * Returns the best match first. The name or path of a policy has to contain each word of the text, either literally (a
 * match at the start of a part of the name ranks highest) or abbreviated, as `s3roa` for `AmazonS3ReadOnlyAccess`.
 */
export function searchPolicies<P extends NamedPolicy>(text: string, policies: readonly P[]): readonly P[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return policies
    .flatMap((policy) => {
      const scores = words.map((word) => scoreOf(word, policy));
      return scores.includes(0) ? [] : [{ policy, score: scores.reduce((sum, score) => sum + score, 0) }];
    })
    .toSorted(
      (a, b) =>
        b.score - a.score ||
        a.policy.name.length - b.policy.name.length ||
        (a.policy.name < b.policy.name ? -1 : 1),
    )
    .map(({ policy }) => policy);
}

/** Returns 0 when the policy does not match the word. */
function scoreOf(word: string, { name, arn }: NamedPolicy): number {
  if (name.toLowerCase() === word || arn.toLowerCase() === word) return 100;
  const lower = name.toLowerCase();
  const starts = partStarts(name);
  const exact = starts.some((start) => lower.startsWith(word, start));
  if (exact) return 50;
  if (lower.includes(word)) return 30;
  if (isInitials(word, lower, starts)) return 10;
  return arn.toLowerCase().includes(word) ? 5 : 0;
}

/** Positions where the parts of a name such as `AmazonS3ReadOnlyAccess` or `service-role` begin. */
function partStarts(name: string): readonly number[] {
  return [...name.matchAll(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+/g)].map((match) => match.index);
}

/**
 * Whether the name contains the letters of the word in order, each adjacent to the previous letter or at the start of a
 * part.
 */
function isInitials(word: string, lower: string, starts: readonly number[]): boolean {
  const from = (at: number, position: number): boolean => {
    if (at === word.length) return true;
    if (at > 0 && lower[position] === word[at] && from(at + 1, position + 1)) return true;
    return starts.some((start) => start >= position && lower[start] === word[at] && from(at + 1, start + 1));
  };
  return from(0, 0);
}
