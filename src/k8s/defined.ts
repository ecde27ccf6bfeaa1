/**
 * Omits optional fields instead of setting them to `undefined`. Manifests and statuses are compared and digested in
 * their written form, and JSON has no `undefined`.
 */

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Returns `fields` without the fields that are undefined. */
export function defined<T extends object>(fields: T): Defined<T> {
  // A loop is faster than `Object.entries`; this function runs about ten times for each changed pod of a cluster.
  const kept: Partial<Record<keyof T, unknown>> = {};
  for (const name of Object.keys(fields) as (keyof T)[])
    if (fields[name] !== undefined) kept[name] = fields[name];
  return kept as Defined<T>;
}
