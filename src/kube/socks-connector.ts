/**
 * Connections through a SOCKS proxy, which a kubeconfig may name in `proxy-url`. undici 8 has an agent for this which is
 * experimental, says so on stderr, and did not get through in our test; `socks` comes with client-node anyway.
 */
import { connect, type ConnectionOptions } from 'node:tls';
import { callbackify } from 'node:util';
import type { SocksProxy } from 'socks';
import type { buildConnector } from 'undici';
import type { ConnectingSockets } from './connecting-sockets.ts';

/** The proxy cannot be reached, or does not lead to the server. */
class SocksProxyError extends Error {
  readonly code = 'ERR_SOCKS_PROXY';
}

const defaultPort = 1080;
const timeoutMs = 10_000;

/**
 * @param proxyUrl `socks5:`, `socks5h:`, `socks4:`, `socks4a:` or `socks:`, which is SOCKS 5
 * @param connecting gets the connections whose TLS has only begun, for as long as that takes
 */
export function createSocksConnector(
  proxyUrl: string,
  tls: ConnectionOptions,
  connecting?: ConnectingSockets,
): buildConnector.connector {
  const url = new URL(proxyUrl);
  const proxy: SocksProxy = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || defaultPort,
    type: url.protocol.startsWith('socks4') ? 4 : 5,
    ...(url.username ? { userId: decodeURIComponent(url.username) } : {}),
    ...(url.password ? { password: decodeURIComponent(url.password) } : {}),
  };
  const open = async ({ hostname, port, protocol, servername }: buildConnector.Options) => {
    const { SocksClient } = await import('./socks-client.ts');
    const host = hostname.replace(/^\[|\]$/g, '');
    const destination = { host, port: Number(port) || (protocol === 'https:' ? 443 : 80) };
    const { socket } = await SocksClient.createConnection({
      proxy,
      command: 'connect',
      destination,
      timeout: timeoutMs,
    }).catch((error: Error) => {
      throw new SocksProxyError(error.message, { cause: error });
    });
    socket.setKeepAlive(true, 30_000);
    if (protocol !== 'https:') return socket;
    const secured = connect({ ...tls, socket, host, ...(servername ? { servername } : {}) });
    connecting?.add(secured);
    secured.setTimeout(timeoutMs, () =>
      secured.destroy(new SocksProxyError(`no TLS with ${host} within ${timeoutMs / 1000} s`)),
    );
    try {
      await new Promise<void>((resolve, reject) => {
        secured.once('secureConnect', resolve);
        secured.once('error', reject);
        secured.once('close', () => reject(new SocksProxyError('the connection was closed')));
      });
    } finally {
      connecting?.delete(secured);
      secured.setTimeout(0);
    }
    return secured;
  };
  const connector = callbackify(open);
  return (options, callback) =>
    connector(options, (error, socket) => {
      if (error) callback(error, null);
      else callback(null, socket);
    });
}
