/** Opens connections to a server, directly or through a proxy. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { once } from 'node:events';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { errorMessage } from '../k8s/errors.ts';

export type Destination = {
  /** Host name or IP address, without brackets. */
  readonly host: string;
  readonly port: number;
  /**
   * TLS options. Absent for plain HTTP. `servername` is the name that the certificate must contain, if that name
   * differs from `host`.
   */
  readonly tls?: ConnectionOptions | undefined;
  /** URL of a proxy, with the scheme `http:`, `https:`, `socks:`, `socks5:`, `socks5h:`, `socks4:` or `socks4a:`. */
  readonly proxyUrl?: string | undefined;
};

/** Error of a proxy that cannot be reached, or that refuses to connect to the server. */
class ProxyError extends Error {
  readonly code = 'ERR_PROXY';
}

/**
 * Connects to the server.
 * @throws the errors of sockets and TLS, an error with code `ERR_PROXY`, or the signal's reason
 */
export async function dial(destination: Destination, signal: AbortSignal): Promise<Socket> {
  const { host, tls, proxyUrl } = destination;
  const socket =
    proxyUrl === undefined
      ? await established(connectPlain(destination), 'connect', signal)
      : await throughProxy(new URL(proxyUrl), destination, signal);
  socket.setNoDelay(true);
  // Keep-alive probes are needed, because load balancers drop connections that are idle for minutes. The connection of
  // a watch can be idle for that long.
  socket.setKeepAlive(true, 30_000);
  if (!tls) return socket;
  const secured = connectTls({
    ALPNProtocols: ['http/1.1'],
    // TLS sends no server name if the host is an IP address. The certificate is still compared with that address.
    ...(isIP(host) ? {} : { servername: host }),
    ...tls,
    host,
    socket,
  });
  return established(secured, 'secureConnect', signal);
}

/** Returns the host and the port of an `http:` or `https:` URL. The host has no brackets. */
export function addressOf(url: URL): { readonly host: string; readonly port: number } {
  return { host: hostOf(url), port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80) };
}

async function established<S extends Socket>(socket: S, event: string, signal: AbortSignal): Promise<S> {
  try {
    await once(socket, event, { signal });
    return socket;
  } catch (error) {
    socket.on('error', () => undefined);
    socket.destroy();
    throw signal.aborted ? signal.reason : error;
  }
}

async function throughProxy(proxy: URL, to: Destination, signal: AbortSignal): Promise<Socket> {
  try {
    return await (/^socks[45]?[ah]?:$/.test(proxy.protocol)
      ? throughSocks(proxy, to, signal)
      : throughConnect(proxy, to, signal));
  } catch (error) {
    throw signal.aborted ? signal.reason : new ProxyError(errorMessage(error), { cause: error });
  }
}

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

async function throughSocks(proxy: URL, to: Destination, signal: AbortSignal): Promise<Socket> {
  const { SocksClient } = await import('./socks-client.ts');
  const host = hostOf(proxy);
  const port = Number(proxy.port) || 1080;
  const socket = await established(connectPlain({ host, port }), 'connect', signal);
  const abort = (): void => void socket.destroy();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await SocksClient.createConnection({
      proxy: {
        host,
        port,
        type: proxy.protocol.startsWith('socks4') ? 4 : 5,
        ...(proxy.username ? { userId: decodeURIComponent(proxy.username) } : {}),
        ...(proxy.password ? { password: decodeURIComponent(proxy.password) } : {}),
      },
      command: 'connect',
      destination: { host: to.host, port: to.port },
      existing_socket: socket,
    });
    signal.throwIfAborted();
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Connects through an HTTP proxy with the method CONNECT. https://www.rfc-editor.org/rfc/rfc9110#CONNECT */
async function throughConnect(proxy: URL, to: Destination, signal: AbortSignal): Promise<Socket> {
  const authority = `${isIP(to.host) === 6 ? `[${to.host}]` : to.host}:${to.port}`;
  const { username, password } = proxy;
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  const request = (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
    hostname: hostOf(proxy),
    port: proxy.port,
    method: 'CONNECT',
    path: authority,
    agent: false,
    signal,
    headers: {
      host: authority,
      ...(username ? { 'proxy-authorization': `Basic ${credentials.toString('base64')}` } : {}),
    },
  });
  request.end();
  const [{ statusCode }, socket] = (await once(request, 'connect')) as [{ statusCode?: number }, Socket];
  if (statusCode === 200) return socket;
  socket.destroy();
  throw new Error(`the proxy answered ${statusCode} to CONNECT ${authority}`);
}
