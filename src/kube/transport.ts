/**
 * HTTP transport to one API server. The transport uses a Connection's credentials, and refreshes them after a 401
 * response.
 */
import type { Connection, Credentials, TlsMaterial } from './connection.ts';
import {
  openConnections,
  type Connections,
  type TransportRequest,
  type TransportResponse,
} from './connections.ts';
import { KubeUnreachableError } from './errors.ts';
import type { Monotonic } from '../k8s/time.ts';
import { unreachableError } from './network-errors.ts';

/** Time after which credentials are loaded again, because files may be rotated. client-go: one minute for tokens. */
const credentialsTtlMs = 30_000;
/**
 * Minimum time between refreshes of the credentials, so that a server that keeps responding with 401 does not cause an
 * exec plugin to run for every request.
 */
const refreshIntervalMs = 5_000;

export function createTransport(connection: Connection, now: () => Monotonic) {
  const server = new URL(connection.server);
  const basePath = server.pathname.replace(/\/+$/, '');
  let cached: { credentials: Credentials; at: number } | undefined;
  let lastRefresh = -Infinity;
  let loading: Promise<Credentials> | undefined;
  let current: { connections: Connections; tls: TlsMaterial; fingerprint: string } | undefined;
  let closed = false;

  const load = (refresh: boolean): Promise<Credentials> => {
    // Concurrent requests share one load of the credentials: an exec plugin may take a second, and may open a browser.
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

  const connectionsFor = (tls: TlsMaterial): Connections => {
    if (current?.tls === tls) return current.connections;
    const fingerprint = JSON.stringify([
      tls.servername,
      tls.rejectUnauthorized,
      ...[tls.ca, tls.cert, tls.key].map((value) => value?.toString()),
    ]);
    // The TLS material has not changed, or a concurrent request has already opened connections with the new material.
    if (current?.fingerprint === fingerprint) {
      current.tls = tls;
      return current.connections;
    }
    const old = current;
    current = { connections: openConnections(server, tls, connection.proxyUrl), tls, fingerprint };
    // `close` lets requests in flight finish. Watches that use the old certificate continue until the server ends them.
    old?.connections.close();
    return current.connections;
  };

  const send = async (request: TransportRequest, found: Credentials): Promise<TransportResponse> => {
    if (closed) throw closedError();
    request.signal.throwIfAborted();
    let refusal: { readonly error: unknown } | undefined;
    const { guard: ask } = request;
    const guard =
      ask &&
      ((): void => {
        try {
          ask();
        } catch (error) {
          refusal = { error };
          throw error;
        }
      });
    try {
      // The guard is called before a connection is opened, so that no connection is opened for a refused write.
      guard?.();
      return await connectionsFor(found.tls).send({
        ...request,
        path: `${basePath}${request.path}`,
        headers: { ...request.headers, ...found.headers },
        guard,
      });
    } catch (error) {
      if (refusal) throw refusal.error;
      if (request.signal.aborted) throw request.signal.reason;
      throw unreachableError(error, connection.server);
    }
  };

  const closedError = (): KubeUnreachableError =>
    new KubeUnreachableError('closed', connection.server, 'the client is closed');

  return {
    /** @throws KubeUnreachableError, KubeConfigError, or the signal's reason. */
    async request(request: TransportRequest): Promise<TransportResponse> {
      if (closed) throw closedError();
      const response = await send(request, await credentials());
      if (response.status !== 401) return response;
      // The server does not process a request that it answers with 401, so any request can be repeated with new
      // credentials.
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
    /** Converts an error that occurred while a body was read to the error that `request` would have thrown. */
    wrapError: (error: Error): Error => unreachableError(error, connection.server),
    async close(): Promise<void> {
      closed = true;
      current?.connections.destroy();
    },
  };
}

const sameTls = (a: Credentials, b: Credentials): boolean =>
  a.tls.cert?.toString() === b.tls.cert?.toString() && a.tls.key?.toString() === b.tls.key?.toString();
