/** Tests that streams use the same proxies, TLS settings and credentials as other requests. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { staticConnection, type Connection, type TlsMaterial } from '../connection.ts';
import { createAuthority, type Authority, type Pair } from '../../http/testing/certificates.ts';
import { startHttpProxy, startSocksProxy } from '../../http/testing/proxies.ts';
import { openWebSocket, type WebSocketStream } from './web-socket.ts';

let authority: Authority;
let user: Pair;
let server: Server;
/** Tokens that the server accepts. If the list is empty, the server accepts any token. */
let accepted: string[] = [];
let serve: (socket: WebSocket, user: string) => void;

beforeEach(async () => {
  accepted = [];
  serve = (socket, name) => {
    socket.send(name);
    socket.close(1000);
  };
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
    // If its upgrade is refused, a client closes its socket before the response is complete. The server's socket may
    // then report a connection reset.
    socket.on('error', () => undefined);
    if (accepted.length > 0 && !accepted.includes(request.headers.authorization ?? '')) {
      socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      serve(webSocket, String((request.socket as TLSSocket).getPeerCertificate().subject.CN));
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

async function open(to: Connection): Promise<WebSocketStream> {
  const { signal } = new AbortController();
  return openWebSocket(to, { path: '/x', query: [], protocols: ['v4.channel.k8s.io'], signal });
}

async function read(socket: WebSocketStream): Promise<string> {
  let text = '';
  for await (const message of socket.messages) text += message.toString('utf8');
  return text;
}

const peerSeen = async (to: Connection): Promise<string> => read(await open(to));

describe('a stream', () => {
  it.each([
    ['HTTP', startHttpProxy],
    ['SOCKS', startSocksProxy],
  ])('uses a proxy (%s), with end-to-end TLS', async (_kind, startProxy) => {
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

  it('rejects a server certificate that another authority has signed or that is for another name', async () => {
    expect(await peerSeen(connection())).toBe('kon');
    expect(await peerSeen(connection({ ca: authority.ca, ...user, servername: 'kubernetes.default' }))).toBe(
      'kon',
    );
    const stranger = await createAuthority('stranger');
    await expect(peerSeen(connection({ ca: stranger.ca, ...user }))).rejects.toMatchObject({ code: 'tls' });
    const misnamed = connection({ ca: authority.ca, ...user, servername: 'elsewhere.example' });
    await expect(peerSeen(misnamed)).rejects.toMatchObject({ code: 'tls' });
  });

  it('is requested once more with refreshed credentials after a 401 response', async () => {
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

  it('yields all received messages even if writes fail', async () => {
    let far: WebSocket | undefined;
    serve = (socket) => (far = socket);
    const socket = await open(connection());
    const data = Buffer.alloc(100_000);
    // In the same turn of the event loop, the client writes, and the server closes the connection without reading the
    // client's input. This resets the connection.
    const sent = [socket.send(data)];
    far?.send('all of it');
    far?.terminate();
    sent.push(socket.send(data), socket.send(data));
    const outcomes = Promise.allSettled(sent);
    const messages = socket.messages[Symbol.asyncIterator]();
    expect(String((await messages.next()).value)).toBe('all of it');
    await expect(messages.next()).rejects.toMatchObject({ name: 'KubeUnreachableError', code: 'reset' });
    expect((await outcomes).map(({ status }) => status).slice(1)).toEqual(['rejected', 'rejected']);
  });

  describe('over time', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
    afterEach(() => void vi.useRealTimers());

    it('a stream ends with an error when the server does not answer pings', async () => {
      serve = (socket) => socket.pause();
      const socket = await open(connection());
      vi.advanceTimersByTime(90_000);
      await expect(read(socket)).rejects.toMatchObject({ name: 'KubeUnreachableError', code: 'timeout' });
    });

    it('a stream waits for a slow reader without a timeout', async () => {
      const texts = Array.from({ length: 1000 }, (_value, index) => `${index},`);
      serve = (socket) => {
        for (const text of texts) socket.send(text);
        socket.close(1000);
      };
      const socket = await open(connection());
      const messages = socket.messages[Symbol.asyncIterator]();
      // The first message arrives alone. The second message arrives together with all later messages. Together, these
      // messages exceed the buffer for unread messages, so the socket is paused, and receives no pongs.
      let text = `${(await messages.next()).value}${(await messages.next()).value}`;
      vi.advanceTimersByTime(3_600_000);
      for (let next = await messages.next(); !next.done; next = await messages.next())
        text += String(next.value);
      expect(text).toBe(texts.join(''));
    });
  });

  it('reports that the server refuses connections', async () => {
    const to = connection();
    server.close();
    await expect(peerSeen(to)).rejects.toMatchObject({ name: 'KubeUnreachableError', code: 'refused' });
  });
});
