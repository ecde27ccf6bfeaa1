/**
 * Interface to an API server for informers, recorders and leases. `createKubeClient` implements it over HTTP;
 * simulations implement it in memory.
 */
import type { KubeApiError } from './errors.ts';
import type { KubeObject } from './object.ts';
import type { ObjectRef, Resource } from './resource.ts';

export type RequestOptions = { readonly signal?: AbortSignal | undefined };

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export type WriteOptions = RequestOptions & {
  readonly fieldManager?: string | undefined;
  /** Dry run: the server processes the request, but persists nothing. */
  readonly dryRun?: boolean | undefined;
  /** Handling of unknown and duplicate fields by the server. Default: `Warn`. */
  readonly fieldValidation?: FieldValidation | undefined;
};

export type Subresource = 'status' | 'scale';

export type ListOptions<T extends KubeObject = KubeObject> = RequestOptions & {
  /** Namespace of the objects. Default: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Objects per page; all pages are fetched. Default: 500. */
  readonly pageSize?: number | undefined;
  /**
   * resourceVersion of the requested state. `'0'`: the state of the server's cache, which may be outdated. Default: the
   * most recent state.
   */
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan' | undefined;
  /**
   * Reduces each object as soon as its page arrives, so that a large collection is never in memory with all its fields.
   */
  readonly transform?: ((object: T) => T) | undefined;
};

export type ListResult<T> = { readonly items: T[]; readonly resourceVersion: string };

export type WatchOptions = RequestOptions & {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly allowBookmarks?: boolean | undefined;
  /** The server ends the watch after this time. */
  readonly timeoutSeconds?: number | undefined;
  /**
   * Asks the server to begin the watch with the current state as ADDED events, followed by a bookmark with
   * `initialEventsEnd`.
   */
  readonly sendInitialEvents?: boolean | undefined;
  /**
   * Leaves out `metadata.managedFields` without parsing it. The field makes up a third of a typical pod. Do not use
   * this option for kinds that have another list named `managedFields`.
   */
  readonly omitManagedFields?: boolean | undefined;
  /** Called when the server has accepted the watch. The first event may arrive much later. */
  readonly onOpen?: (() => void) | undefined;
};

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean }
  | { readonly type: 'ERROR'; readonly error: KubeApiError };

export type DeleteOptions = RequestOptions & {
  /** `uid` and `resourceVersion` are preconditions: a recreated or changed object causes a conflict. */
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan' | undefined;
  readonly gracePeriodSeconds?: number | undefined;
  readonly dryRun?: boolean | undefined;
};

export type TokenSpec = {
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  readonly boundObjectRef?: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid?: string;
  };
};

export type RawRequest = RequestOptions & {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Body of the request. A string is sent unchanged; any other value is sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type RawResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/**
 * Client of an API server. Every method throws `KubeApiError` for a response other than 2xx, `KubeUnreachableError` if
 * no response arrived, and the signal's reason if the request was aborted. Objects have their JSON form: timestamps are
 * strings.
 */
export type KubeClient = {
  get<T extends KubeObject>(resource: Resource, ref: ObjectRef, options?: RequestOptions): Promise<T>;
  /**
   * Fetches all pages. Adds `apiVersion` and `kind` to each object, since servers leave out these fields in lists of
   * built-in kinds.
   */
  list<T extends KubeObject>(resource: Resource, options?: ListOptions<T>): Promise<ListResult<T>>;
  create<T extends KubeObject>(resource: Resource, object: T, options?: WriteOptions): Promise<T>;
  /**
   * Replaces the object. If `metadata.resourceVersion` is set, the request fails with a conflict unless the value is
   * current.
   */
  update<T extends KubeObject>(resource: Resource, object: T, options?: WriteOptions): Promise<T>;
  /** Server-side apply. Creates the object if it does not exist. */
  apply<T extends KubeObject>(
    resource: Resource,
    object: T,
    options: WriteOptions & {
      readonly fieldManager: string;
      readonly force?: boolean | undefined;
      readonly subresource?: Subresource | undefined;
    },
  ): Promise<T>;
  patch<T extends KubeObject>(
    resource: Resource,
    ref: ObjectRef,
    patch: object,
    options: WriteOptions & {
      readonly type: 'merge' | 'json' | 'strategic';
      readonly subresource?: Subresource | undefined;
    },
  ): Promise<T>;
  updateStatus<T extends KubeObject>(resource: Resource, object: T, options?: WriteOptions): Promise<T>;
  delete(resource: Resource, ref: ObjectRef, options?: DeleteOptions): Promise<void>;
  /** Requests a token for a ServiceAccount (TokenRequest). */
  createToken(
    ref: { readonly namespace: string; readonly name: string },
    spec: TokenSpec,
    options?: RequestOptions,
  ): Promise<{ token: string; expirationTimestamp: string }>;
  /**
   * Yields events until the server ends the watch. Throws if the connection breaks or the data are not watch events.
   */
  watch<T extends KubeObject>(resource: Resource, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** Sends any other request. Responses other than 2xx are returned, not thrown. */
  raw(request: RawRequest): Promise<RawResponse>;
  /** Aborts requests and closes all connections. */
  close(): Promise<void>;
};
