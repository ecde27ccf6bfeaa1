/**
 * Tags of IAM roles. Keys are case-insensitive, as in IAM. With a case-sensitive comparison the operator would lose a role: when
 * someone sets the tag `K11N.dev/account=x`, IAM replaces the tag `k11n.dev/account`.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules
 */
import { reservedTagPrefixes } from '../../api/index.ts';

export type Tags = Readonly<Record<string, string>>;

/**
 * Value of the tag with this key. Upper and lower case are not distinguished. The exact key takes precedence: tag keys
 * of EKS are case-sensitive, so an association can have two keys that differ only in case.
 */
export function tagValue(tags: Tags, key: string): string | undefined {
  if (Object.hasOwn(tags, key)) return tags[key];
  const lower = key.toLowerCase();
  const found = Object.keys(tags).find((other) => other.toLowerCase() === lower);
  return found === undefined ? undefined : tags[found];
}

/** Tags of a role after `TagRole` added `added`. An added key replaces the same key in another case. */
export function withTags(tags: Tags, added: Tags): Tags {
  return { ...withoutTags(tags, Object.keys(added)), ...added };
}

/** Tags of a role after `UntagRole` removed `keys`. Upper and lower case are not distinguished. */
export function withoutTags(tags: Tags, keys: readonly string[]): Tags {
  const removed = new Set(keys.map((key) => key.toLowerCase()));
  return Object.fromEntries(Object.entries(tags).filter(([key]) => !removed.has(key.toLowerCase())));
}

/** Merges tags; later maps take precedence. No two keys of the result differ only in case, because IAM refuses such keys. */
export function mergedTags(...maps: readonly Tags[]): Tags {
  const merged = new Map<string, [key: string, value: string]>();
  for (const tag of maps.flatMap((tags) => Object.entries(tags))) {
    const lower = tag[0].toLowerCase();
    // If the keys of tags differ only in case, the last tag replaces the others and moves to the end of the result, as
    // with `withTags`.
    merged.delete(lower);
    merged.set(lower, tag);
  }
  return Object.fromEntries(merged.values());
}

export function isReservedTag(key: string): boolean {
  const lower = key.toLowerCase();
  return reservedTagPrefixes.some((prefix) => lower.startsWith(prefix));
}

/**
 * Tags that the operator sets on AWS resources. Reserved keys are omitted; objects from earlier versions can contain them. Of
 * keys that differ only in case, only the last in alphabetical order is kept.
 */
export function settableTags(tags: Tags = {}): Tags {
  const inOrder = Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return mergedTags(Object.fromEntries(inOrder.filter(([key]) => !isReservedTag(key))));
}

/** Note for the status about the tags that `settableTags` omits; empty if it omits none. */
export function ignoredTagsNote(tags: Tags = {}): string {
  const set = settableTags(tags);
  const ignored = Object.keys(tags).filter((key) => !Object.hasOwn(set, key));
  if (ignored.length === 0) return '';
  return `; tags of spec.aws.tags are ignored, because their keys are reserved or differ from another key only in case: ${ignored.sort().join(', ')}`;
}

/** Whether every tag in `tags` keeps its value after `added` was added. */
export function onlyAddsTags(tags: Tags, added: Tags): boolean {
  return Object.entries(added).every(([key, value]) => (tagValue(tags, key) ?? value) === value);
}
