/**
 * Connections through a SOCKS proxy, which a kubeconfig may name in `proxy-url`. undici 8 has an agent for this which is
 * experimental, says so on stderr, and did not get through in our test; `socks` comes with client-node anyway.
 */
import { connect, type ConnectionOptions } from 'node:tls';
import { callbackify } from 'node:util';
import type { SocksProxy } from 'socks';
import type { buildConnector } from 'undici';

/** The proxy cannot be reached, or does not lead to the server. */
class SocksProxyError extends Error {
  readonly code = 'ERR_SOCKS_PROXY';
}

const defaultPort = 1080;
const timeoutMs = 10_000;

/** @param proxyUrl `socks5:`, `socks5h:`, `socks4:`, `socks4a:` or `socks:`, which is SOCKS 5 */
export function createSocksConnector(proxyUrl: string, tls: ConnectionOptions): buildConnector.connector {
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
    await new Promise<void>((resolve, reject) => {
      secured.once('secureConnect', resolve);
      secured.once('error', reject);
    });
    return secured;
  };
  const connector = callbackify(open);
  return (options, callback) =>
    connector(options, (error, socket) => {
      if (error) callback(error, null);
      else callback(null, socket);
    });
}
