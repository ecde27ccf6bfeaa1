/**
 * HTTP to one API server over kept-alive connections, with the credentials of a Connection. HTTP/1.1 on purpose: one
 * broken or stalled stream must not take the others with it, as it would on a connection that all of them share.
 */
import type { Connection, Credentials, TlsMaterial } from './connection.ts';
import { KubeUnreachableError } from './errors.ts';
import { unreachable } from './unreachable.ts';
import type { Monotonic } from '../k8s/time.ts';

export type TransportRequest = {
  readonly method: string;
  /** With its query, starting with a slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
  /** Called right before the request is written to a socket, however long that took to connect; throws to call it off. */
  readonly guard?: (() => void) | undefined;
};

export type TransportResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** Has to be read to its end, or the request aborted, so that the connection is free again. */
  readonly body: AsyncIterable<Buffer> & { text(): Promise<string>; dump(): Promise<void> };
};

export type Transport = {
  /** @throws KubeUnreachableError, KubeConfigError, or the signal's reason. */
  request(request: TransportRequest): Promise<TransportResponse>;
  /** What `request` would have thrown, for an error that came up while a body was read. */
  wrapError(error: Error): Error;
  close(): Promise<void>;
};

/** Files of certificates and tokens are looked at again after this time; client-go: one minute for tokens. */
const credentialsTtlMs = 30_000;
/** A server that keeps answering 401 must not make us run an exec plugin for every request. */
const refreshIntervalMs = 5_000;

/** Connections with one set of TLS material, all to one server. */
export type HttpConnections = {
  /** Rejects with what sockets, TLS and the library throw. The caller waits no longer than it wants, by the signal. */
  request(request: {
    readonly origin: string;
    readonly path: string;
    readonly method: string;
    readonly headers: Record<string, string | string[]>;
    readonly body: string | undefined;
    readonly signal: AbortSignal;
    /** Called when there is a connection, before the first byte of the request. The light ones, of commands, have none. */
    readonly guard?: (() => void) | undefined;
  }): Promise<TransportResponse>;
  /** Ends connections when what is under way on them has ended. */
  close(): Promise<void>;
  /** Ends them now. */
  destroy(): Promise<void>;
};

export type OpenConnections = (
  tls: TlsMaterial,
  proxyUrl: string | undefined,
  timeouts: { readonly connectMs: number; readonly idleMs: number },
) => HttpConnections;

const timeouts = {
  connectMs: 10_000,
  /** kube-apiserver closes idle connections after 90 s. Closing them first avoids the race of a request with that. */
  idleMs: 60_000,
} as const;

export type TransportOptions = {
  readonly now: () => Monotonic;
  /** By Node's own HTTP, for a process that ends after some requests: undici takes longer to load than these take. */
  readonly light?: boolean | undefined;
};

export function createTransport(connection: Connection, { now, light }: TransportOptions): Transport {
  const origin = new URL(connection.server);
  const basePath = origin.pathname.replace(/\/+$/, '');
  let library: Promise<OpenConnections> | undefined;
  let cached: { credentials: Credentials; at: number } | undefined;
  let lastRefresh = -Infinity;
  let loading: Promise<Credentials> | undefined;
  let current: { connections: HttpConnections; tls: TlsMaterial; fingerprint: string } | undefined;
  let closed = false;

  const load = (refresh: boolean): Promise<Credentials> => {
    // Requests that come together share one load: an exec plugin takes a second, and may open a browser.
    loading ??= connection
      .credentials({ refresh })
      .then((credentials) => {
        cached = { credentials, at: now() };
        return credentials;
      })
      .finally(() => {
        loading = undefined;
      });
    return loading;
  };

  const credentials = (): Promise<Credentials> => {
    const age = cached === undefined ? Infinity : now() - cached.at;
    return cached && age >= 0 && age < credentialsTtlMs ? Promise.resolve(cached.credentials) : load(false);
  };

  const connectionsFor = async (tls: TlsMaterial): Promise<HttpConnections> => {
    if (current?.tls === tls) return current.connections;
    const fingerprint = JSON.stringify([
      tls.servername,
      tls.rejectUnauthorized,
      ...[tls.ca, tls.cert, tls.key].map((value) => value?.toString()),
    ]);
    library ??= loadLibrary(light === true && connection.proxyUrl === undefined);
    const open = await library;
    if (closed) throw closedError();
    // The files were read again and say the same, or another request has come first meanwhile.
    if (current?.fingerprint === fingerprint) {
      current.tls = tls;
      return current.connections;
    }
    const old = current;
    current = { connections: open(tls, connection.proxyUrl, timeouts), tls, fingerprint };
    // Watches on the old certificate end when the server ends them; nothing new goes there.
    void old?.connections.close().catch(() => {});
    return current.connections;
  };

  const send = async (request: TransportRequest, found: Credentials): Promise<TransportResponse> => {
    const connections = await connectionsFor(found.tls);
    request.signal.throwIfAborted();
    let refusal: { readonly error: unknown } | undefined;
    const { guard } = request;
    const guarded =
      guard &&
      (() => {
        try {
          guard();
        } catch (error) {
          refusal = { error };
          throw error;
        }
      });
    try {
      // Now too, so that no connection is made for nothing.
      guarded?.();
      return await connections.request({
        origin: origin.origin,
        path: `${basePath}${request.path}`,
        method: request.method,
        headers: { ...request.headers, ...copyHeaders(found.headers) },
        body: request.body,
        signal: request.signal,
        guard: guarded,
      });
    } catch (error) {
      if (refusal) throw refusal.error;
      if (request.signal.aborted) throw request.signal.reason;
      throw unreachable(error, connection.server);
    }
  };

  const closedError = (): KubeUnreachableError =>
    new KubeUnreachableError('closed', connection.server, 'the client is closed');

  return {
    async request(request) {
      if (closed) throw closedError();
      const response = await send(request, await credentials());
      if (response.status !== 401) return response;
      // An expired token: the server did nothing yet, so any request can be sent again with a new one.
      const sinceRefresh = now() - lastRefresh;
      if (sinceRefresh >= 0 && sinceRefresh < refreshIntervalMs) return response;
      lastRefresh = now();
      const before = cached?.credentials;
      const fresh = await load(true).catch((error: unknown) => {
        void response.body.dump();
        throw error;
      });
      if (
        before &&
        JSON.stringify(before.headers) === JSON.stringify(fresh.headers) &&
        sameTls(before, fresh)
      )
        return response;
      void response.body.dump();
      return send(request, fresh);
    },
    wrapError: (error) => unreachable(error, connection.server),
    async close() {
      closed = true;
      await current?.connections.destroy();
    },
  };
}

async function loadLibrary(light: boolean): Promise<OpenConnections> {
  return light
    ? (await import('./light-connections.ts')).openLightConnections
    : (await import('./pooled-connections.ts')).openPooledConnections;
}

const sameTls = (a: Credentials, b: Credentials): boolean =>
  a.tls.cert?.toString() === b.tls.cert?.toString() && a.tls.key?.toString() === b.tls.key?.toString();

const copyHeaders = (headers: Credentials['headers']): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
