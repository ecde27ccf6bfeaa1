/**
 * Objects that were created before the admission policies were enforced. The creation is the only evidence: a later edit is
 * compared with the object that it changes, and never asks for what that had before. Finalizers, the status and the times in
 * `managedFields` can be written by anyone who may write the object.
 */
import type { ObjectMeta } from './metadata.ts';
import type { Wall } from './time.ts';

/**
 * Milliseconds after the creation of a policy until every API server enforces it: each takes up new ones within about a second.
 * A timestamp has whole seconds.
 */
const enforcementDelayMs = 2_000;

/**
 * Whether the object was created while the policies were enforced.
 *
 * @param admittedSince creation of the youngest policy; Infinity while one is missing
 */
export function wasAdmitted(
  { creationTimestamp = '' }: Pick<ObjectMeta, 'creationTimestamp'>,
  admittedSince: Wall,
): boolean {
  // A timestamp that cannot be read is NaN, and comes after nothing.
  return Date.parse(creationTimestamp) >= admittedSince + enforcementDelayMs;
}

/** When policies and bindings are enforced together: creation of the youngest, Infinity while one of them is missing. */
export function youngestCreation(
  objects: readonly ({ readonly metadata: Pick<ObjectMeta, 'creationTimestamp'> } | undefined)[],
): Wall {
  const times = objects.map((object) => {
    const created = Date.parse(object?.metadata.creationTimestamp ?? '');
    return Number.isNaN(created) ? Infinity : created;
  });
  return Math.max(...times) as Wall;
}

/** The end of a sentence such as "the account was created before". */
export function beforePolicies(admittedSince: Wall): string {
  return Number.isFinite(admittedSince)
    ? `the admission policies were enforced (they were created at ${new Date(admittedSince).toISOString()})`
    : 'the admission policies were enforced, which are not installed now';
}
