/** Finds AWS managed policies by the parts of their names that a person remembers. Pure. */

export type NamedPolicy = { readonly name: string; readonly arn: string };

/**
 * Returns the matching policies, the best match first. A policy matches if its name or path contains each word of the
 * text, either literally or abbreviated, as `s3roa` for `AmazonS3ReadOnlyAccess`. A match at the start of the name,
 * with or without the prefix Amazon or AWS, ranks above a match at the start of a later part. A match with a whole part
 * ranks above a match with the beginning of a part. Among equal matches, shorter names come first, but policies of
 * service-linked roles come last, because no other role can have them.
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
        Number(isServiceLinked(a.policy)) - Number(isServiceLinked(b.policy)) ||
        a.policy.name.length - b.policy.name.length ||
        (a.policy.name < b.policy.name ? -1 : 1),
    )
    .map(({ policy }) => policy);
}

const isServiceLinked = ({ arn }: NamedPolicy): boolean => arn.includes(':policy/aws-service-role/');

/** Returns a higher score for a better match, and 0 if the policy does not match the word. */
function scoreOf(word: string, { name, arn }: NamedPolicy): number {
  const lower = name.toLowerCase();
  if (lower === word || arn.toLowerCase() === word) return 100;
  const first = /^(?:amazon|aws)/.exec(lower)?.[0].length ?? 0;
  const starts = [...partStarts(name), first];
  const matches = starts.filter((start) => lower.startsWith(word, start));
  if (matches.length > 0) {
    const isPrefix = matches.some((start) => start === 0 || start === first);
    const isWhole = matches.some((start) => endsPart(name, starts, start + word.length));
    return 50 + (isPrefix ? 20 : 0) + (isWhole ? 10 : 0);
  }
  if (lower.includes(word)) return 30;
  if (isInitials(word, lower, starts)) return 10;
  return arn.toLowerCase().includes(word) ? 5 : 0;
}

/** Positions where the parts of a name such as `AmazonS3ReadOnlyAccess` or `service-role` begin. */
function partStarts(name: string): readonly number[] {
  return [...name.matchAll(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+/g)].map((match) => match.index);
}

function endsPart(name: string, starts: readonly number[], end: number): boolean {
  return end === name.length || starts.includes(end) || /[^A-Za-z0-9]/.test(name.charAt(end));
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
