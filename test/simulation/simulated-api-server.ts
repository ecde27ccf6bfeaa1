/**
 * A model of an API server, as far as the operator speaks to one: versions, uids, generations, conflicts, preconditions,
 * finalizers, garbage collection, status subresources, server-side apply by one forcing manager, and watches. It is never
 * shipped, and used only where thousands of runs have to be had; `conformance.test.ts` holds it to the real one.
 */
import {
  KubeApiError,
  type KubeClient,
  type KubeObject,
  type Resource,
  type SetTimer,
  type WatchEvent,
} from '../../src/kube/index.ts';

export type StoredObject = KubeObject & { spec?: unknown; status?: unknown };
type Change = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: StoredObject;
  readonly version: number;
};
type Watcher = {
  readonly matches: (object: StoredObject) => boolean;
  readonly push: (change: Change) => void;
};

export type SimulatedApiServer = {
  readonly client: KubeClient;
  list(resource: Resource, namespace?: string): readonly StoredObject[];
  get(resource: Resource, name: string, namespace?: string): StoredObject | undefined;
  /** Called after each change of the resource, at once: how the controllers of the cluster are modelled. */
  onChange(resource: Resource, listener: (object: StoredObject, gone: boolean) => void): void;
  /** How long after a change watches tell of it, in milliseconds. */
  lagMs: number;
};

const prefixOf = (resource: Resource): string => `${resource.group}/${resource.plural}`;

export function createSimulatedApiServer(options: {
  readonly now: () => number;
  readonly setTimer: SetTimer;
  readonly issuer: string;
}): SimulatedApiServer {
  const { now, setTimer } = options;
  const objects = new Map<string, Map<string, StoredObject>>();
  const applied = new Map<string, ReadonlySet<string>>();
  const watchers = new Map<string, Set<Watcher>>();
  const listeners = new Map<string, ((object: StoredObject, gone: boolean) => void)[]>();
  const history = new Map<string, Change[]>();
  let version = 1;
  let uids = 0;

  const collection = (resource: Resource): Map<string, StoredObject> => {
    const known = objects.get(prefixOf(resource)) ?? new Map<string, StoredObject>();
    objects.set(prefixOf(resource), known);
    return known;
  };
  const keyOf = (ref: { namespace?: string | undefined; name: string }): string =>
    ref.namespace ? `${ref.namespace}/${ref.name}` : ref.name;
  const copy = <T>(value: T): T => structuredClone(value);

  const refuse = (code: number, reason: string, message: string): never => {
    throw new KubeApiError({ code, reason, message });
  };
  const found = (resource: Resource, ref: { namespace?: string | undefined; name: string }): StoredObject =>
    collection(resource).get(keyOf(ref)) ??
    refuse(404, 'NotFound', `${resource.plural} "${ref.name}" not found`);

  const publish = (resource: Resource, type: Change['type'], object: StoredObject): void => {
    const change = { type, object: copy(object), version };
    const past = history.get(prefixOf(resource)) ?? [];
    past.push(change);
    history.set(prefixOf(resource), past);
    const lag = server.lagMs;
    for (const watcher of watchers.get(prefixOf(resource)) ?? []) {
      if (lag === 0) watcher.push(change);
      else setTimer(() => watcher.push(change), lag);
    }
    for (const listener of listeners.get(prefixOf(resource)) ?? [])
      listener(copy(object), type === 'DELETED');
  };

  const store = (
    resource: Resource,
    object: StoredObject,
    before: StoredObject | undefined,
  ): StoredObject => {
    const { resourceVersion: _, generation: __, ...metadata } = object.metadata;
    const unversioned = (of: StoredObject | undefined): string => {
      if (!of) return '';
      const { resourceVersion: ___, managedFields: ____, ...rest } = of.metadata;
      return JSON.stringify({ ...of, metadata: rest });
    };
    const generation =
      before === undefined
        ? 1
        : (before.metadata.generation ?? 1) +
          (JSON.stringify(before.spec) === JSON.stringify(object.spec) &&
          before.metadata.deletionTimestamp === object.metadata.deletionTimestamp
            ? 0
            : 1);
    const next: StoredObject = {
      ...object,
      metadata: { ...metadata, generation, resourceVersion: before?.metadata.resourceVersion ?? '' },
    };
    // A write that changes nothing makes no version and no event.
    if (before && unversioned(before) === unversioned(next)) return before;
    version += 1;
    next.metadata.resourceVersion = String(version);
    const key = keyOf(object.metadata);
    if (next.metadata.deletionTimestamp !== undefined && !next.metadata.finalizers?.length) {
      remove(resource, next);
      return next;
    }
    collection(resource).set(key, next);
    publish(resource, before ? 'MODIFIED' : 'ADDED', next);
    return next;
  };

  const remove = (resource: Resource, object: StoredObject): void => {
    const key = keyOf(object.metadata);
    if (!collection(resource).delete(key)) return;
    applied.delete(`${prefixOf(resource)} ${key}`);
    version += 1;
    publish(resource, 'DELETED', {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(version) },
    });
    // Background garbage collection.
    for (const [prefix, others] of objects) {
      for (const other of others.values()) {
        if (other.metadata.ownerReferences?.some((owner) => owner.uid === object.metadata.uid)) {
          const [group = '', plural = ''] = prefix.split('/');
          const owned = { group, plural, version: '', kind: other.kind, namespaced: true };
          setTimer(() => {
            if (objects.get(prefix)?.get(keyOf(other.metadata))?.metadata.uid === other.metadata.uid)
              remove(owned, other);
          }, 5);
        }
      }
    }
  };

  const create = (resource: Resource, object: StoredObject, manager: string | undefined): StoredObject => {
    if (collection(resource).has(keyOf(object.metadata)))
      refuse(409, 'AlreadyExists', `${resource.plural} "${object.metadata.name}" already exists`);
    const { namespace } = object.metadata;
    if (namespace && resource.plural !== 'events') {
      const home = objects.get('/namespaces')?.get(namespace);
      if (!home) refuse(404, 'NotFound', `namespaces "${namespace}" not found`);
      if (home?.metadata.deletionTimestamp)
        refuse(403, 'Forbidden', `namespace ${namespace} is being terminated`);
    }
    return store(
      resource,
      {
        ...copy(object),
        metadata: {
          ...copy(object.metadata),
          uid: `uid-${(uids += 1)}`,
          creationTimestamp: new Date(now()).toISOString(),
          managedFields: managedFieldsOf(undefined, object, manager),
        },
      },
      undefined,
    );
  };

  const checkPreconditions = (
    resource: Resource,
    current: StoredObject,
    wanted: { uid?: string | undefined; resourceVersion?: string | undefined },
  ): void => {
    if (wanted.uid !== undefined && wanted.uid !== current.metadata.uid)
      refuse(409, 'Conflict', `${resource.plural} "${current.metadata.name}": the uid is another`);
    if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== current.metadata.resourceVersion) {
      refuse(409, 'Conflict', `${resource.plural} "${current.metadata.name}": the object has been modified`);
    }
  };

  const applyTo = (
    resource: Resource,
    object: StoredObject,
    manager: string,
    subresource: string | undefined,
  ): StoredObject => {
    const key = keyOf(object.metadata);
    const current = collection(resource).get(key);
    if (!current && subresource)
      refuse(404, 'NotFound', `${resource.plural} "${object.metadata.name}" not found`);
    if (current) checkPreconditions(resource, current, object.metadata);
    const part = (of: StoredObject): Record<string, unknown> => {
      const { status, ...rest } = of;
      return subresource === 'status' ? { status } : rest;
    };
    const { uid: _, resourceVersion: __, ...plain } = object.metadata;
    const wanted = part({ ...object, metadata: plain });
    const owner = `${prefixOf(resource)} ${key} ${subresource ?? ''} ${manager}`;
    const paths = new Set(leaves(wanted));
    const base = current ? copy(current) : undefined;
    if (base)
      for (const path of applied.get(owner) ?? []) if (!paths.has(path)) drop(base, path.split('\u0000'));
    applied.set(owner, paths);
    const merged = merge(base ?? {}, wanted) as StoredObject;
    if (!current)
      return create(resource, { ...merged, apiVersion: object.apiVersion, kind: object.kind }, manager);
    merged.metadata.managedFields = managedFieldsOf(current, object, manager);
    return store(resource, merged, current);
  };

  const client: KubeClient = {
    get: async (resource, ref) => copy(found(resource, ref)) as never,
    list: async (resource, scope = {}) => ({
      items: copy([...collection(resource).values()].filter(matcher(scope))) as never,
      resourceVersion: String(version),
    }),
    create: async (resource, object, write) => {
      if (write?.dryRun) return copy(object);
      return copy(create(resource, object, write?.fieldManager)) as never;
    },
    update: async (resource, object, write) => {
      const current = found(resource, object.metadata);
      checkPreconditions(resource, current, object.metadata);
      const { status: _, ...rest } = copy(object) as StoredObject;
      return copy(
        store(
          resource,
          {
            ...rest,
            ...(current.status === undefined ? {} : { status: current.status }),
            metadata: {
              ...rest.metadata,
              managedFields: managedFieldsOf(current, object, write?.fieldManager),
            },
          },
          current,
        ),
      ) as never;
    },
    updateStatus: async (resource, object) => {
      const current = found(resource, object.metadata);
      checkPreconditions(resource, current, object.metadata);
      return copy(
        store(resource, { ...current, status: copy((object as StoredObject).status) }, current),
      ) as never;
    },
    apply: async (resource, object, write) =>
      copy(applyTo(resource, copy(object), write.fieldManager, write.subresource)) as never,
    patch: async (resource, ref, patch, write) => {
      if (write.type !== 'merge') throw new Error(`the model knows no ${write.type} patches`);
      const current = found(resource, ref);
      const { metadata = {} } = patch as { metadata?: { uid?: string; resourceVersion?: string } };
      checkPreconditions(resource, current, metadata);
      const next = merge(copy(current), patch, true) as StoredObject;
      next.metadata.uid = current.metadata.uid ?? '';
      next.metadata.managedFields = managedFieldsOf(current, next, write.fieldManager);
      return copy(store(resource, next, current)) as never;
    },
    delete: async (resource, ref, wanted = {}) => {
      const current = found(resource, ref);
      checkPreconditions(resource, current, wanted);
      if (!current.metadata.finalizers?.length) remove(resource, current);
      else if (current.metadata.deletionTimestamp === undefined) {
        store(
          resource,
          { ...current, metadata: { ...current.metadata, deletionTimestamp: new Date(now()).toISOString() } },
          current,
        );
      }
    },
    createToken: async (ref, spec) => {
      const account = objects.get('/serviceaccounts')?.get(`${ref.namespace}/${ref.name}`);
      if (!account) return refuse(404, 'NotFound', `serviceaccounts "${ref.name}" not found`);
      const claims = {
        iss: options.issuer,
        aud: spec.audiences,
        sub: `system:serviceaccount:${ref.namespace}:${ref.name}`,
      };
      return { token: JSON.stringify(claims), expirationTimestamp: '' };
    },
    async *watch(resource, scope) {
      const matches = matcher(scope);
      const queue: Change[] = [];
      let wake: (() => void) | undefined;
      const watcher: Watcher = {
        matches,
        push(change) {
          queue.push(change);
          wake?.();
        },
      };
      const all = watchers.get(prefixOf(resource)) ?? new Set();
      watchers.set(prefixOf(resource), all);
      const from = Number(scope.resourceVersion ?? version);
      const missed = (history.get(prefixOf(resource)) ?? []).filter((change) => change.version > from);
      const snapshot = scope.sendInitialEvents
        ? copy([...collection(resource).values()].filter(matches))
        : [];
      all.add(watcher);
      scope.onOpen?.();
      const stop = (): void => wake?.();
      scope.signal?.addEventListener('abort', stop, { once: true });
      try {
        for (const object of snapshot) yield { type: 'ADDED', object } as WatchEvent<never>;
        if (scope.sendInitialEvents)
          yield { type: 'BOOKMARK', resourceVersion: String(from), initialEventsEnd: true };
        queue.unshift(...missed.filter((change) => !queue.includes(change)));
        for (;;) {
          const change = queue.shift();
          if (change) {
            if (matches(change.object))
              yield { type: change.type, object: copy(change.object) } as WatchEvent<never>;
            continue;
          }
          if (scope.signal?.aborted) throw scope.signal.reason;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          wake = undefined;
        }
      } finally {
        all.delete(watcher);
        scope.signal?.removeEventListener('abort', stop);
      }
    },
    raw: async ({ path }) => {
      if (path === '/.well-known/openid-configuration')
        return { status: 200, headers: {}, body: JSON.stringify({ issuer: options.issuer }) };
      throw new Error(`the model serves no ${path}`);
    },
    close: async () => {},
  };

  const server: SimulatedApiServer = {
    client,
    lagMs: 0,
    list: (resource, namespace) =>
      [...collection(resource).values()].filter(
        (object) => namespace === undefined || object.metadata.namespace === namespace,
      ),
    get: (resource, name, namespace) => collection(resource).get(keyOf({ name, namespace })),
    onChange(resource, listener) {
      listeners.set(prefixOf(resource), [...(listeners.get(prefixOf(resource)) ?? []), listener]);
    },
  };
  return server;
}

function matcher(scope: {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
}): (object: StoredObject) => boolean {
  const labels = (scope.labelSelector ?? '')
    .split(',')
    .filter(Boolean)
    .map((part) => part.split('='));
  return (object) =>
    (scope.namespace === undefined || object.metadata.namespace === scope.namespace) &&
    labels.every(([key = '', value]) => object.metadata.labels?.[key] === value);
}

/** Who set each annotation last, as far as anybody asks. */
function managedFieldsOf(
  before: StoredObject | undefined,
  after: KubeObject,
  manager: string | undefined,
): NonNullable<KubeObject['metadata']['managedFields']> {
  const owners = new Map<string, string>();
  for (const entry of before?.metadata.managedFields ?? []) {
    const fields =
      (entry.fieldsV1?.['f:metadata'] as Record<string, object> | undefined)?.['f:annotations'] ?? {};
    for (const field of Object.keys(fields)) owners.set(field, entry.manager ?? '');
  }
  for (const [key, value] of Object.entries(after.metadata.annotations ?? {})) {
    if (before?.metadata.annotations?.[key] !== value) owners.set(`f:${key}`, manager ?? 'unknown');
  }
  const byManager = new Map<string, Record<string, object>>();
  for (const [field, owner] of owners) {
    if (!(field.slice(2) in (after.metadata.annotations ?? {}))) continue;
    byManager.set(owner, { ...byManager.get(owner), [field]: {} });
  }
  return [...byManager].map(([owner, annotations]) => ({
    manager: owner,
    operation: 'Update',
    fieldsV1: { 'f:metadata': { 'f:annotations': annotations } },
  }));
}

function leaves(value: unknown, path: readonly string[] = []): string[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [path.join('\u0000')];
  return Object.entries(value).flatMap(([key, inner]) =>
    inner === undefined ? [] : leaves(inner, [...path, key]),
  );
}

function drop(object: object, [first = '', ...rest]: readonly string[]): void {
  const record = object as Record<string, unknown>;
  if (rest.length === 0) delete record[first];
  else if (typeof record[first] === 'object' && record[first] !== null) {
    drop(record[first], rest);
    if (Object.keys(record[first]).length === 0) delete record[first];
  }
}

/** RFC 7386 where `nulls` remove, else a plain merge; lists are replaced whole. */
function merge(target: unknown, patch: unknown, nulls = false): unknown {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return structuredClone(patch);
  const result: Record<string, unknown> =
    target !== null && typeof target === 'object' && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (nulls && value === null) delete result[key];
    else result[key] = merge(result[key], value, nulls);
  }
  return result;
}
