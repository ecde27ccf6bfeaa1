/** Compares two JSON values regardless of the order of keys, since the API server may reorder keys. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, index) => sameValue(item, b[index]))
    );
  }
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  // Neither value is copied: the comparison must be fast, because every reconcile compares a status.
  for (const key of Object.keys(left))
    if (left[key] !== undefined && !(Object.hasOwn(right, key) && sameValue(left[key], right[key])))
      return false;
  return Object.keys(right).every(
    (key) => right[key] === undefined || (Object.hasOwn(left, key) && left[key] !== undefined),
  );
}
