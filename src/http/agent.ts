/**
 * Agent for the HTTP client of Node.js. It connects directly or through a proxy, and aborts pending connections when it
 * is destroyed. It uses HTTP/1.1 on purpose, so that a stalled stream cannot block other requests.
 */
import { Agent, type ClientRequest, type ClientRequestArgs } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, type ConnectionOptions, type SecureContext, type TLSSocket } from 'node:tls';
import { callbackify } from 'node:util';
import { toError } from '../k8s/errors.ts';
import { dial } from './dial.ts';

declare module 'node:http' {
  interface Agent {
    /**
     * Node.js calls this method for each request. The type definitions of Node.js omit it, but widely used agents (`agent-base`)
     * rely on it.
     */
    addRequest(request: ClientRequest, options: ClientRequestArgs): void;
  }
}

export type AgentOptions = {
  /** TLS options of the connections. Absent for plain HTTP. */
  readonly tls?: ConnectionOptions | undefined;
  /** Returns the URL of the proxy for a host, or undefined for a direct connection. */
  readonly proxyFor?: ((host: string, port: number) => string | undefined) | undefined;
  /** Timeout in milliseconds for establishing a connection, including TLS and proxy. */
  readonly connectMs: number;
  /** Maximum idle time of a connection in milliseconds. */
  readonly idleMs: number;
  /** Maximum concurrent connections to each host. Default: unlimited. */
  readonly maxSockets?: number | undefined;
  /** Called right before a request of this agent is written; see `guardRequest`. */
  readonly guard?: (() => void) | undefined;
};

class ConnectTimeoutError extends Error {
  readonly code = 'ETIMEDOUT';
}

export class ConnectionAgent extends Agent {
  readonly #options: AgentOptions;
  readonly #destroyed = new AbortController();
  /** Last TLS session, by host and port, for the resumption of sessions. */
  readonly #sessions = new Map<string, Buffer>();
  #context: SecureContext | undefined;

  constructor(options: AgentOptions) {
    const { idleMs: timeout, maxSockets = Infinity } = options;
    super({ keepAlive: true, keepAliveMsecs: 30_000, timeout, maxSockets });
    this.#options = options;
    if (options.tls) Object.assign(this, { protocol: 'https:', defaultPort: 443 });
  }

  override createConnection(
    { host, port }: ClientRequestArgs,
    callback: (error: Error | null, socket: Duplex) => void = () => undefined,
  ): undefined {
    callbackify(() => this.#connect(host ?? 'localhost', Number(port)))((error, socket) => {
      const { signal } = this.#destroyed;
      if (!signal.aborted) return callback(error, socket);
      // The agent was destroyed before it received this connection. Without this call, Node.js would keep the socket.
      socket?.destroy();
      callback(toError(signal.reason), socket);
    });
  }

  override addRequest(request: ClientRequest, options: ClientRequestArgs): void {
    if (this.#options.guard) guardRequest(request, this.#options.guard);
    super.addRequest(request, options);
  }

  /** Closes idle connections now, and all other connections as soon as their requests end. */
  retire(): void {
    this.maxFreeSockets = 0;
    for (const free of Object.values(this.freeSockets)) free?.forEach((socket) => socket.destroy());
  }

  override destroy(): void {
    this.#destroyed.abort(new Error('the agent was destroyed'));
    super.destroy();
  }

  async #connect(host: string, port: number): Promise<Socket> {
    const { tls, proxyFor, connectMs } = this.#options;
    const proxyUrl = proxyFor?.(host, port);
    const key = `${host}:${port}`;
    const session = this.#sessions.get(key);
    const deadline = new AbortController();
    const timer = setTimeout(
      () => deadline.abort(new ConnectTimeoutError(`no connection was established within ${connectMs} ms`)),
      connectMs,
    );
    try {
      const signal = AbortSignal.any([this.#destroyed.signal, deadline.signal]);
      if (!tls) return await dial({ host, port, proxyUrl }, signal);
      const secureContext = (this.#context ??= createSecureContext(tls));
      const resumed = session && { session };
      const socket = await dial({ host, port, tls: { ...tls, secureContext, ...resumed }, proxyUrl }, signal);
      (socket as TLSSocket).on('session', (next) => this.#sessions.set(key, next));
      return socket;
    } catch (error) {
      this.#sessions.delete(key);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * Calls `guard` right before the first byte of the request is written, on a new or a kept-alive connection. The check
 * is needed at this moment, because a process that was paused before the write may no longer be permitted to send the
 * request. If `guard` throws, the request ends with that error. The agent of the request must only hand out connected
 * sockets.
 */
export function guardRequest(request: ClientRequest, guard: () => void): void {
  // Node.js writes the request right after the listeners of this event, in the same turn of the event loop, so nothing
  // happens between the guard and the write.
  request.prependOnceListener('socket', () => {
    try {
      guard();
    } catch (error) {
      request.destroy(toError(error));
    }
  });
}
