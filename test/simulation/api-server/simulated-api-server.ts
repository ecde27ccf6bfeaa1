/**
 * A model of an API server, limited to the features that the operator uses. It is never shipped; it exists for tests
 * with thousands of runs. One table of behaviours (`conformance/`) runs against the model and against a real
 * kube-apiserver.
 *
 * Omitted: admission except for one hook, validation except for the schemas of Konstellation's kinds, merging of lists
 * by key (a list is a single field in server-side apply), pagination, and authorization.
 */
import {
  KubeApiError,
  type KubeClient,
  type KubeObject,
  type Resource,
  type SetTimer,
  type StatusCause,
} from '../../../src/kube/index.ts';
import { createChangeLog, freshView, type Change, type View } from './change-log.ts';
import {
  annotationOwners,
  applied,
  noOwners,
  ownersAfterUpdate,
  sameOwners,
  type FieldOwners,
} from './field-owners.ts';
import { frozen, isRecord, merged, received, same } from './json.ts';
import { titleOf, traitsOf } from './kinds.ts';
import { apiGroup } from '../../../src/api/index.ts';
import { specOf, statusOf } from './schemas.ts';
import type { Monotonic } from '../../../src/k8s/time.ts';

export type StoredObject = KubeObject & { readonly spec?: unknown; readonly status?: unknown };

export type SimulatedApiServer = {
  /** Client for users and the cluster's controllers, with fresh reads and no faults. */
  readonly client: KubeClient;
  /** Connects a client that sees the server through its own view. After `close` the client receives nothing. */
  connect(view: View): { readonly client: KubeClient; close(): void };
  list(resource: Resource, namespace?: string): readonly StoredObject[];
  get(resource: Resource, name: string, namespace?: string): StoredObject | undefined;
  /** Registers a synchronous listener for changes to any resource, for monitors and the simulated controllers. */
  onChange(listener: (resource: Resource, change: Change) => void): void;
  /** Called for each object that is to be created. Like a mutating webhook, it can change the object. */
  admit: (resource: Resource, object: StoredObject) => StoredObject;
  interruptWatches(options: { readonly forget: boolean }): void;
  /** Whether the CRDs are from a later version, which keeps fields that this version's schemas do not have. */
  hasLaterSchemas: boolean;
  /** Returns the stored objects of some kinds, for `restore`. */
  snapshot(kinds: readonly Resource[]): Snapshot;
  /**
   * Restores the objects of the kinds in a snapshot, and removes objects that were created later, without admission or
   * finalizers. With `same` uids the status is restored too, as from etcd; with `new` uids it is not, as from a backup
   * tool that recreates the objects.
   */
  restore(snapshot: Snapshot, uids: 'same' | 'new'): void;
  /** True during `restore`. */
  readonly isRestoring: boolean;
  /**
   * Removes the finalizer `kubernetes` from a terminating namespace, as the namespace controller does when the
   * namespace is empty.
   */
  finalizeNamespace(name: string): void;
};

export type Snapshot = ReadonlyMap<Resource, ReadonlyMap<string, Stored>>;

/** Time until the garbage collector detects that an owner does not exist, in milliseconds. */
const absentOwnerMs = 200;

type Ref = { readonly namespace?: string | undefined; readonly name: string };
type Stored = { readonly object: StoredObject; readonly owners: FieldOwners };

export function createSimulatedApiServer(options: {
  readonly now: () => Monotonic;
  readonly setTimer: SetTimer;
  readonly issuer: string;
}): SimulatedApiServer {
  const { now, setTimer, issuer } = options;
  const objects = new Map<string, Map<string, Stored>>();
  const resourcesByCollection = new Map<string, Resource>();
  const listeners: ((resource: Resource, change: Change) => void)[] = [];
  /** Uids of all existing objects. */
  const living = new Set<string>();
  let version = 100;
  let uids = 0;
  let isRestoring = false;
  const log = createChangeLog({ now, setTimer, version: () => version, advance: () => (version += 1) });

  const collectionOf = (resource: Resource): string => `${resource.group}/${resource.plural}`;
  const collections = new WeakMap<Resource, Map<string, Stored>>();
  const collection = (resource: Resource): Map<string, Stored> => {
    const known = collections.get(resource);
    if (known) return known;
    const named = collectionNamed(collectionOf(resource), resource);
    collections.set(resource, named);
    return named;
  };
  const collectionNamed = (name: string, resource: Resource): Map<string, Stored> => {
    const known = objects.get(name) ?? new Map<string, Stored>();
    objects.set(name, known);
    resourcesByCollection.set(name, resource);
    return known;
  };
  const keyOf = (ref: Ref): string => (ref.namespace ? `${ref.namespace}/${ref.name}` : ref.name);
  const timestamp = (): string => new Date(now()).toISOString().replace(/\.\d{3}Z$/, 'Z');

  const found = (resource: Resource, ref: Ref): Stored => {
    const stored = collection(resource).get(keyOf(ref));
    if (!stored) throw notFound(titleOf(resource), ref.name);
    return stored;
  };

  const publish = (
    resource: Resource,
    type: Change['type'],
    object: StoredObject,
    before?: StoredObject,
  ): void => {
    const change: Change = { type, object, version, at: now(), ...(before ? { before } : {}) };
    log.record(collectionOf(resource), change);
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

  const remove = (resource: Resource, object: StoredObject, before: StoredObject | undefined): void => {
    if (!collection(resource).delete(keyOf(object.metadata))) return;
    living.delete(object.metadata.uid ?? '');
    version += 1;
    const last = frozen<StoredObject>({
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(version) },
    });
    publish(resource, 'DELETED', last, before ?? object);
    setTimer(() => collectGarbageOf(object.metadata.uid ?? ''), 5);
  };

  /** Deletes the dependents of the object with this uid, like background garbage collection. */
  const collectGarbageOf = (uid: string): void => {
    for (const [name, others] of objects) {
      const resource = resourcesByCollection.get(name);
      for (const { object } of resource ? [...others.values()] : [])
        if (resource && object.metadata.ownerReferences?.some((owner) => owner.uid === uid))
          deleteObject(resource, object.metadata, {});
    }
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
    const there = collection(resource).get(keyOf(input.metadata));
    if (there) {
      const going = there.object.metadata.deletionTimestamp === undefined ? '' : 'object is being deleted: ';
      throw new KubeApiError({
        code: 409,
        reason: 'AlreadyExists',
        message: `${going}${titleOf(resource)} "${name}" already exists`,
      });
    }
    const traits = traitsOf(resource);
    const { status: _, ...rest } = server.admit(resource, input);
    const object: StoredObject = {
      ...withSpec(resource, rest, server.hasLaterSchemas),
      metadata: {
        ...chosen(rest.metadata),
        name,
        ...(namespace === undefined ? {} : { namespace }),
        ...(resource.plural === 'namespaces'
          ? { labels: { ...rest.metadata.labels, 'kubernetes.io/metadata.name': name } }
          : {}),
        uid: `uid-${(uids += 1)}`,
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
    const created = commit(resource, object, owners, undefined);
    if (created.metadata.ownerReferences?.length)
      setTimer(() => collectUnlessOwned(resource, created), absentOwnerMs);
    return created;
  };

  /** Deletes a new object whose owners have all been deleted, like the garbage collector. */
  const collectUnlessOwned = (resource: Resource, { metadata }: StoredObject): void => {
    const there = collection(resource).get(keyOf(metadata))?.object.metadata;
    if (there?.uid !== metadata.uid || !there?.ownerReferences?.length) return;
    if (!there.ownerReferences.some(({ uid }) => living.has(uid))) deleteObject(resource, metadata, {});
  };

  const applyOwners = (object: StoredObject, wanted: StoredObject, manager: string): FieldOwners => {
    const { status: _, ...rest } = wanted;
    const result = applied(noOwners, object, rest, { manager, force: true });
    return 'owners' in result ? result.owners : noOwners;
  };

  const checkNamespace = (resource: Resource, namespace: string, name: string): void => {
    const home = objects.get('/namespaces')?.get(namespace)?.object;
    if (!home) throw notFound('namespaces', namespace);
    if (home.metadata.deletionTimestamp === undefined) return;
    throw new KubeApiError({
      code: 403,
      reason: 'Forbidden',
      message: `${titleOf(resource)} "${name}" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
      details: {
        causes: [
          {
            reason: 'NamespaceTerminating',
            message: `namespace ${namespace} is being terminated`,
            field: 'metadata.namespace',
          },
        ],
      },
    });
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

  /**
   * Returns the object after a write to the main resource: the status and the fields that the server sets stay
   * unchanged.
   */
  const withMain = (resource: Resource, current: StoredObject, next: StoredObject): StoredObject => {
    const { status: _, ...rest } = next;
    const { status } = traitsOf(resource).hasStatus ? current : next;
    return {
      // A stored spec has already been validated.
      ...(rest.spec === current.spec ? rest : withSpec(resource, rest, server.hasLaterSchemas)),
      ...(status === undefined ? {} : { status }),
      metadata: { ...chosen(rest.metadata), ...serverOwned(current.metadata) },
    };
  };
  const withStatus = (resource: Resource, current: StoredObject, status: unknown): StoredObject => {
    const { status: _, ...rest } = current;
    return status === undefined ? rest : { ...rest, status: statusOf(resource, status) };
  };

  const putMain = (resource: Resource, input: StoredObject, manager: string): StoredObject => {
    const current = found(resource, input.metadata);
    const { uid, resourceVersion } = input.metadata;
    if (!resourceVersion && !traitsOf(resource).updatesUnconditionally) throw unconditional(resource, input);
    checkVersion(resource, current.object, resourceVersion);
    // An update with PUT uses the uid as a precondition, while a patch treats a different uid as an attempt to change
    // it.
    if (uid && uid !== current.object.metadata.uid)
      throw conflict(resource, current.object, `Precondition failed: UID in precondition: ${uid}`);
    checkUpdate(resource, current.object, input);
    const next = withMain(resource, current.object, input);
    return commit(
      resource,
      next,
      ownersAfterUpdate(current.owners, current.object, next, { manager }),
      current,
    );
  };

  const putStatus = (resource: Resource, input: StoredObject, manager: string): StoredObject => {
    const current = found(resource, input.metadata);
    const { uid, resourceVersion } = input.metadata;
    if (!resourceVersion && !traitsOf(resource).updatesUnconditionally) throw unconditional(resource, input);
    checkVersion(resource, current.object, resourceVersion);
    if (uid && uid !== current.object.metadata.uid)
      throw conflict(resource, current.object, `Precondition failed: UID in precondition: ${uid}`);
    const next = withStatus(resource, current.object, input.status);
    const by = { manager, subresource: 'status' };
    return commit(resource, next, ownersAfterUpdate(current.owners, current.object, next, by), current);
  };

  const apply = (
    resource: Resource,
    input: StoredObject,
    by: { manager: string; force: boolean; subresource: string | undefined },
  ): StoredObject => {
    const current = collection(resource).get(keyOf(input.metadata));
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
    // A write to the status subresource ignores everything except the status, even the uid.
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
    if ('conflicts' in result) {
      const { conflicts } = result;
      throw new KubeApiError({
        code: 409,
        reason: 'Conflict',
        message: `Apply failed with ${conflicts.length} conflict${conflicts.length === 1 ? '' : 's'}: ${conflicts.map(({ manager, field }) => `conflict with "${manager}": ${field}`).join(', ')}`,
        details: {
          causes: conflicts.map(({ manager, field }) => ({
            reason: 'FieldManagerConflict',
            message: `conflict with "${manager}"`,
            field,
          })),
        },
      });
    }
    const next = isStatus
      ? withStatus(resource, current.object, result.object.status)
      : withMain(resource, current.object, result.object);
    if (!isStatus) checkUpdate(resource, current.object, next);
    return commit(resource, next, result.owners, current);
  };

  const mergePatch = (
    resource: Resource,
    ref: Ref,
    patch: object,
    by: { manager: string; subresource: string | undefined },
  ): StoredObject => {
    const current = found(resource, ref);
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
        : withMain(resource, current.object, wanted);
    return commit(resource, next, ownersAfterUpdate(current.owners, current.object, next, owner), current);
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
    const current = found(resource, ref);
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
      remove(resource, current.object, current.object);
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
    commit(resource, next, current.owners, current);
  };

  const evict = (ref: Ref, uid: string | undefined): { code: number; body: string } => {
    const resource = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };
    try {
      deleteObject(resource, ref, { uid });
      return { code: 201, body: '{"kind":"Status","status":"Success"}' };
    } catch (error) {
      if (!(error instanceof KubeApiError)) throw error;
      return {
        code: error.status,
        body: JSON.stringify({ kind: 'Status', reason: error.reason, message: error.message }),
      };
    }
  };

  const connect = (view: View): { client: KubeClient; close(): void } => {
    const closed = new AbortController();
    const client: KubeClient = {
      get: async (resource, ref) => found(resource, ref).object as never,
      async list(resource, scope = {}) {
        const { objects: all, version: at } = log.snapshot(
          collectionOf(resource),
          view,
          scope.resourceVersion === '0' ? 'any' : 'most recent',
        );
        const { transform = (object) => object } = scope;
        return {
          items: all.filter(matcher(scope)).map((object) => transform(object as never)),
          resourceVersion: String(at),
        };
      },
      create: async (resource, object, write) =>
        create(
          resource,
          received(object),
          { manager: write?.fieldManager ?? 'unknown', operation: 'Update' },
          write?.dryRun === true,
        ) as never,
      update: async (resource, object, write) =>
        putMain(resource, received(object), write?.fieldManager ?? 'unknown') as never,
      updateStatus: async (resource, object, write) =>
        putStatus(resource, received(object), write?.fieldManager ?? 'unknown') as never,
      apply: async (resource, object, write) =>
        apply(resource, received(object), {
          manager: write.fieldManager,
          force: write.force === true,
          subresource: write.subresource,
        }) as never,
      async patch(resource, ref, patch, write) {
        if (write.type !== 'merge') throw new TypeError(`the model knows no ${write.type} patches`);
        const by = { manager: write.fieldManager ?? 'unknown', subresource: write.subresource };
        return mergePatch(resource, ref, received(patch), by) as never;
      },
      delete: async (resource, ref, wanted = {}) => deleteObject(resource, ref, wanted),
      async createToken(ref, spec) {
        const home = objects.get('/namespaces')?.get(ref.namespace);
        if (!home) throw notFound('namespaces', ref.namespace);
        const account = objects.get('/serviceaccounts')?.get(keyOf(ref));
        if (!account) throw notFound('serviceaccounts', ref.name);
        const bound = spec.boundObjectRef;
        if (bound) {
          const pod = objects
            .get('/pods')
            ?.get(keyOf({ namespace: ref.namespace, name: bound.name }))?.object;
          if (pod?.metadata.uid !== bound.uid) throw notFound('pods', bound.name);
        }
        const issuedAt = Math.floor(now() / 1000);
        const claims = {
          aud: spec.audiences,
          exp: issuedAt + spec.expirationSeconds,
          iat: issuedAt,
          iss: issuer,
          'kubernetes.io': {
            namespace: ref.namespace,
            serviceaccount: { name: ref.name, uid: account.object.metadata.uid },
            ...(bound ? { pod: { name: bound.name, uid: bound.uid } } : {}),
          },
          nbf: issuedAt,
          sub: `system:serviceaccount:${ref.namespace}:${ref.name}`,
        };
        return {
          token: ['{}', JSON.stringify(claims), 'unsigned'].map((part) => btoa(part)).join('.'),
          expirationTimestamp: new Date(claims.exp * 1000).toISOString(),
        };
      },
      watch: (resource, scope) =>
        log.watch(
          collectionOf(resource),
          {
            from: scope.resourceVersion === undefined ? undefined : Number(scope.resourceVersion),
            matches: matcher(scope),
            sendInitialEvents: scope.sendInitialEvents === true,
            bookmarks: scope.allowBookmarks === true,
            timeoutMs: scope.timeoutSeconds === undefined ? undefined : scope.timeoutSeconds * 1000,
            signal: scope.signal,
            onOpen: scope.onOpen,
          },
          view,
          closed.signal,
        ) as never,
      async raw({ method, path, body }) {
        if (method === 'GET' && path === '/.well-known/openid-configuration')
          return { status: 200, headers: {}, body: JSON.stringify({ issuer }) };
        const eviction = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/eviction$/.exec(path);
        if (method === 'POST' && eviction) {
          const { deleteOptions } = body as { deleteOptions?: { preconditions?: { uid?: string } } };
          const ref = { namespace: eviction[1] ?? '', name: eviction[2] ?? '' };
          const answer = evict(ref, deleteOptions?.preconditions?.uid);
          return { status: answer.code, headers: {}, body: answer.body };
        }
        throw new TypeError(`the model serves no ${method} ${path}`);
      },
      close: async () => closed.abort(),
    };
    return { client, close: () => closed.abort() };
  };

  const server: SimulatedApiServer = {
    client: connect(freshView).client,
    connect,
    list: (resource, namespace) =>
      [...collection(resource).values()]
        .map(({ object }) => object)
        .filter((object) => namespace === undefined || object.metadata.namespace === namespace),
    get: (resource, name, namespace) => collection(resource).get(keyOf({ name, namespace }))?.object,
    onChange: (listener) => void listeners.push(listener),
    admit: (_resource, object) => object,
    interruptWatches: (how) => log.interrupt(how),
    hasLaterSchemas: false,
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
    finalizeNamespace(name) {
      const stored = objects.get('/namespaces')?.get(name);
      const resource = resourcesByCollection.get('/namespaces');
      if (!stored || !resource || stored.object.metadata.deletionTimestamp === undefined) return;
      remove(resource, stored.object, stored.object);
    },
  };
  return server;
}

function unversioned({ metadata, ...rest }: StoredObject): object {
  const { resourceVersion: _, generation: __, managedFields: ___, ...others } = metadata;
  return { ...rest, metadata: others };
}

function generationOf(
  resource: Resource,
  next: StoredObject,
  before: StoredObject | undefined,
): number | undefined {
  if (!traitsOf(resource).hasGeneration) return undefined;
  if (!before) return 1;
  const wanted = ({ metadata: _, status: __, ...rest }: StoredObject): object => rest;
  const changed =
    !same(wanted(before), wanted(next)) ||
    before.metadata.deletionTimestamp !== next.metadata.deletionTimestamp;
  return (before.metadata.generation ?? 0) + (changed ? 1 : 0);
}

/** Whether a terminating object has neither finalizers nor a grace period left. */
function isReleased(resource: Resource, { metadata, spec }: StoredObject): boolean {
  if (metadata.finalizers?.length) return false;
  if (resource.plural !== 'namespaces')
    return metadata.deletionGracePeriodSeconds === undefined || metadata.deletionGracePeriodSeconds === 0;
  return !(isRecord(spec) && Array.isArray(spec.finalizers) && spec.finalizers.length > 0);
}

/** Seconds until a pod on a node is removed, unless the kubelet reports its end earlier. */
function graceOf(resource: Resource, { spec }: StoredObject): number {
  if (resource.plural !== 'pods' || !isRecord(spec) || spec.nodeName === undefined) return 0;
  return typeof spec.terminationGracePeriodSeconds === 'number' ? spec.terminationGracePeriodSeconds : 30;
}

type Metadata = KubeObject['metadata'];

/** Returns the metadata fields that a writer can set. */
function chosen({ name, namespace, labels, annotations, finalizers, ownerReferences }: Metadata): Metadata {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined || Object.keys(labels).length === 0 ? {} : { labels }),
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...(finalizers === undefined || finalizers.length === 0 ? {} : { finalizers }),
    ...(ownerReferences === undefined || ownerReferences.length === 0 ? {} : { ownerReferences }),
  };
}

function serverOwned(metadata: Metadata): Partial<Metadata> {
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
  };
}

function withSpec(resource: Resource, object: StoredObject, keepsUnknown: boolean): StoredObject {
  return object.spec === undefined ? object : { ...object, spec: specOf(resource, object, keepsUnknown) };
}

function matcher(scope: {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
}): (object: KubeObject) => boolean {
  const labels = (scope.labelSelector ?? '')
    .split(',')
    .filter(Boolean)
    .map((part) => part.split('='));
  return (object) =>
    (scope.namespace === undefined || object.metadata.namespace === scope.namespace) &&
    labels.every(([key = '', value]) => object.metadata.labels?.[key] === value);
}

function notFound(title: string, name: string): KubeApiError {
  return new KubeApiError({ code: 404, reason: 'NotFound', message: `${title} "${name}" not found` });
}

function conflict(resource: Resource, { metadata }: KubeObject, why: string): KubeApiError {
  const message = `Operation cannot be fulfilled on ${titleOf(resource)} "${metadata.name}": ${why}`;
  return new KubeApiError({ code: 409, reason: 'Conflict', message });
}

function invalid(resource: Resource, { metadata }: KubeObject, causes: readonly StatusCause[]): KubeApiError {
  const said = causes.map(({ field, message }) => `${field}: ${message}`).join(', ');
  return new KubeApiError({
    code: 422,
    reason: 'Invalid',
    message: `${resource.kind} "${metadata.name}" is invalid: ${said}`,
    details: { causes },
  });
}

function unconditional(resource: Resource, object: KubeObject): KubeApiError {
  return invalid(resource, object, [
    { field: 'metadata.resourceVersion', message: 'Invalid value: 0: must be specified for an update' },
  ]);
}
