/**
 * The client as a port: what informers, recorders and leases need of an API server. `createKubeClient` speaks HTTP;
 * a simulation can stand in for it.
 */
import type { KubeApiError } from './errors.ts';
import type { KubeObject } from './object.ts';
import type { ObjectRef, Resource } from './resource.ts';

export type RequestOptions = { readonly signal?: AbortSignal | undefined };

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export type WriteOptions = RequestOptions & {
  readonly fieldManager?: string | undefined;
  /** The server does all but persist. */
  readonly dryRun?: boolean | undefined;
  /** What the server does about unknown and duplicate fields; its default is `Warn`. */
  readonly fieldValidation?: FieldValidation | undefined;
};

export type Subresource = 'status' | 'scale';

export type ListOptions<T extends KubeObject = KubeObject> = RequestOptions & {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Objects per page, 500 unless told otherwise. All pages are fetched, whatever it is. */
  readonly pageSize?: number | undefined;
  /** Absent: the most recent state. `'0'`: whatever the server has in its cache, which may be old. */
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan' | undefined;
  /** Applied to each object once its page has arrived: what it leaves out of a large collection is never held all at once. */
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
  /** Begin with the present state as ADDED events, ended by a bookmark with `initialEventsEnd`. */
  readonly sendInitialEvents?: boolean | undefined;
  /**
   * Leaves out `metadata.managedFields`, a third of a usual pod, which costs less than to parse them. Not for kinds that
   * have another list of that name.
   */
  readonly omitManagedFields?: boolean | undefined;
  /** Called when the server has accepted the watch, which may be long before its first event. */
  readonly onOpen?: (() => void) | undefined;
};

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEventsEnd: boolean }
  | { readonly type: 'ERROR'; readonly error: KubeApiError };

export type DeleteOptions = RequestOptions & {
  /** Preconditions: the server refuses with a conflict when the object is another one or has changed. */
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
  /** A string is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type RawResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/**
 * Every method throws `KubeApiError` for an answer of the server other than 2xx, `KubeUnreachableError` when there was
 * no answer, and the signal's reason when it was aborted. Objects are what the wire carries: timestamps are strings.
 */
export type KubeClient = {
  get<T extends KubeObject>(resource: Resource, ref: ObjectRef, options?: RequestOptions): Promise<T>;
  /** All pages. Items carry `apiVersion` and `kind`, which servers leave out of lists of built-in kinds. */
  list<T extends KubeObject>(resource: Resource, options?: ListOptions<T>): Promise<ListResult<T>>;
  create<T extends KubeObject>(resource: Resource, object: T, options?: WriteOptions): Promise<T>;
  /** Replaces the object; with `metadata.resourceVersion` set, only if that is still its version. */
  update<T extends KubeObject>(resource: Resource, object: T, options?: WriteOptions): Promise<T>;
  /** Server-side apply. Creates the object when it does not exist. */
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
  /** TokenRequest of a ServiceAccount. */
  createToken(
    ref: { readonly namespace: string; readonly name: string },
    spec: TokenSpec,
    options?: RequestOptions,
  ): Promise<{ token: string; expirationTimestamp: string }>;
  /** Ends when the server ends it; throws when the connection breaks or what arrives is no watch event. */
  watch<T extends KubeObject>(resource: Resource, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** Any other request. Answers other than 2xx are returned, not thrown. */
  raw(request: RawRequest): Promise<RawResponse>;
  /** Aborts what is under way and closes all connections. */
  close(): Promise<void>;
};
