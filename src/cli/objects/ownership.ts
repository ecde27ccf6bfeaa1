/**
 * Moves the fields of `kon create` and `edit` to `kon apply`. The first two write whole objects and `kon apply` uses
 * server-side apply: the API server treats them as two owners of one name, and an apply could never remove the fields
 * of the other. Before an apply, its owner adopts these fields. kubectl does the same when it moves to server-side
 * apply: k8s.io/client-go/util/csaupgrade.
 */
import type { ManagedFieldsEntry } from '../../k8s/metadata.ts';

type FieldSet = Readonly<Record<string, unknown>>;

/** Returns the entries with `manager`'s updates turned into applies; undefined when it has no updates. */
export function adoptUpdates(
  entries: readonly ManagedFieldsEntry[],
  manager: string,
): readonly ManagedFieldsEntry[] | undefined {
  const isOurs = (entry: ManagedFieldsEntry): boolean =>
    entry.manager === manager && entry.subresource === undefined;
  const updates = entries.filter((entry) => isOurs(entry) && entry.operation === 'Update');
  const first = updates[0];
  if (!first) return undefined;
  const applied = entries.find((entry) => isOurs(entry) && entry.operation === 'Apply');
  const merged = [applied, ...updates].reduce<FieldSet>(
    (set, entry) => (entry?.fieldsV1 ? union(set, withoutSelf(entry.fieldsV1)) : set),
    {},
  );
  const others = entries.filter((entry) => entry !== applied && !updates.includes(entry));
  return [{ ...(applied ?? first), operation: 'Apply', fieldsV1: merged }, ...others];
}

/** Merges two sets of fields, each a tree with empty leaves. */
function union(a: FieldSet, b: FieldSet): FieldSet {
  const result: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const known = result[key];
    result[key] = known === undefined ? value : union(known as FieldSet, value as FieldSet);
  }
  return result;
}

/**
 * Removes the `.` entries. An update owns each object and list that it created (`.`) and its contents; an apply owns
 * only the contents. If the entry stayed, the whole object would be removed as soon as a file leaves it empty.
 */
function withoutSelf(set: FieldSet): FieldSet {
  const rest = Object.entries(set).filter(([key]) => key !== '.');
  return Object.fromEntries(rest.map(([key, value]) => [key, withoutSelf(value as FieldSet)]));
}
