/** Client of a simulated API server. */
import type { Monotonic } from '../../../src/k8s/time.ts';
import type { KubeClient, KubeObject } from '../../../src/kube/index.ts';
import type { View } from './change-log.ts';
import { received } from './json.ts';
import { collectionName, type ObjectStore } from './object-store.ts';
import { issueToken } from './tokens.ts';
import type { Writes } from './writes.ts';

export type ClientOptions = {
  readonly store: ObjectStore;
  readonly writes: Writes;
  readonly issuer: string;
  readonly now: () => Monotonic;
};

/** Connects a client that sees the server through its own view. After `close` the client receives nothing. */
export function connectClient(
  { store, writes, issuer, now }: ClientOptions,
  view: View,
): { readonly client: KubeClient; close(): void } {
  const closed = new AbortController();
  const client: KubeClient = {
    get: async (resource, ref) => store.find(resource, ref).object as never,
    async list(resource, scope = {}) {
      const { objects: all, version: at } = store.log.snapshot(
        collectionName(resource),
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
      writes.create(
        resource,
        received(object),
        { manager: write?.fieldManager ?? 'unknown', operation: 'Update' },
        write?.dryRun === true,
      ) as never,
    update: async (resource, object, write) =>
      writes.putMain(resource, received(object), write?.fieldManager ?? 'unknown') as never,
    updateStatus: async (resource, object, write) =>
      writes.putStatus(resource, received(object), write?.fieldManager ?? 'unknown') as never,
    apply: async (resource, object, write) =>
      writes.apply(resource, received(object), {
        manager: write.fieldManager,
        force: write.force === true,
        subresource: write.subresource,
      }) as never,
    async patch(resource, ref, patch, write) {
      if (write.type !== 'merge') throw new TypeError(`the model knows no ${write.type} patches`);
      const by = { manager: write.fieldManager ?? 'unknown', subresource: write.subresource };
      return writes.mergePatch(resource, ref, received(patch), by) as never;
    },
    delete: async (resource, ref, wanted = {}) => writes.deleteObject(resource, ref, wanted),
    createToken: async (ref, spec) => issueToken({ store, issuer, now }, ref, spec),
    watch: (resource, scope) =>
      store.log.watch(
        collectionName(resource),
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
        const answer = writes.evict(ref, deleteOptions?.preconditions?.uid);
        return { status: answer.code, headers: {}, body: answer.body };
      }
      throw new TypeError(`the model serves no ${method} ${path}`);
    },
    close: async () => closed.abort(),
  };
  return { client, close: () => closed.abort() };
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
