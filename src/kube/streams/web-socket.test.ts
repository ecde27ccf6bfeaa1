/** By what ways a stream reaches its server, and with whose certificates: those of all other requests. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { staticConnection, type Connection, type TlsMaterial } from '../connection.ts';
import { createAuthority, type Authority, type Pair } from '../testing/certificates.ts';
import { startHttpProxy, startSocksProxy } from '../testing/proxies.ts';
import { openWebSocket } from './web-socket.ts';

let authority: Authority;
let user: Pair;
let server: Server;
/** Tokens that are taken; any when empty. */
let accepted: string[] = [];

beforeEach(async () => {
  accepted = [];
  authority = await createAuthority();
  user = await authority.issue({ name: 'kon' });
  const pair = await authority.issue({
    name: 'server',
    ips: ['127.0.0.1'],
    dnsNames: ['kubernetes.default'],
  });
  server = createServer({ ...pair, ca: authority.ca, requestCert: true, rejectUnauthorized: true });
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    // A client that was refused is gone before all is said, which the socket may tell as a reset.
    socket.on('error', () => undefined);
    if (accepted.length > 0 && !accepted.includes(request.headers.authorization ?? '')) {
      socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.send(String((request.socket as TLSSocket).getPeerCertificate().subject.CN));
      webSocket.close(1000);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const url = (): string => `https://127.0.0.1:${(server.address() as AddressInfo).port}`;

const connection = (tls: TlsMaterial = { ca: authority.ca, ...user }): Connection =>
  staticConnection({ server: url(), tls });

async function peerSeen(to: Connection): Promise<string> {
  const { signal } = new AbortController();
  const socket = await openWebSocket(to, { path: '/x', query: [], protocols: ['v4.channel.k8s.io'], signal });
  let text = '';
  for await (const message of socket.messages) text += message.toString('utf8');
  return text;
}

describe('a stream', () => {
  it.each([
    ['HTTP', startHttpProxy],
    ['SOCKS', startSocksProxy],
  ])('goes through a proxy of the kind %s, with TLS from end to end', async (_kind, startProxy) => {
    const proxy = await startProxy();
    try {
      expect(await peerSeen({ ...connection(), proxyUrl: proxy.url })).toBe('kon');
      expect(proxy.targets).toEqual([new URL(url()).host]);
    } finally {
      await proxy.close();
    }
    await expect(peerSeen({ ...connection(), proxyUrl: proxy.url })).rejects.toMatchObject({
      name: 'KubeUnreachableError',
      code: 'proxy',
    });
  });

  it('takes the certificate of nobody else', async () => {
    expect(await peerSeen(connection())).toBe('kon');
    expect(await peerSeen(connection({ ca: authority.ca, ...user, servername: 'kubernetes.default' }))).toBe(
      'kon',
    );
    const stranger = await createAuthority('stranger');
    await expect(peerSeen(connection({ ca: stranger.ca, ...user }))).rejects.toMatchObject({ code: 'tls' });
    const misnamed = connection({ ca: authority.ca, ...user, servername: 'elsewhere.example' });
    await expect(peerSeen(misnamed)).rejects.toMatchObject({ code: 'tls' });
  });

  it('is asked for again, once, with new credentials where the old ones are taken no more', async () => {
    accepted = ['Bearer new'];
    let refreshes = 0;
    const to: Connection = {
      ...connection(),
      credentials: async ({ refresh } = {}) => {
        if (refresh) refreshes += 1;
        return {
          headers: { Authorization: refresh ? 'Bearer new' : 'Bearer old' },
          tls: { ca: authority.ca, ...user },
        };
      },
    };
    expect(await peerSeen(to)).toBe('kon');
    expect(refreshes).toBe(1);
    accepted = ['Bearer other'];
    await expect(peerSeen(to)).rejects.toMatchObject({ name: 'KubeApiError', reason: 'Unauthorized' });
    expect(refreshes).toBe(2);
  });

  it('says who does not answer', async () => {
    const to = connection();
    server.close();
    await expect(peerSeen(to)).rejects.toMatchObject({ name: 'KubeUnreachableError', code: 'refused' });
  });
});
