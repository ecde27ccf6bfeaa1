/** Implementation of `KubeClient` over one connection. Requests and responses contain plain JSON objects. */
import { defined } from '../k8s/defined.ts';
import type { Connection } from './connection.ts';
import { isGone, KubeUnreachableError } from './errors.ts';
import type { KubeClient, ListOptions, ListResult, WatchOptions, WriteOptions } from './kube-client.ts';
import type { KubeObject } from './object.ts';
import { createRequester, type KubeClientOptions, type Query } from './requester.ts';
import { apiVersionOf, resourcePath, type Resource } from './resource.ts';
import {
  linesOf,
  parseWatchEvent,
  textWithoutManagedFields,
  WatchFormatError,
  wholeText,
} from './watch-stream.ts';

const defaultPageSize = 500;

export function createKubeClient(connection: Connection, options: KubeClientOptions = {}): KubeClient {
  const { ask, send, open, server, close } = createRequester(connection, options);

  const listOnce = async <T extends KubeObject>(
    resource: Resource,
    listOptions: ListOptions<T>,
    pageSize: number | undefined,
  ): Promise<ListResult<T>> => {
    const items: T[] = [];
    const apiVersion = apiVersionOf(resource);
    let continueToken: string | undefined;
    for (;;) {
      const page = await ask<{
        metadata?: { resourceVersion?: string; continue?: string };
        items?: T[] | null;
      }>({
        method: 'GET',
        path: resourcePath(resource, { namespace: listOptions.namespace }),
        query: {
          labelSelector: listOptions.labelSelector,
          fieldSelector: listOptions.fieldSelector,
          limit: pageSize,
          continue: continueToken,
          // A continue token includes the resourceVersion. The server rejects requests that contain both a continue
          // token and a resourceVersion.
          resourceVersion: continueToken === undefined ? listOptions.resourceVersion : undefined,
          resourceVersionMatch: continueToken === undefined ? listOptions.resourceVersionMatch : undefined,
        },
        signal: listOptions.signal,
        repeatable: true,
        write: false,
      });
      for (const item of page.items ?? []) {
        item.apiVersion ??= apiVersion;
        item.kind ??= resource.kind;
        items.push(listOptions.transform ? listOptions.transform(item) : item);
      }
      continueToken = page.metadata?.continue || undefined;
      if (continueToken === undefined)
        return { items, resourceVersion: page.metadata?.resourceVersion ?? '' };
    }
  };

  const writeQuery = (write: WriteOptions | undefined): Query => ({
    fieldManager: write?.fieldManager,
    fieldValidation: write?.fieldValidation,
    dryRun: write?.dryRun ? 'All' : undefined,
  });

  const put = <T extends KubeObject>(
    resource: Resource,
    object: T,
    write: WriteOptions | undefined,
    subresource?: string,
  ): Promise<T> =>
    ask({
      method: 'PUT',
      path: resourcePath(resource, { ...refOf(resource, object), subresource }),
      query: writeQuery(write),
      body: object,
      signal: write?.signal,
      repeatable: true,
      write: true,
    });

  return {
    get: (resource, ref, request) =>
      ask({
        method: 'GET',
        path: resourcePath(resource, ref),
        signal: request?.signal,
        repeatable: true,
        write: false,
      }),

    async list<T extends KubeObject>(resource: Resource, listOptions: ListOptions<T> = {}) {
      try {
        return await listOnce<T>(resource, listOptions, listOptions.pageSize ?? defaultPageSize);
      } catch (error) {
        // The resourceVersion of the earlier pages has expired. Fetch all objects in one page instead, as client-go's
        // pager does.
        if (!isGone(error) || listOptions.resourceVersion !== undefined) throw error;
        return listOnce<T>(resource, listOptions, undefined);
      }
    },

    create: (resource, object, write) =>
      ask({
        method: 'POST',
        path: resourcePath(resource, { namespace: object.metadata.namespace }),
        query: writeQuery(write),
        body: object,
        signal: write?.signal,
        repeatable: false,
        write: true,
      }),

    update: (resource, object, write) => put(resource, object, write),
    updateStatus: (resource, object, write) => put(resource, object, write, 'status'),

    apply: (resource, object, write) =>
      ask({
        method: 'PATCH',
        path: resourcePath(resource, { ...refOf(resource, object), subresource: write.subresource }),
        query: { ...writeQuery(write), force: write.force ? true : undefined },
        // The server accepts an apply only with this content type. A JSON body is valid, since JSON is a subset of
        // YAML.
        headers: { 'content-type': 'application/apply-patch+yaml' },
        body: object,
        signal: write.signal,
        repeatable: true,
        write: true,
      }),

    patch: (resource, ref, patch, write) =>
      ask({
        method: 'PATCH',
        path: resourcePath(resource, { ...ref, subresource: write.subresource }),
        query: writeQuery(write),
        headers: {
          'content-type':
            write.type === 'strategic'
              ? 'application/strategic-merge-patch+json'
              : `application/${write.type}-patch+json`,
        },
        body: patch,
        signal: write.signal,
        repeatable: write.type !== 'json',
        write: true,
      }),

    async delete(
      resource,
      ref,
      { uid, resourceVersion, propagationPolicy, gracePeriodSeconds, ...request } = {},
    ) {
      const preconditions = defined({ uid, resourceVersion });
      await ask({
        method: 'DELETE',
        path: resourcePath(resource, ref),
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          ...(Object.keys(preconditions).length > 0 ? { preconditions } : {}),
          ...defined({ propagationPolicy, gracePeriodSeconds, dryRun: request.dryRun ? ['All'] : undefined }),
        },
        signal: request.signal,
        repeatable: true,
        write: true,
      });
    },

    async createToken(ref, spec, request) {
      const { status } = await ask<{ status?: { token?: string; expirationTimestamp?: string } }>({
        method: 'POST',
        path: `/api/v1/namespaces/${encodeURIComponent(ref.namespace)}/serviceaccounts/${encodeURIComponent(ref.name)}/token`,
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec },
        signal: request?.signal,
        repeatable: true,
        // A token request counts as a write, although it stores nothing: a process that has lost its lease must not get
        // a credential.
        write: true,
      });
      if (!status?.token)
        throw new KubeUnreachableError(
          'protocol',
          server,
          'the response to a TokenRequest contains no token',
        );
      return { token: status.token, expirationTimestamp: status.expirationTimestamp ?? '' };
    },

    async *watch<T extends KubeObject>(resource: Resource, watch: WatchOptions) {
      const stream = await open({
        method: 'GET',
        path: resourcePath(resource, { namespace: watch.namespace }),
        query: {
          watch: true,
          labelSelector: watch.labelSelector,
          fieldSelector: watch.fieldSelector,
          resourceVersion: watch.resourceVersion,
          allowWatchBookmarks: watch.allowBookmarks || watch.sendInitialEvents ? true : undefined,
          timeoutSeconds: watch.timeoutSeconds,
          ...(watch.sendInitialEvents
            ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
            : {}),
        },
        signal: watch.signal,
        repeatable: true,
        write: false,
      });
      try {
        watch.onOpen?.();
        for await (const lines of linesOf(
          stream.body,
          watch.omitManagedFields ? textWithoutManagedFields : wholeText,
        ))
          for (const line of lines) {
            yield parseWatchEvent<T>(line);
            // After the caller has aborted, do not pass on events that have already arrived.
            watch.signal?.throwIfAborted();
          }
      } catch (error) {
        throw error instanceof WatchFormatError ? error : stream.wrapError(error);
      } finally {
        stream.end();
      }
    },

    async raw(request) {
      const repeatable = ['GET', 'HEAD', 'PUT', 'DELETE'].includes(request.method);
      const answer = await send({
        method: request.method,
        path: request.path,
        ...(request.query ? { query: request.query } : {}),
        body: request.body,
        ...(request.headers ? { headers: lowerCaseNames(request.headers) } : {}),
        signal: request.signal,
        repeatable,
        write: request.method !== 'GET' && request.method !== 'HEAD',
      });
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(answer.headers))
        headers[name] = Array.isArray(value) ? value.join(', ') : value;
      return { status: answer.status, headers, body: answer.body };
    },

    close,
  };
}

const lowerCaseNames = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

const refOf = (resource: Resource, object: KubeObject): { namespace: string | undefined; name: string } => ({
  namespace: resource.namespaced ? object.metadata.namespace : undefined,
  name: object.metadata.name,
});
