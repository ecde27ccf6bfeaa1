/**
 * Field ownership, the basis of server-side apply. A list is a single field here, while the real server merges
 * some lists by key.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
import type { KubeObject } from '../../../src/kube/index.ts';
import type { ManagedFieldsEntry } from '../../../src/k8s/metadata.ts';
import { changesOf, fieldsOf, keysOf, pathOf, same, without, type Json } from './json.ts';

type Owner = {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource?: string | undefined;
};

/** Keyed by `keyOf(owner)`. */
export type FieldOwners = ReadonlyMap<string, { readonly owner: Owner; readonly paths: ReadonlySet<string> }>;

export const noOwners: FieldOwners = new Map();

const keyOf = ({ manager, operation, subresource }: Owner): string =>
  `${operation} ${subresource ?? ''} ${manager}`;

/** Fields that the server sets. Writers can own all other fields. */
const serverOwned = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
]);

function ownable(object: KubeObject): Json {
  const { apiVersion: _, kind: __, metadata, ...rest } = object;
  const all = metadata as unknown as Json;
  const chosen: Record<string, unknown> = {};
  for (const key in all) if (!serverOwned.has(key)) chosen[key] = all[key];
  return { ...rest, metadata: chosen };
}

/** Returns the owners after an update or patch: the writer becomes the only owner of each field that it changed. */
export function ownersAfterUpdate(
  owners: FieldOwners,
  before: KubeObject | undefined,
  after: KubeObject,
  owner: Omit<Owner, 'operation'>,
): FieldOwners {
  const { changed, gone } = changesOf(before ? ownable(before) : {}, ownable(after));
  if (changed.size === 0 && gone.size === 0) return owners;
  const full: Owner = { ...owner, operation: 'Update' };
  const key = keyOf(full);
  if (gone.size === 0 && ownsAlone(owners, key, changed)) return owners;
  const next = withoutPaths(owners, new Set([...changed, ...gone]));
  if (changed.size === 0) return next;
  const mine = next.get(key)?.paths ?? [];
  next.set(key, { owner: full, paths: new Set([...mine, ...changed]) });
  return next;
}

/** Whether the owner is the only owner of these fields, which is the case when a writer repeats its write. */
function ownsAlone(owners: FieldOwners, key: string, fields: ReadonlySet<string>): boolean {
  for (const [other, { paths }] of owners)
    for (const field of fields) if (paths.has(field) !== (other === key)) return false;
  return owners.has(key);
}

export type Applied<T> = { readonly object: T; readonly owners: FieldOwners };

/** @returns the names of the conflicting owners, or the object and its owners after the apply */
export function applied<T extends KubeObject>(
  owners: FieldOwners,
  current: T,
  wanted: KubeObject,
  by: Omit<Owner, 'operation'> & { readonly force: boolean },
): Applied<T> | { readonly conflicts: readonly { readonly manager: string; readonly field: string }[] } {
  const { force, ...rest } = by;
  const owner: Owner = { ...rest, operation: 'Apply' };
  const key = keyOf(owner);
  const now = fieldsOf(ownable(current));
  const asked = fieldsOf(ownable(wanted));
  const conflicts: { manager: string; field: string }[] = [];
  const taken = new Set<string>();
  for (const [path, value] of asked) {
    if (!now.has(path) || same(now.get(path), value)) continue;
    for (const [other, { owner: holder, paths }] of owners) {
      if (other === key || !paths.has(path)) continue;
      conflicts.push({ manager: holder.manager, field: `.${keysOf(path).join('.')}` });
    }
    taken.add(path);
  }
  if (conflicts.length > 0 && !force) return { conflicts };

  let object: Json = current;
  const before = owners.get(key)?.paths ?? new Set<string>();
  for (const path of before) {
    if (asked.has(path)) continue;
    const shared = [...owners].some(([other, { paths }]) => other !== key && paths.has(path));
    if (!shared) object = without(object, keysOf(path));
  }
  for (const [path, value] of asked) object = withField(object, keysOf(path), value);
  const next = withoutPaths(owners, taken);
  if (asked.size > 0) next.set(key, { owner, paths: new Set(asked.keys()) });
  else next.delete(key);
  return { object: object as T, owners: next };
}

export function sameOwners(a: FieldOwners, b: FieldOwners): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [key, { paths }] of a) {
    const other = b.get(key)?.paths;
    if (other?.size !== paths.size) return false;
    for (const path of paths) if (!other.has(path)) return false;
  }
  return true;
}

/** Returns the `metadata.managedFields` entries for annotations, the only entries that the operator reads. */
export function annotationOwners(owners: FieldOwners): readonly ManagedFieldsEntry[] {
  const prefix = pathOf(['metadata', 'annotations', '']);
  return [...owners.values()].flatMap(({ owner: { manager, operation, subresource }, paths }) => {
    const annotations = [...paths]
      .filter((path) => path.startsWith(prefix))
      .map((path) => [`f:${path.slice(prefix.length)}`, {}] as const);
    if (annotations.length === 0) return [];
    return {
      manager,
      operation,
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:metadata': { 'f:annotations': Object.fromEntries(annotations) } },
      ...(subresource === undefined ? {} : { subresource }),
    };
  });
}

type MutableOwners = Map<string, { owner: Owner; paths: ReadonlySet<string> }>;

function withoutPaths(owners: FieldOwners, gone: ReadonlySet<string>): MutableOwners {
  const next: MutableOwners = new Map(owners);
  if (gone.size === 0) return next;
  for (const [key, { owner, paths }] of owners) {
    const left = new Set([...paths].filter((path) => !gone.has(path)));
    if (left.size === paths.size) continue;
    if (left.size === 0) next.delete(key);
    else next.set(key, { owner, paths: left });
  }
  return next;
}

function withField(object: Json, [first = '', ...rest]: readonly string[], value: unknown): Json {
  if (rest.length === 0) return { ...object, [first]: value };
  const inner = object[first];
  const record = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? (inner as Json) : {};
  return { ...object, [first]: withField(record, rest, value) };
}
