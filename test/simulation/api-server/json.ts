/** Splits JSON values into fields by path, as the API server does. A list is a single field. */

export type Json = Readonly<Record<string, unknown>>;

/** Separator between the keys of a path. */
const separator = '\u0000';

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns all leaf fields, keyed by path. */
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

/**
 * Returns the fields that are new or changed, and the removed fields. Values with the same reference are not compared
 * further.
 */
export function changesOf(
  before: Json,
  after: Json,
): { readonly changed: ReadonlySet<string>; readonly gone: ReadonlySet<string> } {
  const changed = new Set<string>();
  const gone = new Set<string>();
  const walk = (old: unknown, present: unknown, path: string): void => {
    if (old === present) return;
    const was = isRecord(old) ? old : undefined;
    const is = isRecord(present) ? present : undefined;
    if (!was && !is && old !== undefined && present !== undefined) {
      if (!same(old, present)) changed.add(path);
      return;
    }
    const inner = (key: string): string => (path === '' ? key : `${path}${separator}${key}`);
    if (is) for (const key of Object.keys(is)) walk(was?.[key], is[key], inner(key));
    else if (present !== undefined) changed.add(path);
    if (was) {
      for (const key of Object.keys(was)) if (is?.[key] === undefined) walk(was[key], undefined, inner(key));
    } else if (old !== undefined) gone.add(path);
  };
  walk(before, after, '');
  return { changed, gone };
}

export function keysOf(path: string): readonly string[] {
  return path.split(separator);
}

export function pathOf(keys: readonly string[]): string {
  return keys.join(separator);
}

/** Returns a copy without the field, and without parent objects that the removal leaves empty. */
export function without(object: Json, [first = '', ...rest]: readonly string[]): Json {
  const { [first]: inner, ...others } = object;
  if (rest.length === 0) return others;
  if (!isRecord(inner)) return object;
  const left = without(inner, rest);
  return Object.keys(left).length === 0 ? others : { ...object, [first]: left };
}

/** Merges as RFC 7386 specifies if `nulls` is set, otherwise without removing fields; lists are replaced as a whole. */
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

/** Whether two values are equal, ignoring the order of keys and keys whose value is undefined. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, at) => same(item, b[at]));
  if (!isRecord(a) || !isRecord(b)) return false;
  for (const key in a) if (!same(a[key], b[key])) return false;
  for (const key in b) if (b[key] !== undefined && a[key] === undefined) return false;
  return true;
}

/** Freezes the value deeply, because the store and all informers share it. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const key in value) frozen(value[key]);
  }
  return value;
}

/**
 * Returns a copy that is independent of later changes by the sender, as if it was sent over the network. Immutable
 * values are not copied.
 */
export function received<T>(value: T): T {
  return copied(value) as T;
}

function copied(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (Array.isArray(value)) return value.map((item) => copied(item) ?? null);
  const prototype: unknown = Object.getPrototypeOf(value);
  // Instances of classes, such as dates, become plain values, as they do when they are sent as JSON.
  if (prototype !== Object.prototype && prototype !== null) return JSON.parse(JSON.stringify(value));
  const copy: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) if (inner !== undefined) copy[key] = copied(inner);
  return copy;
}
