/**
 * Detects objects that were created before the admission policies were enforced. The creation time is the only reliable
 * evidence. A successful later edit proves nothing, since the policies check only permissions for the values that the
 * edit adds. Finalizers, the status and the times in `managedFields` prove nothing either: any user with permission to
 * write the object can change these fields.
 */
import type { ObjectMeta } from './metadata.ts';
import type { Wall } from './time.ts';

/**
 * Time in milliseconds from the creation of an admission policy until every API server enforces the policy. An API
 * server loads new policies within about a second, and creation timestamps have a resolution of one second.
 */
const enforcementDelayMs = 2_000;

/**
 * Whether the object was created while the policies were enforced.
 *
 * @param admittedSince creation time of the youngest policy; Infinity while a policy is missing
 */
export function wasAdmitted(
  { creationTimestamp = '' }: Pick<ObjectMeta, 'creationTimestamp'>,
  admittedSince: Wall,
): boolean {
  // `Date.parse` returns NaN for an invalid timestamp, so the comparison is false.
  return Date.parse(creationTimestamp) >= admittedSince + enforcementDelayMs;
}

/** Creation time of the youngest policy or policy binding; Infinity while any policy or binding is missing. */
export function youngestCreation(
  objects: readonly ({ readonly metadata: Pick<ObjectMeta, 'creationTimestamp'> } | undefined)[],
): Wall {
  const times = objects.map((object) => {
    const created = Date.parse(object?.metadata.creationTimestamp ?? '');
    return Number.isNaN(created) ? Infinity : created;
  });
  return Math.max(...times) as Wall;
}

/** End of a message that begins with words such as "the account was created before". */
export function beforePolicies(admittedSince: Wall): string {
  return Number.isFinite(admittedSince)
    ? `the admission policies were enforced (they were created at ${new Date(admittedSince).toISOString()})`
    : 'the admission policies were enforced (they are not installed now)';
}
