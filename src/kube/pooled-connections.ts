/** Kept-alive connections by undici, directly or through a proxy: for programs that run for long. */
import { Socket } from 'node:net';
import { Agent, buildConnector, ProxyAgent, type Dispatcher } from 'undici';
import { createConnectingSockets, type ConnectingSockets } from './connecting-sockets.ts';
import type { TlsMaterial } from './connection.ts';
import { createSocksConnector } from './socks-connector.ts';
import type { OpenConnections } from './transport.ts';

export const openPooledConnections: OpenConnections = (tls, proxyUrl, timeouts) => {
  const connecting = createConnectingSockets();
  const dispatcher = createDispatcher(tls, proxyUrl, timeouts, connecting).compose(guardRequests);
  return {
    async request({ body, ...request }) {
      // `guard` goes along with undici's own options, for the interceptor below.
      const response = await dispatcher.request({
        ...request,
        method: request.method,
        body: body ?? null,
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
    },
    close: () => dispatcher.close(),
    async destroy() {
      await dispatcher.destroy();
      connecting.destroy();
    },
  };
};

/** `onRequestStart` comes right before the first byte of a request is written. What it throws keeps it from being written. */
const guardRequests: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
  const { guard } = options as { guard?: () => void };
  if (!guard) return dispatch(options, handler);
  return dispatch(options, {
    onRequestStart(controller, context) {
      guard();
      handler.onRequestStart?.(controller, context);
    },
    onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
    onResponseStart: (...args) => handler.onResponseStart?.(...args),
    onResponseData: (...args) => handler.onResponseData?.(...args),
    onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
    onResponseError: (...args) => handler.onResponseError?.(...args),
  });
};

/** Through an HTTP proxy undici makes them by itself, and nobody else learns of them. */
function remembering(
  connect: buildConnector.connector,
  connecting: ConnectingSockets,
): buildConnector.connector {
  return (options, callback) => {
    // What it returns is not in its types; a test holds that it is the socket.
    const socket: unknown = connect(options, (...outcome) => {
      if (socket instanceof Socket) connecting.delete(socket);
      callback(...outcome);
    });
    if (socket instanceof Socket) connecting.add(socket);
  };
}

function createDispatcher(
  tls: TlsMaterial,
  proxyUrl: string | undefined,
  { connectMs, idleMs }: Parameters<OpenConnections>[2],
  connecting: ConnectingSockets,
): Dispatcher {
  const common = {
    allowH2: false,
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: idleMs,
    connectTimeout: connectMs,
  };
  // An explicit `ca` replaces the system's and NODE_EXTRA_CA_CERTS' authorities, so these cannot do harm.
  const requestTls = {
    ...tls,
    allowH2: false,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    timeout: connectMs,
  };
  if (proxyUrl === undefined)
    return new Agent({ ...common, connect: remembering(buildConnector(requestTls), connecting) });
  if (/^socks[45]?[ah]?:/.test(proxyUrl))
    return new Agent({ ...common, connect: createSocksConnector(proxyUrl, requestTls, connecting) });
  return new ProxyAgent({ ...common, uri: proxyUrl, requestTls });
}
