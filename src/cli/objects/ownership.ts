/**
 * Transfers the ownership of fields from `kon create` and `edit` to `kon apply`. `create` and `edit` write whole
 * objects, and `apply` uses server-side apply. The API server treats these as two owners with the same name, so an
 * apply could never remove fields that `create` or `edit` set. The apply therefore adopts these fields first. kubectl
 * does the same when it migrates to server-side apply: k8s.io/client-go/util/csaupgrade.
 */
import type { ManagedFieldsEntry } from '../../k8s/metadata.ts';

type FieldSet = Readonly<Record<string, unknown>>;

/**
 * Returns the entries with the `Update` entries of `manager` merged into its `Apply` entry; undefined if it has no
 * `Update` entry.
 */
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

/** Merges two sets of fields. Each set is a tree with empty leaves. */
function union(a: FieldSet, b: FieldSet): FieldSet {
  const result: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const known = result[key];
    result[key] = known === undefined ? value : union(known as FieldSet, value as FieldSet);
  }
  return result;
}

/**
 * Removes the `.` entries. An update owns each object or list that it created (`.`) as well as its contents; an apply
 * owns only the contents. If the `.` entry stayed, the API server would remove the whole object or list as soon as an
 * applied manifest has no entry in it.
 */
function withoutSelf(set: FieldSet): FieldSet {
  const rest = Object.entries(set).filter(([key]) => key !== '.');
  return Object.fromEntries(rest.map(([key, value]) => [key, withoutSelf(value as FieldSet)]));
}
