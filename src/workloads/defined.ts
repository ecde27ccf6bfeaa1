/**
 * Omits optional fields instead of setting them to `undefined`: manifests and statuses are compared and digested as they
 * are written.
 */

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Fields that have a value. */
export function defined<T extends object>(fields: T): Defined<T> {
  // A loop instead of entries, since this runs some ten times for each changed pod of a cluster.
  const kept: Partial<Record<keyof T, unknown>> = {};
  for (const name of Object.keys(fields) as (keyof T)[])
    if (fields[name] !== undefined) kept[name] = fields[name];
  return kept as Defined<T>;
}
