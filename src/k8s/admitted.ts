/**
 * Detects objects that were created before the admission policies were enforced. The creation time is the only evidence: for a
 * later edit, the policies compare the object with its previous version, and check no rights to what the previous version already
 * had. Finalizers, the status and the times in `managedFields` can be written by anyone who may write the object.
 */
import type { ObjectMeta } from './metadata.ts';
import type { Wall } from './time.ts';

/**
 * Milliseconds after the creation of a policy until every API server enforces it. An API server loads new policies within
 * about a second, and creation timestamps have a resolution of one second.
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
  // A timestamp that cannot be parsed is NaN, so the comparison is false.
  return Date.parse(creationTimestamp) >= admittedSince + enforcementDelayMs;
}

/** Creation time of the youngest policy or binding; Infinity while one of them is missing. */
export function youngestCreation(
  objects: readonly ({ readonly metadata: Pick<ObjectMeta, 'creationTimestamp'> } | undefined)[],
): Wall {
  const times = objects.map((object) => {
    const created = Date.parse(object?.metadata.creationTimestamp ?? '');
    return Number.isNaN(created) ? Infinity : created;
  });
  return Math.max(...times) as Wall;
}

/** Ends a sentence such as "the account was created before". */
export function beforePolicies(admittedSince: Wall): string {
  return Number.isFinite(admittedSince)
    ? `the admission policies were enforced (they were created at ${new Date(admittedSince).toISOString()})`
    : 'the admission policies were enforced, which are not installed now';
}
