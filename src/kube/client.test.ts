import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createKubeClient } from './client.ts';
import { staticConnection, type Connection } from './connection.ts';
import {
  isAlreadyExists,
  isConflict,
  isGone,
  isInvalid,
  isNotFound,
  KubeApiError,
  KubeUnreachableError,
} from './errors.ts';
import type { KubeObject } from './object.ts';
import type { KubeClientOptions } from './requester.ts';
import { configMaps, namespaces } from './resources.ts';
import { createAuthority } from './testing/certificates.ts';
import {
  answerJson,
  startLoopbackServer,
  statusBody,
  type Handler,
  type LoopbackServer,
} from './testing/loopback-server.ts';
import { startHttpProxy, startSocksProxy } from './testing/proxies.ts';
import type { SetTimer } from './timing.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(handler: Handler): Promise<LoopbackServer> {
  const server = await startLoopbackServer(handler);
  closers.push(() => server.close());
  return server;
}

/** Waits nothing, and tells how long it would have waited. Longer delays are deadlines, which stay real. */
function instantTimer(waited: number[]): SetTimer {
  return (callback, delayMs) => {
    if (delayMs > 20_000) return () => {};
    waited.push(delayMs);
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  };
}

const configMap = (name: string): KubeObject & { data: Record<string, string> } => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data: {},
});

describe.each([
  { by: 'undici', light: false },
  { by: 'Node’s own HTTP', light: true },
])('by $by', ({ light }) => {
  function clientOf(server: { url: string }, options: KubeClientOptions = {}) {
    const client = createKubeClient(staticConnection({ server: server.url, token: 'secret-token' }), {
      light,
      ...options,
    });
    closers.push(() => client.close());
    return client;
  }

  describe('verbs', () => {
    test('each sends the method, path, query and content type which the API documents', async () => {
      const server = await serve((_, response) => answerJson(response, 200, configMap('a')));
      const client = clientOf(server);
      const ref = { namespace: 'default', name: 'a' };
      await client.get(configMaps, ref);
      await client.create(configMaps, configMap('a'), { fieldManager: 'kon', fieldValidation: 'Strict' });
      await client.update(configMaps, configMap('a'), { dryRun: true });
      await client.updateStatus(configMaps, configMap('a'));
      await client.apply(configMaps, configMap('a'), {
        fieldManager: 'kon',
        force: true,
        subresource: 'status',
      });
      await client.patch(configMaps, ref, { data: { a: 'b' } }, { type: 'merge' });
      await client.patch(configMaps, ref, [{ op: 'remove', path: '/data' }], { type: 'json' });
      await client.delete(configMaps, ref, {
        uid: 'u1',
        resourceVersion: '7',
        propagationPolicy: 'Foreground',
      });
      await client.get(namespaces, { name: 'default' });
      expect(
        server.requests.map(({ method, path, query, headers }) =>
          [method, path, query.toString(), headers['content-type'] ?? ''].join(' ').trim(),
        ),
      ).toEqual([
        'GET /api/v1/namespaces/default/configmaps/a',
        'POST /api/v1/namespaces/default/configmaps fieldManager=kon&fieldValidation=Strict application/json',
        'PUT /api/v1/namespaces/default/configmaps/a dryRun=All application/json',
        'PUT /api/v1/namespaces/default/configmaps/a/status  application/json',
        'PATCH /api/v1/namespaces/default/configmaps/a/status fieldManager=kon&force=true application/apply-patch+yaml',
        'PATCH /api/v1/namespaces/default/configmaps/a  application/merge-patch+json',
        'PATCH /api/v1/namespaces/default/configmaps/a  application/json-patch+json',
        'DELETE /api/v1/namespaces/default/configmaps/a  application/json',
        'GET /api/v1/namespaces/default',
      ]);
      expect(JSON.parse(server.requests[7]?.body ?? '')).toEqual({
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions: { uid: 'u1', resourceVersion: '7' },
        propagationPolicy: 'Foreground',
      });
      expect(server.requests.every(({ headers }) => headers.authorization === 'Bearer secret-token')).toBe(
        true,
      );
      expect(server.connections()).toBe(1);
    });

    test('a list fetches every page and gives the version of the last one', async () => {
      const server = await serve(({ query }, response) => {
        const page = Number(query.get('continue') ?? '0');
        answerJson(response, 200, {
          metadata: { resourceVersion: '42', ...(page < 2 ? { continue: String(page + 1) } : {}) },
          items: [{ metadata: { name: `c${page}`, namespace: 'default' } }],
        });
      });
      const list = await clientOf(server).list(configMaps, { labelSelector: 'a=b', pageSize: 1 });
      expect(list.resourceVersion).toBe('42');
      expect(list.items).toEqual(
        ['c0', 'c1', 'c2'].map((name) => ({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name, namespace: 'default' },
        })),
      );
      expect(server.requests.map(({ query }) => query.get('labelSelector'))).toEqual(['a=b', 'a=b', 'a=b']);
    });

    test('a list whose pages expired is fetched in one piece', async () => {
      const server = await serve(({ query }, response) => {
        if (query.has('continue')) answerJson(response, 410, statusBody(410, 'Expired', 'too old'));
        else if (query.has('limit'))
          answerJson(response, 200, {
            metadata: { resourceVersion: '1', continue: 'x' },
            items: [configMap('a')],
          });
        else
          answerJson(response, 200, {
            metadata: { resourceVersion: '9' },
            items: [configMap('a'), configMap('b')],
          });
      });
      const list = await clientOf(server).list(configMaps);
      expect([list.resourceVersion, list.items.length]).toEqual(['9', 2]);
    });

    test('a token request gives the token and its end', async () => {
      const server = await serve((_, response) =>
        answerJson(response, 201, { status: { token: 'jwt', expirationTimestamp: '2030-01-01T00:00:00Z' } }),
      );
      const spec = { audiences: ['sts.amazonaws.com'], expirationSeconds: 600 };
      await expect(clientOf(server).createToken({ namespace: 'n', name: 's' }, spec)).resolves.toEqual({
        token: 'jwt',
        expirationTimestamp: '2030-01-01T00:00:00Z',
      });
      expect(server.requests[0]?.path).toBe('/api/v1/namespaces/n/serviceaccounts/s/token');
      expect(JSON.parse(server.requests[0]?.body ?? '')).toMatchObject({ kind: 'TokenRequest', spec });
    });

    test('an object without its namespace is a bug that is told before anything is sent', async () => {
      const server = await serve((_, response) => answerJson(response, 200, {}));
      await expect(async () => clientOf(server).get(configMaps, { name: 'a' })).rejects.toThrow(TypeError);
      expect(server.requests).toHaveLength(0);
    });
  });

  describe('answers', () => {
    test.each([
      [404, 'NotFound', isNotFound],
      [409, 'AlreadyExists', isAlreadyExists],
      [409, 'Conflict', isConflict],
      [410, 'Expired', isGone],
      [422, 'Invalid', isInvalid],
    ])('%d %s is a KubeApiError of that reason', async (code, reason, predicate) => {
      const server = await serve((_, response) =>
        answerJson(
          response,
          code,
          statusBody(code, reason, 'no', {
            name: 'a',
            causes: [{ field: 'spec', message: 'bad', reason: 'X' }],
          }),
        ),
      );
      const error = await clientOf(server)
        .get(configMaps, { namespace: 'n', name: 'a' })
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(KubeApiError);
      expect(error).toMatchObject({ status: code, reason, message: 'no', causes: [{ field: 'spec' }] });
      expect(predicate(error)).toBe(true);
      expect([isNotFound, isAlreadyExists, isConflict, isGone, isInvalid].filter((is) => is(error))).toEqual([
        predicate,
      ]);
    });

    test('an error page of something in between keeps its words', async () => {
      const server = await serve((_, response) => {
        response.writeHead(502, { 'content-type': 'text/html' });
        response.end('<h1>Bad gateway</h1>');
      });
      const get = clientOf(server).get(configMaps, { namespace: 'n', name: 'a' });
      await expect(get).rejects.toMatchObject({
        status: 502,
        reason: 'Unknown',
        message: '<h1>Bad gateway</h1> (GET /api/v1/namespaces/n/configmaps/a)',
      });
    });

    test('a success that is no JSON is no API server', async () => {
      const server = await serve((_, response) => {
        response.end('<html>Please log in</html>');
      });
      await expect(clientOf(server).get(configMaps, { namespace: 'n', name: 'a' })).rejects.toMatchObject({
        name: 'KubeUnreachableError',
        code: 'protocol',
      });
    });

    test('warnings reach their callback, one by one and unescaped', async () => {
      const server = await serve((_, response) =>
        answerJson(response, 200, configMap('a'), {
          warning: String.raw`299 - "unknown field \"spec.foo\"", 299 - "v1beta1 is deprecated"`,
        }),
      );
      const seen: string[] = [];
      const client = clientOf(server, { onWarning: ({ text, method }) => seen.push(`${method} ${text}`) });
      await client.update(configMaps, configMap('a'));
      expect(seen).toEqual(['PUT unknown field "spec.foo"', 'PUT v1beta1 is deprecated']);
    });

    test('raw returns what the server said, whatever it is', async () => {
      const server = await serve((_, response) => answerJson(response, 404, { no: 'such' }, { 'x-a': 'b' }));
      const answer = await clientOf(server).raw({ method: 'GET', path: '/version', query: { pretty: true } });
      expect(answer).toMatchObject({ status: 404, body: '{"no":"such"}', headers: { 'x-a': 'b' } });
      expect(server.requests[0]?.query.get('pretty')).toBe('true');
    });
  });

  describe('an overloaded server', () => {
    const overloaded = (times: number, code: number, headers: Record<string, string>): Handler => {
      let left = times;
      return (_, response) => {
        if (left-- > 0) answerJson(response, code, statusBody(code, '', 'busy'), headers);
        else answerJson(response, 200, configMap('a'));
      };
    };
    const ref = { namespace: 'default', name: 'a' };

    test('is asked again after the time it named', async () => {
      const server = await serve(overloaded(3, 429, { 'retry-after': '2' }));
      const waited: number[] = [];
      await clientOf(server, { setTimer: instantTimer(waited) }).get(configMaps, ref);
      expect(waited).toEqual([2000, 2000, 2000]);
    });

    test.each([429, 500, 503])('is asked again also after %i, if it named a time', async (code) => {
      const server = await serve(overloaded(1, code, { 'retry-after': '3' }));
      const waited: number[] = [];
      const client = clientOf(server, { setTimer: instantTimer(waited) });
      await client.apply(configMaps, configMap('a'), { fieldManager: 'kon' });
      expect([server.requests.length, waited]).toEqual([2, [3000]]);
    });

    test('that wants to be left alone for long is left to the backoff of the caller', async () => {
      const server = await serve(overloaded(1, 503, { 'retry-after': '60' }));
      const waited: number[] = [];
      const client = clientOf(server, { setTimer: instantTimer(waited) });
      await expect(client.get(configMaps, ref)).rejects.toMatchObject({ status: 503, retryAfterSeconds: 60 });
      expect([server.requests.length, waited]).toEqual([1, []]);
    });

    test('gets a create again only when it has not worked on it', async () => {
      const busy = await serve(overloaded(1, 429, { 'retry-after': '1' }));
      await clientOf(busy, { setTimer: instantTimer([]) }).create(configMaps, configMap('a'));
      expect(busy.requests).toHaveLength(2);
      const failing = await serve(overloaded(1, 503, { 'retry-after': '1' }));
      const client = clientOf(failing, { setTimer: instantTimer([]) });
      await expect(client.create(configMaps, configMap('a'))).rejects.toMatchObject({
        status: 503,
        retryAfterSeconds: 1,
      });
      expect(failing.requests).toHaveLength(1);
    });

    test('is believed at last', async () => {
      const server = await serve(overloaded(100, 429, { 'retry-after': '1' }));
      const client = clientOf(server, { setTimer: instantTimer([]) });
      await expect(client.get(configMaps, ref)).rejects.toMatchObject({
        status: 429,
        reason: 'TooManyRequests',
      });
      expect(server.requests).toHaveLength(11);
    });

    test('does not see more requests a second than it was promised', async () => {
      const server = await serve((_, response) => answerJson(response, 200, configMap('a')));
      let time = 0;
      const waited: number[] = [];
      const client = clientOf(server, {
        qps: 10,
        burst: 2,
        now: () => time,
        setTimer: instantTimer(waited),
      });
      for (let index = 0; index < 4; index += 1) await client.get(configMaps, ref);
      expect(waited).toEqual([100, 200]);
      time = 10_000;
      await client.get(configMaps, ref);
      expect(waited).toHaveLength(2);
    });
  });

  describe('a server that does not answer', () => {
    const ref = { namespace: 'n', name: 'a' };

    test('is told as refused', async () => {
      const server = await serve(() => {});
      await server.close();
      await expect(clientOf(server).get(configMaps, ref)).rejects.toMatchObject({ code: 'refused' });
    });

    test('is told as a name that cannot be resolved', async () => {
      const client = clientOf({ url: 'https://no-such-host.invalid' });
      await expect(client.get(configMaps, ref)).rejects.toMatchObject({ code: 'dns' });
    });

    test('is told as a timeout, both before and within the answer', async () => {
      const server = await serve(({ path }, response) => {
        if (path.endsWith('/b')) response.write('{"half":');
      });
      const client = clientOf(server, { requestTimeoutMs: 50 });
      await expect(client.get(configMaps, ref)).rejects.toMatchObject({ code: 'timeout' });
      await expect(client.get(configMaps, { ...ref, name: 'b' })).rejects.toMatchObject({ code: 'timeout' });
    });

    test('is asked for the same again when the connection of a GET broke, and not for a write', async () => {
      let breaks = 2;
      const server = await serve((request, response) => {
        if (breaks-- > 0) request.socket.resetAndDestroy();
        else answerJson(response, 200, configMap('a'));
      });
      const client = clientOf(server);
      await expect(client.get(configMaps, ref)).resolves.toMatchObject({ kind: 'ConfigMap' });
      breaks = 1;
      await expect(client.update(configMaps, configMap('a'))).rejects.toMatchObject({ code: 'reset' });
      expect(server.requests).toHaveLength(4);
    });

    test('can be given up by the caller, who sees the own reason', async () => {
      const server = await serve(() => {});
      const controller = new AbortController();
      const get = clientOf(server).get(configMaps, ref, { signal: controller.signal });
      await expect.poll(() => server.requests.length).toBe(1);
      controller.abort(new Error('enough'));
      await expect(get).rejects.toThrow('enough');
      await expect.poll(() => server.openConnections()).toBe(0);
    });

    test('ends with the client', async () => {
      const server = await serve(() => {});
      const client = clientOf(server);
      const get = client.get(configMaps, ref);
      const ended = expect(get).rejects.toMatchObject({ code: 'closed' });
      await expect.poll(() => server.requests.length).toBe(1);
      await client.close();
      await ended;
      await expect(client.get(configMaps, ref)).rejects.toMatchObject({ code: 'closed' });
    });

    test('keeps no connection that was being made when the client was closed', async () => {
      const sockets = new Set<Socket>();
      const silent = createServer((socket) => {
        sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => {}));
        socket.resume();
      });
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
      closers.push(() => new Promise((resolve) => silent.close(() => resolve())));
      const { port } = silent.address() as AddressInfo;
      // It takes the connection, and never says a word of TLS.
      const client = clientOf({ url: `https://127.0.0.1:${port}` });
      const given = new AbortController();
      const gets = [
        expect(client.get(configMaps, ref)).rejects.toMatchObject({ code: 'closed' }),
        expect(client.get(configMaps, ref, { signal: given.signal })).rejects.toThrow('enough'),
      ];
      await expect.poll(() => sockets.size).toBe(2);
      given.abort(new Error('enough'));
      await client.close();
      await Promise.all(gets);
      // Sooner than the time after which a connection is no longer waited for: 10 s.
      await expect.poll(() => sockets.size, { timeout: 5_000 }).toBe(0);
    });
  });

  describe('who counts', () => {
    test('is told of each attempt, and of the status or that there was none', async () => {
      let requests = 0;
      const server = await serve(({ socket }, response) => {
        requests += 1;
        if (requests === 1)
          answerJson(response, 429, statusBody(429, 'TooManyRequests', 'busy'), { 'retry-after': '0' });
        else if (requests === 2) socket.resetAndDestroy();
        else answerJson(response, 200, configMap('a'));
      });
      const seen: unknown[] = [];
      const client = clientOf(server, { onAttempt: (attempt) => seen.push(attempt) });
      await client.get(configMaps, { namespace: 'default', name: 'a' });
      const calledOff = { signal: AbortSignal.abort(new Error('enough')) };
      await expect(client.get(configMaps, { namespace: 'default', name: 'a' }, calledOff)).rejects.toThrow(
        'enough',
      );
      const { host } = new URL(server.url);
      expect(seen).toEqual([
        { method: 'GET', host, status: 429 },
        { method: 'GET', host },
        { method: 'GET', host, status: 200 },
      ]);
    });
  });

  describe('the guard of writes', () => {
    test('stops what writes, and nothing else', async () => {
      const token = { status: { token: 'a.b.c', expirationTimestamp: '2026-01-01T00:00:00Z' } };
      const server = await serve(({ path }, response) =>
        answerJson(response, 200, path.endsWith('/token') ? token : configMap('a')),
      );
      const refusal = new Error('not the leader');
      const client = clientOf(server, {
        beforeWrite: () => {
          throw refusal;
        },
      });
      await client.get(configMaps, { namespace: 'default', name: 'a' });
      // The very error: a caller has to be able to tell it from a broken connection.
      await expect(client.create(configMaps, configMap('a'))).rejects.toBe(refusal);
      await expect(client.delete(configMaps, { namespace: 'default', name: 'a' })).rejects.toThrow(
        'not the leader',
      );
      await expect(client.raw({ method: 'POST', path: '/x' })).rejects.toThrow('not the leader');
      // A token leaves no trace in the cluster.
      await client.createToken({ namespace: 'n', name: 'a' }, { audiences: ['sts'], expirationSeconds: 600 });
      expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'POST']);
    });
  });

  describe('TLS', () => {
    test('with an own authority, client certificates and another name than the host', async () => {
      const authority = await createAuthority();
      const pair = await authority.issue({ name: 'server', dnsNames: ['kubernetes.default'] });
      const user = await authority.issue({ name: 'kon' });
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
        { ...pair, ca: authority.ca, requestCert: true, rejectUnauthorized: true },
      );
      closers.push(() => server.close());
      const connect = (tls: object): ReturnType<typeof createKubeClient> => {
        const client = createKubeClient(staticConnection({ server: server.url, tls }), { light });
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
    ])('of the kind %s is gone through, with TLS from end to end', async (_, startProxy) => {
      const proxy = await startProxy();
      closers.push(() => proxy.close());
      const authority = await createAuthority();
      const pair = await authority.issue({ name: 'server', ips: ['127.0.0.1'] });
      const user = await authority.issue({ name: 'kon' });
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
        { ...pair, ca: authority.ca, requestCert: true, rejectUnauthorized: true },
      );
      closers.push(() => server.close());
      const client = createKubeClient(
        {
          ...staticConnection({ server: server.url, tls: { ca: authority.ca, ...user } }),
          proxyUrl: proxy.url,
        },
        { light },
      );
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

  describe('credentials', () => {
    test('that the server no longer takes are fetched again, once, and the request is repeated', async () => {
      const server = await serve(({ headers }, response) => {
        if (headers.authorization === 'Bearer new') answerJson(response, 200, configMap('a'));
        else answerJson(response, 401, statusBody(401, 'Unauthorized', 'Unauthorized'));
      });
      const asked: boolean[] = [];
      let present = 'old';
      const client = createKubeClient(
        {
          server: server.url,
          namespace: 'default',
          async credentials({ refresh = false } = {}) {
            asked.push(refresh);
            if (refresh) present = 'new';
            return { headers: { Authorization: `Bearer ${present}` }, tls: {} };
          },
        },
        { light },
      );
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

    test('that are refused for good are told, without asking for new ones each time', async () => {
      const server = await serve((_, response) =>
        answerJson(response, 401, statusBody(401, 'Unauthorized', 'Unauthorized')),
      );
      let asked = 0;
      const client = createKubeClient(
        {
          server: server.url,
          namespace: 'default',
          async credentials() {
            asked += 1;
            return { headers: { Authorization: 'Bearer bad' }, tls: {} };
          },
        },
        { light },
      );
      closers.push(() => client.close());
      for (let index = 0; index < 5; index += 1)
        await expect(client.get(namespaces, { name: 'a' })).rejects.toMatchObject({ reason: 'Unauthorized' });
      expect(asked).toBe(2);
    });
  });

  describe('credentials that come from files and plugins', () => {
    const connect = (server: LoopbackServer, credentials: Connection['credentials'], now: () => number) => {
      const client = createKubeClient(
        { server: server.url, namespace: 'default', credentials },
        { now, qps: 1000, burst: 1000, light },
      );
      closers.push(() => client.close());
      return client;
    };

    test('are looked at again every half minute, and once for requests that come together', async () => {
      const server = await serve((_, response) => answerJson(response, 200, configMap('a')));
      let time = 0;
      let asked = 0;
      const client = connect(
        server,
        async () => ({ headers: { Authorization: `Bearer ${(asked += 1)}` }, tls: {} }),
        () => time,
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

    test('may be another certificate then, with which a connection is made anew', async () => {
      const authority = await createAuthority();
      const pair = await authority.issue({ name: 'server', ips: ['127.0.0.1'] });
      const users = [await authority.issue({ name: 'first' }), await authority.issue({ name: 'second' })];
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
        { ...pair, ca: authority.ca, requestCert: true, rejectUnauthorized: true },
      );
      closers.push(() => server.close());
      let time = 0;
      const client = connect(
        server,
        async () => ({ headers: {}, tls: { ca: authority.ca, ...users[time === 0 ? 0 : 1] } }),
        () => time,
      );
      const who = async (): Promise<string> => (await client.get(namespaces, { name: 'a' })).metadata.name;
      expect(await who()).toBe('first');
      time = 31_000;
      expect(await who()).toBe('second');
    });
  });

  describe('a watch', () => {
    const event = (type: string, name: string, version: string): string =>
      `${JSON.stringify({ type, object: { metadata: { name, namespace: 'n', resourceVersion: version } } })}\n`;

    test('gives events as they come, however the bytes are cut', async () => {
      const text =
        event('ADDED', 'ä', '1') +
        event('MODIFIED', 'ä', '2') +
        '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5","annotations":{"k8s.io/initial-events-end":"true"}}}}\n' +
        event('DELETED', 'ä', '6') +
        '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}\n';
      const server = await serve(async (_, response) => {
        for (const byte of Buffer.from(text)) {
          response.write(Buffer.of(byte));
          if (byte % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        response.end();
      });
      const seen: string[] = [];
      for await (const next of clientOf(server).watch(configMaps, {
        resourceVersion: '0',
        timeoutSeconds: 300,
      }))
        seen.push(
          next.type === 'ERROR'
            ? `ERROR ${next.error.reason}`
            : next.type === 'BOOKMARK'
              ? `BOOKMARK ${next.resourceVersion} ${next.initialEventsEnd}`
              : `${next.type} ${next.object.metadata.name} ${next.object.metadata.resourceVersion}`,
        );
      expect(seen).toEqual(['ADDED ä 1', 'MODIFIED ä 2', 'BOOKMARK 5 true', 'DELETED ä 6', 'ERROR Expired']);
      expect(server.requests[0]?.query.toString()).toBe('watch=true&resourceVersion=0&timeoutSeconds=300');
    });

    test.each([
      [
        'is reset',
        (request: { socket: { resetAndDestroy(): void } }) => request.socket.resetAndDestroy(),
        'reset',
      ],
      ['ends within a line', undefined, 'in the middle of an event'],
    ])('that %s throws after the events before it', async (_, breakOff, expected) => {
      const server = await serve(async (request, response) => {
        response.write(`${event('ADDED', 'a', '1')}{"type":"ADDED","obj`);
        await expect.poll(() => names.length).toBe(1);
        if (breakOff) breakOff(request);
        else response.end();
      });
      const names: string[] = [];
      const consume = async (): Promise<void> => {
        for await (const next of clientOf(server).watch(configMaps, {}))
          if (next.type === 'ADDED') names.push(next.object.metadata.name);
      };
      const error = await consume().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(Error);
      expect(error instanceof KubeUnreachableError ? error.code : (error as Error).message).toContain(
        expected,
      );
      expect(names).toEqual(['a']);
    });

    test('that was refused throws what the server said', async () => {
      const server = await serve((_, response) =>
        answerJson(response, 410, statusBody(410, 'Expired', 'too old')),
      );
      const watch = clientOf(server).watch(configMaps, { resourceVersion: '1' });
      await expect(watch[Symbol.asyncIterator]().next()).rejects.toMatchObject({ status: 410 });
    });

    test('leaves no connection behind when its reader stops or is aborted, and outlives the request timeout', async () => {
      const server = await serve((_, response) => {
        response.write(event('ADDED', 'a', '1'));
      });
      const deadlines = new Set<() => void>();
      const setTimer: SetTimer = (callback) => {
        deadlines.add(callback);
        return () => deadlines.delete(callback);
      };
      const client = clientOf(server, { setTimer });
      for await (const next of client.watch(configMaps, {})) {
        expect(next.type).toBe('ADDED');
        break;
      }
      await expect.poll(() => server.openConnections()).toBe(0);
      const controller = new AbortController();
      const iterator = client.watch(configMaps, { signal: controller.signal })[Symbol.asyncIterator]();
      await iterator.next();
      for (const pass of deadlines) pass();
      expect(server.openConnections()).toBe(1);
      const next = iterator.next();
      controller.abort(new Error('stop'));
      await expect(next).rejects.toThrow('stop');
      await expect.poll(() => server.openConnections()).toBe(0);
    });
  });
});
