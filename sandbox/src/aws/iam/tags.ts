/**
 * Tags of IAM resources. Keys are stored with their case, but must be unique regardless of case.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
 */
import type { RequestContext } from '../../../../src/policy/model.ts';
import { invalidInput, limitExceeded } from './errors.ts';
import type { Tag } from './model.ts';

/** @throws InvalidInput or LimitExceeded */
export function addTags(existing: readonly Tag[], added: readonly Tag[], limit: number): readonly Tag[] {
  const byKey = new Map(existing.map((tag) => [tag.Key.toLowerCase(), tag]));
  const seen = new Set<string>();
  for (const tag of added) {
    const key = tag.Key.toLowerCase();
    if (key.startsWith('aws:')) throw invalidInput('System tags cannot be added/updated.');
    if (seen.has(key)) {
      throw invalidInput('Duplicate tag keys found. Please note that Tag keys are case insensitive.');
    }
    seen.add(key);
    byKey.set(key, { Key: tag.Key, Value: tag.Value });
  }
  if (byKey.size > limit) throw limitExceeded('The number of tags has reached the maximum limit.');
  return [...byKey.values()];
}

export function removeTags(existing: readonly Tag[], keys: readonly string[]): readonly Tag[] {
  const removed = new Set(keys.map((key) => key.toLowerCase()));
  return existing.filter((tag) => !removed.has(tag.Key.toLowerCase()));
}

export const sameTags = (left: readonly Tag[], right: readonly Tag[]): boolean =>
  left.length === right.length &&
  left.every((tag, index) => tag.Key === right[index]?.Key && tag.Value === right[index]?.Value);

/** Returns `aws:ResourceTag/…` and `iam:ResourceTag/…` for an existing resource. */
export function resourceTagContext(tags: readonly Tag[]): RequestContext {
  return Object.fromEntries(
    tags.flatMap((tag) => [
      [`aws:ResourceTag/${tag.Key}`, tag.Value],
      [`iam:ResourceTag/${tag.Key}`, tag.Value],
    ]),
  );
}

/**
 * Returns `aws:ResourceTag/…` for a resource that the call creates. The key is present "in requests that create a
 * resource with an attached tag".
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourcetag
 */
export function newResourceTagContext(tags: readonly Tag[]): RequestContext {
  return Object.fromEntries(tags.map((tag) => [`aws:ResourceTag/${tag.Key}`, tag.Value]));
}

/** Returns `aws:RequestTag/…` and `aws:TagKeys` for a call that writes tags. */
export function requestTagContext(tags: readonly Tag[]): RequestContext {
  if (tags.length === 0) return {};
  return {
    ...Object.fromEntries(tags.map((tag) => [`aws:RequestTag/${tag.Key}`, tag.Value])),
    'aws:TagKeys': tags.map((tag) => tag.Key),
  };
}
