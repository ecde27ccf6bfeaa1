/** Stored objects of a simulated API server, with their versions, and the changes that watches report. */
import { apiGroup } from '../../../src/api/index.ts';
import type { Monotonic } from '../../../src/k8s/time.ts';
import type { Resource, SetTimer } from '../../../src/kube/index.ts';
import { notFound } from './api-errors.ts';
import { createChangeLog, type Change, type ChangeLog } from './change-log.ts';
import { annotationOwners, sameOwners, type FieldOwners } from './field-owners.ts';
import { frozen, same } from './json.ts';
import { titleOf, traitsOf } from './kinds.ts';
import { generationOf, isReleased, unversioned, type StoredObject } from './stored-object.ts';

export type Ref = { readonly namespace?: string | undefined; readonly name: string };
export type Stored = { readonly object: StoredObject; readonly owners: FieldOwners };
export type Snapshot = ReadonlyMap<Resource, ReadonlyMap<string, Stored>>;

export type ObjectStore = {
  readonly log: ChangeLog;
  get(resource: Resource, ref: Ref): Stored | undefined;
  /** Returns the object with this name, or throws `NotFound`. */
  find(resource: Resource, ref: Ref): Stored;
  /** All objects of a resource. */
  list(resource: Resource): readonly StoredObject[];
  /** Objects that name the object with this uid as an owner. */
  dependents(uid: string): Iterable<readonly [Resource, StoredObject]>;
  exists(uid: string): boolean;
  newUid(): string;
  /** Stores the result of a write, unless the write changes nothing. */
  commit(
    resource: Resource,
    next: StoredObject,
    owners: FieldOwners,
    current: Stored | undefined,
  ): StoredObject;
  remove(resource: Resource, object: StoredObject, before?: StoredObject): void;
  readonly onChange: (listener: (resource: Resource, change: Change) => void) => void;
  onRemoval(listener: (object: StoredObject) => void): void;
  readonly snapshot: (kinds: readonly Resource[]) => Snapshot;
  readonly restore: (snapshot: Snapshot, uids: 'same' | 'new') => void;
  readonly isRestoring: boolean;
};

export const collectionName = ({ group, plural }: Resource): string => `${group}/${plural}`;

const keyOf = ({ namespace, name }: Ref): string => (namespace ? `${namespace}/${name}` : name);

export function createObjectStore({
  now,
  setTimer,
}: {
  readonly now: () => Monotonic;
  readonly setTimer: SetTimer;
}): ObjectStore {
  const objects = new Map<string, Map<string, Stored>>();
  const resourcesByCollection = new Map<string, Resource>();
  const listeners: ((resource: Resource, change: Change) => void)[] = [];
  const removalListeners: ((object: StoredObject) => void)[] = [];
  /** Uids of all existing objects. */
  const living = new Set<string>();
  let version = 100;
  let uids = 0;
  let isRestoring = false;
  const log = createChangeLog({ now, setTimer, version: () => version, advance: () => (version += 1) });

  const collections = new WeakMap<Resource, Map<string, Stored>>();
  const collection = (resource: Resource): Map<string, Stored> => {
    const known = collections.get(resource);
    if (known) return known;
    const named = collectionNamed(collectionName(resource), resource);
    collections.set(resource, named);
    return named;
  };
  const collectionNamed = (name: string, resource: Resource): Map<string, Stored> => {
    const known = objects.get(name) ?? new Map<string, Stored>();
    objects.set(name, known);
    resourcesByCollection.set(name, resource);
    return known;
  };

  const publish = (
    resource: Resource,
    type: Change['type'],
    object: StoredObject,
    before?: StoredObject,
  ): void => {
    const change: Change = { type, object, version, at: now(), ...(before ? { before } : {}) };
    log.record(collectionName(resource), change);
    for (const listener of listeners) listener(resource, change);
  };

  /** Stores the result of a write, unless the write changes nothing. */
  const commit = (
    resource: Resource,
    next: StoredObject,
    owners: FieldOwners,
    current: Stored | undefined,
  ): StoredObject => {
    const before = current?.object;
    if (
      before &&
      current &&
      sameOwners(owners, current.owners) &&
      same(unversioned(before), unversioned(next))
    )
      return before;
    const generation = generationOf(resource, next, before);
    const { managedFields: _, generation: __, ...metadata } = next.metadata;
    const managedFields =
      before && owners === current?.owners ? (before.metadata.managedFields ?? []) : annotationOwners(owners);
    const stored = frozen<StoredObject>({
      ...next,
      metadata: {
        ...metadata,
        resourceVersion: String(version + 1),
        ...(generation === undefined ? {} : { generation }),
        ...(managedFields.length > 0 ? { managedFields } : {}),
      },
    });
    if (stored.metadata.deletionTimestamp !== undefined && isReleased(resource, stored)) {
      const last = frozen<StoredObject>({
        ...stored,
        metadata: { ...stored.metadata, resourceVersion: before?.metadata.resourceVersion ?? '' },
      });
      remove(resource, last, before);
      return last;
    }
    version += 1;
    living.add(stored.metadata.uid ?? '');
    collection(resource).set(keyOf(stored.metadata), { object: stored, owners });
    publish(resource, before ? 'MODIFIED' : 'ADDED', stored, before);
    return stored;
  };

  const remove = (resource: Resource, object: StoredObject, before?: StoredObject): void => {
    if (!collection(resource).delete(keyOf(object.metadata))) return;
    living.delete(object.metadata.uid ?? '');
    version += 1;
    const last = frozen<StoredObject>({
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(version) },
    });
    publish(resource, 'DELETED', last, before ?? object);
    for (const listener of removalListeners) listener(object);
  };

  return {
    log,
    get: (resource, ref) => collection(resource).get(keyOf(ref)),
    find(resource, ref) {
      const stored = collection(resource).get(keyOf(ref));
      if (!stored) throw notFound(titleOf(resource), ref.name);
      return stored;
    },
    list: (resource) => [...collection(resource).values()].map(({ object }) => object),
    *dependents(uid) {
      for (const [name, others] of objects) {
        const resource = resourcesByCollection.get(name);
        for (const { object } of resource ? [...others.values()] : [])
          if (resource && object.metadata.ownerReferences?.some((owner) => owner.uid === uid))
            yield [resource, object];
      }
    },
    exists: (uid) => living.has(uid),
    newUid: () => `uid-${(uids += 1)}`,
    commit,
    remove,
    onChange: (listener) => void listeners.push(listener),
    onRemoval: (listener) => void removalListeners.push(listener),
    snapshot: (kinds) => new Map(kinds.map((kind) => [kind, new Map(collection(kind))])),
    get isRestoring() {
      return isRestoring;
    },
    restore(snapshot, uidsOfRestored) {
      isRestoring = true;
      for (const [resource, before] of snapshot) {
        const isNew = uidsOfRestored === 'new';
        for (const [key, { object }] of collection(resource))
          if (isNew || !before.has(key)) remove(resource, object, object);
        for (const [key, { object, owners }] of before) {
          const { status: stored, ...rest } = object;
          // When an object has no status, the API server adds the CRD's default on reading.
          const status = isNew && resource.group === apiGroup ? traitsOf(resource).initialStatus : stored;
          const uid = isNew ? `uid-${(uids += 1)}` : (object.metadata.uid ?? '');
          version += 1;
          const metadata = { ...object.metadata, uid, resourceVersion: String(version) };
          const restored = frozen<StoredObject>({
            ...rest,
            metadata,
            ...(status === undefined ? {} : { status }),
          });
          const present = collection(resource).get(key)?.object;
          living.add(uid);
          collection(resource).set(key, { object: restored, owners });
          publish(resource, present ? 'MODIFIED' : 'ADDED', restored, present);
        }
      }
      isRestoring = false;
    },
  };
}
