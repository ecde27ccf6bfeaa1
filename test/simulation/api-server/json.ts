/** JSON values as the API server takes them apart: into fields, by path. Lists are one field. */

export type Json = Readonly<Record<string, unknown>>;

/** Between the keys of a path. */
const separator = '\u0000';

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every field that holds something other than further fields, by its path. */
export function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
  const fields = new Map<string, unknown>();
  const walk = (part: unknown, path: string): void => {
    if (!isRecord(part)) {
      fields.set(path, part);
      return;
    }
    for (const [key, inner] of Object.entries(part))
      if (inner !== undefined) walk(inner, path === '' ? key : `${path}${separator}${key}`);
  };
  walk(value, '');
  return fields;
}

export function keysOf(path: string): readonly string[] {
  return path.split(separator);
}

export function pathOf(keys: readonly string[]): string {
  return keys.join(separator);
}

/** A copy without the field, and without the records that are empty for it. */
export function without(object: Json, [first = '', ...rest]: readonly string[]): Json {
  const { [first]: inner, ...others } = object;
  if (rest.length === 0) return others;
  if (!isRecord(inner)) return object;
  const left = without(inner, rest);
  return Object.keys(left).length === 0 ? others : { ...object, [first]: left };
}

/** RFC 7386 where `nulls` remove, else a plain merge; lists are replaced whole. */
export function merged(target: unknown, patch: unknown, nulls = false): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (nulls && value === null) delete result[key];
    else result[key] = merged(result[key], value, nulls);
  }
  return result;
}

/** Without regard to the order of keys, and to keys whose value is undefined. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, at) => same(item, b[at]));
  if (!isRecord(a) || !isRecord(b)) return false;
  let left = 0;
  for (const [key, value] of Object.entries(a)) {
    if (value === undefined) continue;
    left += 1;
    if (!same(value, b[key])) return false;
  }
  return left === Object.values(b).filter((value) => value !== undefined).length;
}

export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) frozen(inner);
  }
  return value;
}

/** A copy that the sender's later changes do not reach, as after a way over the wire. */
export function received<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
