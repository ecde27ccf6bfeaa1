import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Monotonic } from '../k8s/time.ts';
import { createKubeClient } from './client.ts';
import { staticConnection, type Connection } from './connection.ts';
import { configMaps, namespaces } from './resources.ts';
import { createAuthority } from '../http/testing/certificates.ts';
import { configMap, createClientHarness } from './testing/client-harness.ts';
import {
  answerJson,
  startLoopbackServer,
  statusBody,
  type LoopbackServer,
} from './testing/loopback-server.ts';
import { startHttpProxy, startSocksProxy } from '../http/testing/proxies.ts';
import type { KubeObject } from './object.ts';

const { closers, serve } = createClientHarness();

/** Server that responds with the name in the client's certificate, and rejects clients without a certificate. */
async function servePeerName(
  ca: string,
  pair: { readonly cert: string; readonly key: string },
): Promise<LoopbackServer> {
  const server = await startLoopbackServer(
    (request, response) => {
      const { socket } = request as unknown as {
        socket: { getPeerCertificate(): { subject?: { CN: string } } };
      };
      answerJson(response, 200, {
        kind: 'X',
        metadata: { name: socket.getPeerCertificate().subject?.CN },
      });
    },
    { ...pair, ca, requestCert: true, rejectUnauthorized: true },
  );
  closers.push(() => server.close());
  return server;
}

describe('TLS', () => {
  test('works with a private certificate authority, client certificates and a server name that differs from the host', async () => {
    const authority = await createAuthority();
    const pair = await authority.issue({ name: 'server', dnsNames: ['kubernetes.default'] });
    const user = await authority.issue({ name: 'kon' });
    const server = await servePeerName(authority.ca, pair);
    const connect = (tls: object): ReturnType<typeof createKubeClient> => {
      const client = createKubeClient(staticConnection({ server: server.url, tls }));
      closers.push(() => client.close());
      return client;
    };
    const servername = 'kubernetes.default';
    const good = connect({ ca: authority.ca, ...user, servername });
    await expect(good.get(namespaces, { name: 'a' })).resolves.toMatchObject({ metadata: { name: 'kon' } });

    const stranger = await createAuthority('stranger');
    const distrusting = connect({ ca: stranger.ca, ...user, servername });
    await expect(distrusting.get(namespaces, { name: 'a' })).rejects.toMatchObject({ code: 'tls' });
    const misnamed = connect({ ca: authority.ca, ...user });
    await expect(misnamed.get(namespaces, { name: 'a' })).rejects.toMatchObject({ code: 'tls' });
  });
});

describe('a proxy', () => {
  test.each([
    ['HTTP', startHttpProxy],
    ['SOCKS', startSocksProxy],
  ])('of the kind %s is used, with end-to-end TLS', async (_, startProxy) => {
    const proxy = await startProxy();
    closers.push(() => proxy.close());
    const authority = await createAuthority();
    const pair = await authority.issue({ name: 'server', ips: ['127.0.0.1'] });
    const user = await authority.issue({ name: 'kon' });
    const server = await servePeerName(authority.ca, pair);
    const client = createKubeClient({
      ...staticConnection({ server: server.url, tls: { ca: authority.ca, ...user } }),
      proxyUrl: proxy.url,
    });
    closers.push(() => client.close());
    for (let index = 0; index < 3; index += 1)
      await expect(client.get(namespaces, { name: 'a' })).resolves.toMatchObject({
        metadata: { name: 'kon' },
      });
    expect(proxy.targets).toEqual([new URL(server.url).host]);
    await server.close();
    await expect(client.get(namespaces, { name: 'a' })).rejects.toMatchObject({
      name: 'KubeUnreachableError',
    });
  });
});

describe('a connection that is being established', () => {
  test.each([
    ['directly', undefined],
    ['through a SOCKS proxy', startSocksProxy],
  ])('%s is closed when the client is closed', async (_, startProxy) => {
    const proxy = await startProxy?.();
    if (proxy) closers.push(() => proxy.close());
    const sockets = new Set<Socket>();
    // Accepts connections, but never responds to the TLS handshake.
    const silent = createServer((socket) => {
      sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => {}));
      socket.resume();
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => silent.close(() => resolve())));
    const { port } = silent.address() as AddressInfo;
    const connection = staticConnection({ server: `https://127.0.0.1:${port}` });
    const client = createKubeClient({ ...connection, ...(proxy && { proxyUrl: proxy.url }) });
    const given = new AbortController();
    const gets = [
      expect(client.get(namespaces, { name: 'a' })).rejects.toMatchObject({ code: 'closed' }),
      expect(client.get(namespaces, { name: 'a' }, { signal: given.signal })).rejects.toThrow('enough'),
    ];
    await expect.poll(() => sockets.size).toBe(2);
    given.abort(new Error('enough'));
    await client.close();
    await Promise.all(gets);
    // The timeout of this poll is shorter than the connection timeout of 10 s, so the connection timeout cannot be what
    // closes the sockets.
    await expect.poll(() => sockets.size, { timeout: 5_000 }).toBe(0);
  });
});

describe('credentials', () => {
  test('that the server no longer accepts are refreshed, and the request is repeated once', async () => {
    const server = await serve(({ headers }, response) => {
      if (headers.authorization === 'Bearer new') answerJson(response, 200, configMap('a'));
      else answerJson(response, 401, statusBody(401, 'Unauthorized', 'Unauthorized'));
    });
    const asked: boolean[] = [];
    let present = 'old';
    const client = createKubeClient({
      server: server.url,
      namespace: 'default',
      async credentials({ refresh = false } = {}) {
        asked.push(refresh);
        if (refresh) present = 'new';
        return { headers: { Authorization: `Bearer ${present}` }, tls: {} };
      },
    });
    closers.push(() => client.close());
    await client.create(configMaps, configMap('a'));
    await client.create(configMaps, configMap('b'));
    expect(asked).toEqual([false, true]);
    expect(server.requests.map(({ body }) => (JSON.parse(body) as KubeObject).metadata.name)).toEqual([
      'a',
      'a',
      'b',
    ]);
  });

  test('that are permanently refused cause an error, without a refresh for each request', async () => {
    const server = await serve((_, response) =>
      answerJson(response, 401, statusBody(401, 'Unauthorized', 'Unauthorized')),
    );
    let asked = 0;
    const client = createKubeClient({
      server: server.url,
      namespace: 'default',
      async credentials() {
        asked += 1;
        return { headers: { Authorization: 'Bearer bad' }, tls: {} };
      },
    });
    closers.push(() => client.close());
    for (let index = 0; index < 5; index += 1)
      await expect(client.get(namespaces, { name: 'a' })).rejects.toMatchObject({ reason: 'Unauthorized' });
    expect(asked).toBe(2);
  });
});

describe('credentials that come from files and plugins', () => {
  const connect = (server: LoopbackServer, credentials: Connection['credentials'], now: () => Monotonic) => {
    const client = createKubeClient(
      { server: server.url, namespace: 'default', credentials },
      { now, qps: 1000, burst: 1000 },
    );
    closers.push(() => client.close());
    return client;
  };

  test('are loaded again after half a minute, and are loaded only once for concurrent requests', async () => {
    const server = await serve((_, response) => answerJson(response, 200, configMap('a')));
    let time = 0;
    let asked = 0;
    const client = connect(
      server,
      async () => ({ headers: { Authorization: `Bearer ${(asked += 1)}` }, tls: {} }),
      () => time as Monotonic,
    );
    const get = (): Promise<unknown> => client.get(configMaps, { namespace: 'default', name: 'a' });
    await Promise.all([get(), get(), get()]);
    time = 29_000;
    await get();
    time = 31_000;
    await get();
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(
      [1, 1, 1, 1, 2].map((nth) => `Bearer ${nth}`),
    );
  });

  test('may contain a new certificate, which is used for a new connection', async () => {
    const authority = await createAuthority();
    const pair = await authority.issue({ name: 'server', ips: ['127.0.0.1'] });
    const users = [await authority.issue({ name: 'first' }), await authority.issue({ name: 'second' })];
    const server = await servePeerName(authority.ca, pair);
    let time = 0;
    const client = connect(
      server,
      async () => ({ headers: {}, tls: { ca: authority.ca, ...users[time === 0 ? 0 : 1] } }),
      () => time as Monotonic,
    );
    const who = async (): Promise<string> => (await client.get(namespaces, { name: 'a' })).metadata.name;
    expect(await who()).toBe('first');
    time = 31_000;
    expect(await who()).toBe('second');
  });
});
