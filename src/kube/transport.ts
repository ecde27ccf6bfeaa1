/**
 * HTTP to one API server over kept-alive connections, with the credentials of a Connection. HTTP/1.1 on purpose: one
 * broken or stalled stream must not take the others with it, as it would on a connection that all of them share.
 */
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import type { Connection, Credentials, TlsMaterial } from './connection.ts';
import { KubeConfigError, KubeUnreachableError, type UnreachableCode } from './errors.ts';
import { createSocksConnector } from './socks-connector.ts';
import type { Now } from './timing.ts';

export type TransportRequest = {
  readonly method: string;
  /** With its query, starting with a slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
  /** Called synchronously before the request is given to a socket; throws to call it off. */
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
/** kube-apiserver closes idle connections after 90 s. Closing them first avoids the race of a request with that. */
const idleConnectionMs = 60_000;
const connectTimeoutMs = 10_000;

export function createTransport(connection: Connection, options: { now: Now }): Transport {
  const { now } = options;
  const origin = new URL(connection.server);
  const basePath = origin.pathname.replace(/\/+$/, '');
  let cached: { credentials: Credentials; at: number } | undefined;
  let lastRefresh = -Infinity;
  let loading: Promise<Credentials> | undefined;
  let dispatcher: { agent: Dispatcher; tls: string } | undefined;
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

  const agentFor = (tls: TlsMaterial): Dispatcher => {
    const fingerprint = JSON.stringify([
      tls.servername,
      tls.rejectUnauthorized,
      ...[tls.ca, tls.cert, tls.key].map((value) => value?.toString()),
    ]);
    if (dispatcher?.tls === fingerprint) return dispatcher.agent;
    const old = dispatcher;
    dispatcher = { agent: createDispatcher(tls, connection.proxyUrl), tls: fingerprint };
    // Watches on the old certificate end when the server ends them; nothing new goes there.
    void old?.agent.close().catch(() => {});
    return dispatcher.agent;
  };

  const send = async (request: TransportRequest, found: Credentials): Promise<TransportResponse> => {
    const agent = agentFor(found.tls);
    request.signal.throwIfAborted();
    request.guard?.();
    try {
      const response = await agent.request({
        origin: origin.origin,
        path: `${basePath}${request.path}`,
        method: request.method,
        headers: { ...request.headers, ...copyHeaders(found.headers) },
        body: request.body ?? null,
        signal: request.signal,
        // undici gives up the connection after a DELETE with a body, as some servers mistake it; this one does not.
        reset: false,
        // Deadlines are the caller's, through the signal: a watch is silent for minutes.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      return {
        status: response.statusCode,
        headers: response.headers as Record<string, string | string[]>,
        body: response.body,
      };
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason;
      throw unreachable(error, connection.server);
    }
  };

  return {
    async request(request) {
      if (closed) throw new KubeUnreachableError('closed', connection.server, 'the client is closed');
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
      await dispatcher?.agent.destroy();
    },
  };
}

const sameTls = (a: Credentials, b: Credentials): boolean =>
  a.tls.cert?.toString() === b.tls.cert?.toString() && a.tls.key?.toString() === b.tls.key?.toString();

const copyHeaders = (headers: Credentials['headers']): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );

function createDispatcher(tls: TlsMaterial, proxyUrl: string | undefined): Dispatcher {
  const common = {
    allowH2: false,
    keepAliveTimeout: idleConnectionMs,
    keepAliveMaxTimeout: idleConnectionMs,
    connectTimeout: connectTimeoutMs,
  };
  // An explicit `ca` replaces the system's and NODE_EXTRA_CA_CERTS' authorities, so these cannot do harm.
  const requestTls = { ...tls, keepAlive: true, keepAliveInitialDelay: 30_000, timeout: connectTimeoutMs };
  if (proxyUrl === undefined) return new Agent({ ...common, connect: requestTls });
  if (/^socks[45]?[ah]?:/.test(proxyUrl))
    return new Agent({ ...common, connect: createSocksConnector(proxyUrl, requestTls) });
  return new ProxyAgent({ ...common, uri: proxyUrl, requestTls });
}

/** Sorts what sockets, TLS and undici throw into the few causes that a person can do something about. */
function unreachable(error: unknown, server: string): Error {
  if (error instanceof KubeUnreachableError || error instanceof KubeConfigError) return error;
  const found = causes(error);
  for (const { code, message } of found) {
    const sorted = sortCode(code);
    if (sorted)
      return new KubeUnreachableError(sorted, server, describe(sorted, server, message || code), {
        cause: error,
      });
  }
  const message = found[0]?.message ?? String(error);
  return new KubeUnreachableError('reset', server, describe('reset', server, message), { cause: error });
}

function causes(error: unknown): { code: string; message: string }[] {
  const list: { code: string; message: string }[] = [];
  for (let next: unknown = error; next instanceof Error && list.length < 8; next = next.cause) {
    if (next instanceof AggregateError) list.push(...next.errors.flatMap((inner) => causes(inner)));
    const { code } = next as NodeJS.ErrnoException;
    list.push({ code: typeof code === 'string' ? code : '', message: next.message });
  }
  return list;
}

function sortCode(code: string): UnreachableCode | undefined {
  switch (code) {
    case 'ECONNREFUSED':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return 'refused';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'dns';
    case 'ETIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'timeout';
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
    case 'UND_ERR_ABORTED':
      return 'reset';
    case 'UND_ERR_PRX_TLS':
    case 'UND_ERR_PRX_CONN':
    case 'ERR_SOCKS_PROXY':
      return 'proxy';
    case 'UND_ERR_DESTROYED':
    case 'UND_ERR_CLOSED':
      return 'closed';
    case 'EPROTO':
      return 'tls';
    default:
      if (
        /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH)/.test(code)
      )
        return 'tls';
      return code.startsWith('HPE_') ? 'protocol' : undefined;
  }
}

function describe(code: UnreachableCode, server: string, detail: string): string {
  switch (code) {
    case 'refused':
      return `the API server ${server} cannot be reached: ${detail}`;
    case 'dns':
      return `the name of the API server ${server} cannot be resolved: ${detail}`;
    case 'timeout':
      return `the API server ${server} does not answer: ${detail}`;
    case 'tls':
      return `TLS with the API server ${server} failed: ${detail}`;
    case 'reset':
      return `the connection to the API server ${server} broke: ${detail}`;
    case 'proxy':
      return `the proxy does not lead to the API server ${server}: ${detail}`;
    case 'protocol':
      return `what answers at ${server} is no Kubernetes API server: ${detail}`;
    case 'closed':
      return 'the client is closed';
    default:
      return code satisfies never;
  }
}
