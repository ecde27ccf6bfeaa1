/**
 * WebSocket to a subresource of the API server. The package `ws` is used, because the WebSocket of Node.js supports no
 * client certificates, and hides the body of a response that refuses the connection. That body contains the reason.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket, type RawData } from 'ws';
import { addressOf, dial } from '../../http/index.ts';
import type { Connection, Credentials } from '../connection.ts';
import { KubeApiError, KubeUnreachableError, type KubeStatus } from '../errors.ts';
import { unreachableError } from '../network-errors.ts';

export type WebSocketStream = {
  /** Subprotocol chosen by the server. */
  readonly protocol: string;
  /**
   * Sends a message. Resolves when the message was passed to the operating system, so that a slow server slows the
   * sender down.
   */
  send(message: Uint8Array): Promise<void>;
  /** Yields messages until the server closes the connection. @throws KubeUnreachableError if the connection breaks */
  readonly messages: AsyncIterable<Buffer>;
  close(): void;
};

export type WebSocketTarget = {
  /** Path, starting with a slash. */
  readonly path: string;
  /** Query parameters. Names may repeat. */
  readonly query: readonly (readonly [name: string, value: string])[];
  /** Subprotocols in order of preference. */
  readonly protocols: readonly string[];
  readonly userAgent?: string;
  readonly signal: AbortSignal;
};

const handshakeTimeoutMs = 30_000;
/**
 * Interval of pings. Without pings, load balancers would drop connections that are idle for minutes, such as an open
 * shell.
 */
const pingIntervalMs = 10_000;
/** Maximum time without a pong, as in kubectl. */
const pongTimeoutMs = 60_000;
/** Number of unread messages at which the socket is paused. */
const mostWaiting = 64;

/** @throws KubeApiError, KubeUnreachableError, KubeConfigError, or the signal's reason */
export async function openWebSocket(
  connection: Connection,
  target: WebSocketTarget,
): Promise<WebSocketStream> {
  const wrapError = (error: Error): Error => unreachableError(error, connection.server);
  const attempt = async (credentials: Credentials): Promise<WebSocketStream> => {
    const deadline = AbortSignal.timeout(handshakeTimeoutMs);
    try {
      const signal = AbortSignal.any([target.signal, deadline]);
      return await handshake(connection, credentials, target, signal, wrapError);
    } catch (error) {
      target.signal.throwIfAborted();
      if (deadline.aborted)
        throw new KubeUnreachableError(
          'timeout',
          connection.server,
          `the API server ${connection.server} did not answer within ${handshakeTimeoutMs} ms (${target.path})`,
        );
      throw error instanceof Error && !(error instanceof KubeApiError) ? wrapError(error) : error;
    }
  };
  const credentials = await connection.credentials();
  try {
    return await attempt(credentials);
  } catch (error) {
    if (!(error instanceof KubeApiError) || error.status !== 401) throw error;
    const fresh = await connection.credentials({ refresh: true });
    if (JSON.stringify(fresh) === JSON.stringify(credentials)) throw error;
    return attempt(fresh);
  }
}

async function handshake(
  connection: Connection,
  { headers, tls }: Credentials,
  target: WebSocketTarget,
  signal: AbortSignal,
  wrapError: (error: Error) => Error,
): Promise<WebSocketStream> {
  const url = new URL(connection.server);
  const { proxyUrl } = connection;
  const socket = await dial(
    { ...addressOf(url), tls: url.protocol === 'https:' ? tls : undefined, proxyUrl },
    signal,
  );
  readToTheEnd(socket);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.pathname = `${url.pathname.replace(/\/+$/, '')}${target.path}`;
  for (const [name, value] of target.query) url.searchParams.append(name, value);
  return new Promise((resolve, reject) => {
    const webSocket = new WebSocket(url, [...target.protocols], {
      // The passed socket is already connected, including TLS.
      createConnection: () => socket,
      headers: {
        ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, copyOf(value)])),
        ...(target.userAgent === undefined ? {} : { 'user-agent': target.userAgent }),
      },
      perMessageDeflate: false,
    });
    const settle = (): void => {
      signal.removeEventListener('abort', abort);
      webSocket.off('open', open);
      webSocket.off('error', fail);
      webSocket.off('unexpected-response', refuse);
    };
    const giveUp = (error: Error): void => {
      settle();
      webSocket.on('error', () => undefined);
      webSocket.terminate();
      socket.destroy();
      reject(error);
    };
    const abort = (): void => giveUp(signal.reason as Error);
    const open = (): void => {
      settle();
      // `streamOf` is called synchronously, because messages may arrive together with the response.
      resolve(streamOf(webSocket, target.signal, wrapError));
    };
    const fail = (error: Error): void => giveUp(error);
    const refuse = (_request: unknown, response: IncomingMessage): void => {
      refusalOf(response, target.path).then(giveUp, giveUp);
    };
    webSocket.once('open', open);
    webSocket.once('error', fail);
    webSocket.once('unexpected-response', refuse);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
}

const copyOf = (value: string | readonly string[]): string | string[] =>
  typeof value === 'string' ? value : [...value];

/** Converts a response that refuses the WebSocket upgrade to an error. */
async function refusalOf(response: IncomingMessage, path: string): Promise<KubeApiError> {
  const parts: Buffer[] = [];
  for await (const part of response as AsyncIterable<Buffer>) parts.push(part);
  const body = Buffer.concat(parts).toString('utf8').trim();
  let status: KubeStatus = body === '' ? {} : { message: body.slice(0, 500) };
  try {
    const parsed = JSON.parse(body) as KubeStatus | null;
    if (parsed?.kind === 'Status') status = parsed;
  } catch {
    // The body is no Status: the kubelet and proxies respond in plain text.
  }
  return new KubeApiError(
    { ...status, code: response.statusCode ?? 500 },
    { request: status.kind === 'Status' ? undefined : `GET ${path}` },
  );
}

function streamOf(
  socket: WebSocket,
  signal: AbortSignal,
  wrapError: (error: Error) => Error,
): WebSocketStream {
  const waiting: Buffer[] = [];
  let ended = false;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const wakeReader = (): void => wake?.();
  const end = (error?: Error): void => {
    if (ended) return;
    ended = true;
    failure = error;
    clearInterval(pings);
    signal.removeEventListener('abort', abort);
    wakeReader();
  };
  const abort = (): void => {
    end(signal.reason as Error);
    socket.terminate();
  };
  let silentSince = 0;
  const pings = setInterval(() => {
    // A paused socket receives no pongs, so the time without pongs does not count.
    if (socket.isPaused) return;
    silentSince += pingIntervalMs;
    if (silentSince > pongTimeoutMs) {
      end(wrapError(Object.assign(new Error('no answer to pings'), { code: 'ETIMEDOUT' })));
      socket.terminate();
    } else if (socket.readyState === WebSocket.OPEN) socket.ping();
  }, pingIntervalMs);
  socket.on('pong', () => (silentSince = 0));
  socket.on('message', (data: RawData) => {
    waiting.push(bytesOf(data));
    silentSince = 0;
    if (waiting.length >= mostWaiting) socket.pause();
    wakeReader();
  });
  socket.on('error', (error: Error) => end(wrapError(error)));
  socket.on('close', (code: number) => {
    // Code 1006 means that the connection ended without the closing handshake.
    end(
      code === 1006 ? wrapError(Object.assign(new Error('it was cut'), { code: 'ECONNRESET' })) : undefined,
    );
  });
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();

  return {
    protocol: socket.protocol,
    send: (message) =>
      new Promise((resolve, reject) => {
        socket.send(message, (error) => (error ? reject(wrapError(error)) : resolve()));
      }),
    messages: {
      async *[Symbol.asyncIterator]() {
        for (;;) {
          const next = waiting.shift();
          if (next) {
            if (waiting.length === 0 && socket.isPaused) socket.resume();
            yield next;
          } else if (ended) {
            if (failure) throw failure;
            return;
          } else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
            wake = undefined;
          }
        }
      },
    },
    close() {
      end();
      socket.close(1000);
      // The socket is terminated after a second, since a server may never close its side.
      setTimeout(() => socket.terminate(), 1000).unref();
    },
  };
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? Buffer.from(data) : data;
}

/**
 * Delays the error of a failed write until all received data are read. By default, Node.js destroys a socket, including
 * its unread data, as soon as a write fails. A write may fail although the server has sent everything, because a server
 * may close the connection after its last message without reading the remaining input.
 */
function readToTheEnd(socket: Socket): void {
  type Done = (error?: Error | null) => void;
  const heldBack =
    (done: Done): Done =>
    (error) => {
      if (!error || socket.readableEnded || socket.destroyed) {
        done(error);
        return;
      }
      const finish = (): void => {
        socket.off('end', finish);
        socket.off('close', finish);
        done(error);
      };
      socket.on('end', finish);
      socket.on('close', finish);
    };
  const write = socket._write.bind(socket);
  socket._write = (chunk, encoding, done) => write(chunk, encoding, heldBack(done));
  const writev = socket._writev?.bind(socket);
  if (writev) socket._writev = (chunks, done) => writev(chunks, heldBack(done));
}
