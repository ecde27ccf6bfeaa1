/** Optional fields are absent here, never `undefined`: manifests and statuses are compared and digested as they are written. */

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The fields of `fields` that have a value. */
export function defined<T extends object>(fields: T): Defined<T> {
  // A loop, and no detour by entries: this runs some ten times for each pod of a cluster that changes.
  const kept: Partial<Record<keyof T, unknown>> = {};
  for (const name of Object.keys(fields) as (keyof T)[])
    if (fields[name] !== undefined) kept[name] = fields[name];
  return kept as Defined<T>;
}
