/** Writes to a simulated API server: create, update, patch, server-side apply, delete and evict. */
import {
  KubeApiError,
  resources,
  type KubeObject,
  type Resource,
  type SetTimer,
} from '../../../src/kube/index.ts';
import type { Monotonic } from '../../../src/k8s/time.ts';
import {
  alreadyExists,
  applyConflict,
  conflict,
  invalid,
  namespaceTerminating,
  notFound,
  unconditional,
} from './api-errors.ts';
import { applied, noOwners, ownersAfterUpdate, type FieldOwners } from './field-owners.ts';
import { merged } from './json.ts';
import { titleOf, traitsOf } from './kinds.ts';
import type { ObjectStore, Ref } from './object-store.ts';
import {
  chosen,
  generationOf,
  graceOf,
  withMain,
  withSpec,
  withStatus,
  type StoredObject,
} from './stored-object.ts';

/** Time until the garbage collector detects that an owner does not exist, in milliseconds. */
const absentOwnerMs = 200;

export type WriteOptions = {
  readonly store: ObjectStore;
  readonly now: () => Monotonic;
  readonly setTimer: SetTimer;
  readonly admit: (resource: Resource, object: StoredObject) => StoredObject;
  /** Whether the CRDs are from a later version, which keeps fields that this version's schemas do not have. */
  readonly hasLaterSchemas: () => boolean;
};

export type Writes = ReturnType<typeof createWrites>;

export function createWrites({ store, now, setTimer, admit, hasLaterSchemas }: WriteOptions) {
  const timestamp = (): string => new Date(now()).toISOString().replace(/\.\d{3}Z$/, 'Z');
  store.onRemoval(({ metadata }) => void setTimer(() => collectGarbageOf(metadata.uid ?? ''), 5));

  /** Deletes the dependents of the object with this uid, like background garbage collection. */
  const collectGarbageOf = (uid: string): void => {
    for (const [resource, { metadata }] of store.dependents(uid)) deleteObject(resource, metadata, {});
  };

  const create = (
    resource: Resource,
    input: StoredObject,
    owner: { readonly manager: string; readonly operation: 'Apply' | 'Update' },
    dryRun: boolean,
  ): StoredObject => {
    const { name, namespace } = input.metadata;
    if (input.metadata.resourceVersion)
      throw new KubeApiError({
        code: 500,
        message: 'resourceVersion should not be set on objects to be created',
      });
    if (namespace !== undefined) checkNamespace(resource, namespace, name);
    const present = store.get(resource, input.metadata);
    if (present) throw alreadyExists(resource, present.object);
    const traits = traitsOf(resource);
    const { status: _, ...rest } = admit(resource, input);
    const object: StoredObject = {
      ...withSpec(resource, rest, hasLaterSchemas()),
      metadata: {
        ...chosen(rest.metadata),
        name,
        ...(namespace === undefined ? {} : { namespace }),
        ...(resource.plural === 'namespaces'
          ? { labels: { ...rest.metadata.labels, 'kubernetes.io/metadata.name': name } }
          : {}),
        uid: store.newUid(),
        creationTimestamp: timestamp(),
      },
      ...(resource.plural === 'namespaces' ? { spec: { finalizers: ['kubernetes'] } } : {}),
      ...(traits.initialStatus ? { status: traits.initialStatus } : {}),
      ...(!traits.hasStatus && input.status !== undefined ? { status: input.status } : {}),
    };
    if (dryRun) {
      const generation = generationOf(resource, object, undefined);
      return generation === undefined ? object : { ...object, metadata: { ...object.metadata, generation } };
    }
    const owners =
      owner.operation === 'Apply'
        ? applyOwners(object, input, owner.manager)
        : ownersAfterUpdate(noOwners, undefined, object, { manager: owner.manager });
    const created = store.commit(resource, object, owners, undefined);
    if (created.metadata.ownerReferences?.length)
      setTimer(() => collectUnlessOwned(resource, created), absentOwnerMs);
    return created;
  };

  /** Deletes, as the garbage collector does, a new object whose owners have all been deleted. */
  const collectUnlessOwned = (resource: Resource, { metadata }: StoredObject): void => {
    const there = store.get(resource, metadata)?.object.metadata;
    if (there?.uid !== metadata.uid || !there?.ownerReferences?.length) return;
    if (!there.ownerReferences.some(({ uid }) => store.exists(uid))) deleteObject(resource, metadata, {});
  };

  const applyOwners = (object: StoredObject, wanted: StoredObject, manager: string): FieldOwners => {
    const { status: _, ...rest } = wanted;
    const result = applied(noOwners, object, rest, { manager, force: true });
    return 'owners' in result ? result.owners : noOwners;
  };

  const checkNamespace = (resource: Resource, namespace: string, name: string): void => {
    const { object } = store.find(resources.namespaces, { name: namespace });
    if (object.metadata.deletionTimestamp !== undefined)
      throw namespaceTerminating(resource, namespace, name);
  };

  const checkVersion = (resource: Resource, current: StoredObject, wanted: string | undefined): void => {
    if (!wanted || wanted === current.metadata.resourceVersion) return;
    throw conflict(
      resource,
      current,
      'the object has been modified; please apply your changes to the latest version and try again',
    );
  };

  /**
   * Checks the fields that writers must not change in an existing object, and the fields that only a patch can omit.
   */
  const checkUpdate = (resource: Resource, current: StoredObject, next: KubeObject): void => {
    const { uid } = next.metadata;
    if (uid && uid !== current.metadata.uid)
      throw invalid(resource, current, [
        { field: 'metadata.uid', message: `Invalid value: "${uid}": field is immutable` },
      ]);
    const { deletionTimestamp, finalizers: had = [] } = current.metadata;
    const added = (next.metadata.finalizers ?? []).filter((finalizer) => !had.includes(finalizer));
    if (deletionTimestamp !== undefined && added.length > 0)
      throw invalid(resource, current, [
        {
          field: 'metadata.finalizers',
          message: 'Forbidden: no new finalizers can be added if the object is being deleted',
        },
      ]);
  };

  const putMain = (resource: Resource, input: StoredObject, manager: string): StoredObject => {
    const current = store.find(resource, input.metadata);
    const { uid, resourceVersion } = input.metadata;
    if (!resourceVersion && !traitsOf(resource).updatesUnconditionally) throw unconditional(resource, input);
    checkVersion(resource, current.object, resourceVersion);
    // An update with PUT uses the uid as a precondition, while a patch treats a different uid as an attempt to change
    // it.
    if (uid && uid !== current.object.metadata.uid)
      throw conflict(resource, current.object, `Precondition failed: UID in precondition: ${uid}`);
    checkUpdate(resource, current.object, input);
    const next = withMain(resource, current.object, input, hasLaterSchemas());
    return store.commit(
      resource,
      next,
      ownersAfterUpdate(current.owners, current.object, next, { manager }),
      current,
    );
  };

  const putStatus = (resource: Resource, input: StoredObject, manager: string): StoredObject => {
    const current = store.find(resource, input.metadata);
    const { uid, resourceVersion } = input.metadata;
    if (!resourceVersion && !traitsOf(resource).updatesUnconditionally) throw unconditional(resource, input);
    checkVersion(resource, current.object, resourceVersion);
    if (uid && uid !== current.object.metadata.uid)
      throw conflict(resource, current.object, `Precondition failed: UID in precondition: ${uid}`);
    const next = withStatus(resource, current.object, input.status);
    const by = { manager, subresource: 'status' };
    return store.commit(resource, next, ownersAfterUpdate(current.owners, current.object, next, by), current);
  };

  const apply = (
    resource: Resource,
    input: StoredObject,
    by: { manager: string; force: boolean; subresource: string | undefined },
  ): StoredObject => {
    const current = store.get(resource, input.metadata);
    const { name, uid, resourceVersion } = input.metadata;
    if (!current) {
      if (by.subresource !== undefined) throw notFound(titleOf(resource), name);
      if (uid)
        throw conflict(
          resource,
          input,
          `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
        );
      const { resourceVersion: _, ...metadata } = input.metadata;
      return create(resource, { ...input, metadata }, { manager: by.manager, operation: 'Apply' }, false);
    }
    checkVersion(resource, current.object, resourceVersion);
    const { apiVersion, kind, metadata, status, ...rest } = input;
    const isStatus = by.subresource === 'status';
    // A write to the status subresource changes only the status. Everything else in the input is ignored, including the
    // uid.
    if (!isStatus)
      checkUpdate(resource, current.object, { ...input, metadata: { name, ...(uid ? { uid } : {}) } });
    const wanted: StoredObject = isStatus
      ? { apiVersion, kind, metadata: { name }, ...(status === undefined ? {} : { status }) }
      : { apiVersion, kind, metadata, ...rest };
    const result = applied(current.owners, current.object, wanted, {
      manager: by.manager,
      force: by.force,
      ...(by.subresource === undefined ? {} : { subresource: by.subresource }),
    });
    if ('conflicts' in result) throw applyConflict(result.conflicts);
    const next = isStatus
      ? withStatus(resource, current.object, result.object.status)
      : withMain(resource, current.object, result.object, hasLaterSchemas());
    if (!isStatus) checkUpdate(resource, current.object, next);
    return store.commit(resource, next, result.owners, current);
  };

  const mergePatch = (
    resource: Resource,
    ref: Ref,
    patch: object,
    by: { manager: string; subresource: string | undefined },
  ): StoredObject => {
    const current = store.find(resource, ref);
    const wanted = merged(current.object, patch, true) as StoredObject;
    const { metadata = {} } = patch as { metadata?: { uid?: string; resourceVersion?: string } };
    checkVersion(resource, current.object, metadata.resourceVersion);
    const owner = {
      manager: by.manager,
      ...(by.subresource === undefined ? {} : { subresource: by.subresource }),
    };
    if (by.subresource !== 'status') checkUpdate(resource, current.object, wanted);
    const next =
      by.subresource === 'status'
        ? withStatus(resource, current.object, wanted.status)
        : withMain(resource, current.object, wanted, hasLaterSchemas());
    return store.commit(
      resource,
      next,
      ownersAfterUpdate(current.owners, current.object, next, owner),
      current,
    );
  };

  const deleteObject = (
    resource: Resource,
    ref: Ref,
    wanted: {
      readonly uid?: string | undefined;
      readonly resourceVersion?: string | undefined;
      readonly gracePeriodSeconds?: number | undefined;
    },
  ): void => {
    const current = store.find(resource, ref);
    const { metadata } = current.object;
    for (const [name, precondition, record] of [
      ['UID', wanted.uid, metadata.uid],
      ['ResourceVersion', wanted.resourceVersion, metadata.resourceVersion],
    ] as const) {
      if (precondition === undefined || precondition === record) continue;
      throw conflict(
        resource,
        current.object,
        `the ${name} in the precondition (${precondition}) does not match the ${name} in record (${record})`,
      );
    }
    const graceSeconds = wanted.gracePeriodSeconds ?? graceOf(resource, current.object);
    const isHeld = (metadata.finalizers?.length ?? 0) > 0 || resource.plural === 'namespaces';
    if (graceSeconds === 0 && !isHeld) {
      store.remove(resource, current.object, current.object);
      return;
    }
    if (metadata.deletionTimestamp !== undefined) return;
    const next: StoredObject = {
      ...current.object,
      metadata: {
        ...metadata,
        deletionTimestamp: timestamp(),
        ...(resource.plural === 'namespaces' ? {} : { deletionGracePeriodSeconds: graceSeconds }),
      },
      ...(resource.plural === 'namespaces' ? { status: { phase: 'Terminating' } } : {}),
    };
    store.commit(resource, next, current.owners, current);
  };

  const evict = (ref: Ref, uid: string | undefined): { code: number; body: string } => {
    try {
      deleteObject(resources.pods, ref, { uid });
      return { code: 201, body: '{"kind":"Status","status":"Success"}' };
    } catch (error) {
      if (!(error instanceof KubeApiError)) throw error;
      return {
        code: error.status,
        body: JSON.stringify({ kind: 'Status', reason: error.reason, message: error.message }),
      };
    }
  };

  return { create, putMain, putStatus, apply, mergePatch, deleteObject, evict };
}
