/** Kept-alive connections to one API server with one set of TLS material. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { addressOf, ConnectionAgent, guardRequest } from '../http/index.ts';
import type { TlsMaterial } from './connection.ts';

const connectMs = 10_000;
/**
 * Idle time after which the client closes a connection. The time is shorter than kube-apiserver's 90 s, so that the
 * client never sends a request on a connection that the server is closing.
 */
const idleMs = 60_000;

export type TransportRequest = {
  readonly method: string;
  /** Path and query, starting with a slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
  /** Called right before the first byte of the request is written to a socket. It can throw to prevent the write. */
  readonly guard?: (() => void) | undefined;
};

export type TransportResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /**
   * Body of the response. The caller must read the body to the end or abort the request; otherwise the connection stays
   * in use.
   */
  readonly body: AsyncIterable<Buffer> & { text(): Promise<string>; dump(): Promise<void> };
};

export type Connections = {
  /** Rejects with socket and TLS errors, with the error that the guard throws, or with an abort error. */
  send(
    request: Omit<TransportRequest, 'headers'> & { readonly headers: Headers },
  ): Promise<TransportResponse>;
  /** Closes each connection when its request has ended. */
  close(): void;
  /** Closes all connections and aborts their requests immediately. */
  destroy(): void;
};

type Headers = Readonly<Record<string, string | readonly string[]>>;

export function openConnections(server: URL, tls: TlsMaterial, proxyUrl: string | undefined): Connections {
  const secure = server.protocol === 'https:';
  const agent = new ConnectionAgent({
    // If `tls` contains a `ca`, it replaces the certificate authorities of the system and of NODE_EXTRA_CA_CERTS.
    ...(secure ? { tls } : {}),
    proxyFor: () => proxyUrl,
    connectMs,
    idleMs,
  });
  const options = {
    agent,
    ...addressOf(server),
    protocol: server.protocol,
  };
  return {
    send: ({ path, method, headers, body, signal, guard }) =>
      new Promise((resolve, reject) => {
        const request = httpRequest({
          ...options,
          path,
          method,
          headers: {
            host: server.host,
            ...headers,
            // Node.js sets Content-Length only for methods that usually have a body, so DELETE requires an explicit
            // header.
            ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
          },
          signal,
        });
        request.once('response', (message) => resolve(responseOf(message)));
        // This listener stays registered after the response has arrived, since an `error` event without a listener
        // would end the process. The reader of the body also receives such errors.
        request.on('error', reject);
        if (guard) guardRequest(request, guard);
        request.end(body);
      }),
    close: () => agent.retire(),
    destroy: () => agent.destroy(),
  };
}

function responseOf(message: IncomingMessage): TransportResponse {
  return {
    status: message.statusCode ?? 0,
    headers: message.headers as Record<string, string | string[]>,
    body: Object.assign(message, {
      text: () =>
        new Promise<string>((resolve, reject) => {
          const chunks: Buffer[] = [];
          message.on('data', (chunk: Buffer) => chunks.push(chunk));
          message.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
          message.once('error', reject);
        }),
      async dump() {
        message.resume();
      },
    }),
  };
}
