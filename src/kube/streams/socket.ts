/**
 * A socket of one's own to the API server: by the same way, proxy and TLS as all other requests. An upgraded connection
 * belongs to its stream alone, so it can be none of those which the transport keeps.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { Connection, TlsMaterial } from '../connection.ts';
import { createSocksConnector } from '../socks-connector.ts';

/** As undici's errors are called, so that they are told alike. */
class ProxyConnectError extends Error {
  readonly code = 'UND_ERR_PRX_CONN';
}

/** @throws what sockets, TLS and proxies throw, or the signal's reason */
export async function openSocket(
  connection: Pick<Connection, 'server' | 'proxyUrl'>,
  tls: TlsMaterial,
  signal: AbortSignal,
): Promise<Socket> {
  signal.throwIfAborted();
  const server = new URL(connection.server);
  const secure = server.protocol === 'https:';
  const host = server.hostname.replace(/^\[|\]$/g, '');
  const port = Number(server.port) || (secure ? 443 : 80);
  // No name is sent for an address: TLS has none for it. The certificate is checked against the host all the same.
  const name = tls.servername ?? (isIP(host) ? undefined : host);
  const options: ConnectionOptions = {
    ...tls,
    host,
    ALPNProtocols: ['http/1.1'],
    ...(name === undefined ? {} : { servername: name }),
  };
  const { proxyUrl } = connection;
  if (proxyUrl !== undefined && /^socks[45]?[ah]?:/.test(proxyUrl))
    return abortable(signal, throughSocks(proxyUrl, server, options));
  const plain =
    proxyUrl === undefined
      ? connected(connectPlain({ host, port }), 'connect', signal)
      : throughHttp(new URL(proxyUrl), `${isIP(host) === 6 ? `[${host}]` : host}:${port}`, signal);
  const socket = await plain;
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 30_000);
  return secure ? connected(connectTls({ ...options, socket }), 'secureConnect', signal) : socket;
}

/**
 * Node destroys a socket as soon as it cannot be written to any more, and with it what has come and was not read yet. A
 * server that has said all closes the connection whether or not it has read all, and what it said last counts: so a failed
 * write is told only when there is nothing left to read.
 */
export function readToTheEnd(socket: Socket): void {
  type Done = (error?: Error | null) => void;
  const heldBack =
    (done: Done): Done =>
    (error) => {
      if (!error || socket.readableEnded || socket.destroyed) {
        done(error);
        return;
      }
      const tell = (): void => {
        socket.off('end', tell);
        socket.off('close', tell);
        done(error);
      };
      socket.on('end', tell);
      socket.on('close', tell);
    };
  const write = socket._write.bind(socket);
  socket._write = (chunk, encoding, done) => write(chunk, encoding, heldBack(done));
  const writev = socket._writev?.bind(socket);
  if (writev) socket._writev = (chunks, done) => writev(chunks, heldBack(done));
}

function connected<S extends Socket>(socket: S, event: string, signal: AbortSignal): Promise<S> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => (): void => {
      socket.off('error', fail);
      signal.removeEventListener('abort', abort);
      act();
    };
    const fail = (error: Error): void => settle(() => reject(error))();
    const abort = (): void => {
      // The socket says nothing more that anybody would hear.
      socket.on('error', () => undefined);
      socket.destroy();
      settle(() => reject(signal.reason as Error))();
    };
    socket.once('error', fail);
    socket.once(
      event,
      settle(() => resolve(socket)),
    );
    signal.addEventListener('abort', abort, { once: true });
  });
}

function throughSocks(proxyUrl: string, server: URL, options: ConnectionOptions): Promise<Socket> {
  const open = createSocksConnector(proxyUrl, options);
  return new Promise((resolve, reject) => {
    open(
      {
        hostname: server.hostname,
        port: server.port,
        protocol: server.protocol,
        ...(options.servername === undefined ? {} : { servername: options.servername }),
      },
      (error, socket) => (socket ? resolve(socket) : reject(error ?? new Error('no socket'))),
    );
  });
}

/** https://www.rfc-editor.org/rfc/rfc9110#CONNECT */
function throughHttp(proxy: URL, destination: string, signal: AbortSignal): Promise<Socket> {
  const request = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
  const { username, password } = proxy;
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  return new Promise((resolve, reject) => {
    const asked = request({
      hostname: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port,
      method: 'CONNECT',
      path: destination,
      agent: false,
      signal,
      headers: {
        host: destination,
        ...(username ? { 'proxy-authorization': `Basic ${credentials.toString('base64')}` } : {}),
      },
    });
    asked.once('connect', (response, socket) => {
      if (response.statusCode === 200) {
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(new ProxyConnectError(`the proxy answered ${response.statusCode} to CONNECT ${destination}`));
    });
    asked.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        signal.aborted ? (signal.reason as Error) : new ProxyConnectError(error.message, { cause: error }),
      ),
    );
    asked.end();
  });
}

function abortable<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
