import { describe, expect, test } from 'vitest';
import type { Monotonic } from '../k8s/time.ts';
import { configMaps } from './resources.ts';
import { configMap, createClientHarness, instantTimer } from './testing/client-harness.ts';
import { answerJson, statusBody, type Handler } from './testing/loopback-server.ts';

const { serve, clientOf } = createClientHarness();

describe('an overloaded server', () => {
  const overloaded = (times: number, code: number, headers: Record<string, string>): Handler => {
    let left = times;
    return (_, response) => {
      if (left-- > 0) answerJson(response, code, statusBody(code, '', 'busy'), headers);
      else answerJson(response, 200, configMap('a'));
    };
  };
  const ref = { namespace: 'default', name: 'a' };

  test('receives the request again after the time in Retry-After', async () => {
    const server = await serve(overloaded(3, 429, { 'retry-after': '2' }));
    const waited: number[] = [];
    await clientOf(server, { setTimer: instantTimer(waited) }).get(configMaps, ref);
    expect(waited).toEqual([2000, 2000, 2000]);
  });

  test.each([429, 500, 503])(
    'receives the request again if it responded with status %i and a Retry-After header',
    async (code) => {
      const server = await serve(overloaded(1, code, { 'retry-after': '3' }));
      const waited: number[] = [];
      const client = clientOf(server, { setTimer: instantTimer(waited) });
      await client.apply(configMaps, configMap('a'), { fieldManager: 'kon' });
      expect([server.requests.length, waited]).toEqual([2, [3000]]);
    },
  );

  test('receives no retry if its Retry-After is long, so the caller has to back off', async () => {
    const server = await serve(overloaded(1, 503, { 'retry-after': '60' }));
    const waited: number[] = [];
    const client = clientOf(server, { setTimer: instantTimer(waited) });
    await expect(client.get(configMaps, ref)).rejects.toMatchObject({ status: 503, retryAfterSeconds: 60 });
    expect([server.requests.length, waited]).toEqual([1, []]);
  });

  test('receives a create again after status 429, which means that the create was not processed, but not after status 503', async () => {
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

  test('causes an error when the maximum number of retries is reached', async () => {
    const server = await serve(overloaded(100, 429, { 'retry-after': '1' }));
    const client = clientOf(server, { setTimer: instantTimer([]) });
    await expect(client.get(configMaps, ref)).rejects.toMatchObject({
      status: 429,
      reason: 'TooManyRequests',
    });
    expect(server.requests).toHaveLength(11);
  });

  test('receives at most the configured number of requests per second', async () => {
    const server = await serve((_, response) => answerJson(response, 200, configMap('a')));
    let time = 0;
    const waited: number[] = [];
    const client = clientOf(server, {
      qps: 10,
      burst: 2,
      now: (() => time) as () => Monotonic,
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

  test('is reported with the code `refused` if the connection is refused', async () => {
    const server = await serve(() => {});
    await server.close();
    await expect(clientOf(server).get(configMaps, ref)).rejects.toMatchObject({ code: 'refused' });
  });

  test('is reported with the code `dns` if its name cannot be resolved', async () => {
    const client = clientOf({ url: 'https://no-such-host.invalid' });
    await expect(client.get(configMaps, ref)).rejects.toMatchObject({ code: 'dns' });
  });

  test('is reported with the code `timeout`, both before and during the response', async () => {
    const server = await serve(({ path }, response) => {
      if (path.endsWith('/b')) response.write('{"half":');
    });
    const client = clientOf(server, { requestTimeoutMs: 50 });
    await expect(client.get(configMaps, ref)).rejects.toMatchObject({ code: 'timeout' });
    await expect(client.get(configMaps, { ...ref, name: 'b' })).rejects.toMatchObject({ code: 'timeout' });
  });

  test('receives a GET again after the connection broke, but receives no write again', async () => {
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

  test('is no longer awaited when the caller aborts, and the request rejects with the abort reason', async () => {
    const server = await serve(() => {});
    const controller = new AbortController();
    const get = clientOf(server).get(configMaps, ref, { signal: controller.signal });
    await expect.poll(() => server.requests.length).toBe(1);
    controller.abort(new Error('enough'));
    await expect(get).rejects.toThrow('enough');
    await expect.poll(() => server.openConnections()).toBe(0);
  });

  test('causes an error as soon as the client is closed', async () => {
    const server = await serve(() => {});
    const client = clientOf(server);
    const get = client.get(configMaps, ref);
    const ended = expect(get).rejects.toMatchObject({ code: 'closed' });
    await expect.poll(() => server.requests.length).toBe(1);
    await client.close();
    await ended;
    await expect(client.get(configMaps, ref)).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('`onAttempt`', () => {
  test('is called for each attempt, and gets the status if a response arrived', async () => {
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
    const same = {
      method: 'GET',
      host,
      path: '/api/v1/namespaces/default/configmaps/a',
      ms: expect.any(Number),
    };
    expect(seen).toEqual([{ ...same, status: 429 }, same, { ...same, status: 200 }]);
  });
});

describe('the guard of writes', () => {
  test('can prevent writes, and is not called for reads', async () => {
    const server = await serve((_, response) => answerJson(response, 200, configMap('a')));
    const refusal = new Error('not the leader');
    const client = clientOf(server, {
      beforeWrite: () => {
        throw refusal;
      },
    });
    await client.get(configMaps, { namespace: 'default', name: 'a' });
    // The client rejects with the error object that the guard threw, so that callers can distinguish a refused write
    // from a broken connection.
    await expect(client.create(configMaps, configMap('a'))).rejects.toBe(refusal);
    await expect(client.delete(configMaps, { namespace: 'default', name: 'a' })).rejects.toThrow(
      'not the leader',
    );
    await expect(client.raw({ method: 'POST', path: '/x' })).rejects.toThrow('not the leader');
    // A token request counts as a write: it stores nothing, but it issues a credential.
    const spec = { audiences: ['sts'], expirationSeconds: 600 };
    await expect(client.createToken({ namespace: 'n', name: 'a' }, spec)).rejects.toBe(refusal);
    expect(server.requests.map(({ method }) => method)).toEqual(['GET']);
  });
});
