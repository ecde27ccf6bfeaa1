import { describe, expect, test } from 'vitest';
import { isAlreadyExists, isConflict, isGone, isInvalid, isNotFound, KubeApiError } from './errors.ts';
import { configMaps, namespaces } from './resources.ts';
import { configMap, createClientHarness } from './testing/client-harness.ts';
import { answerJson, statusBody } from './testing/loopback-server.ts';

const { serve, clientOf } = createClientHarness();

describe('when the client sends a request', () => {
  test('each verb sends the HTTP method, path, query and content type that the API documents', async () => {
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

  test('a list fetches every page and returns the resourceVersion of the last one', async () => {
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

  test('a list whose continue token has expired is fetched again in one page', async () => {
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

  test('a token request returns the token and its expiration time', async () => {
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

  test('a call for a namespaced object without a namespace throws a TypeError before a request is sent', async () => {
    const server = await serve((_, response) => answerJson(response, 200, {}));
    await expect(async () => clientOf(server).get(configMaps, { name: 'a' })).rejects.toThrow(TypeError);
    expect(server.requests).toHaveLength(0);
  });
});

describe('when the client reads a response', () => {
  test.each([
    [404, 'NotFound', isNotFound],
    [409, 'AlreadyExists', isAlreadyExists],
    [409, 'Conflict', isConflict],
    [410, 'Expired', isGone],
    [422, 'Invalid', isInvalid],
  ])(
    'a response with the status %d %s is thrown as a KubeApiError with that reason',
    async (code, reason, predicate) => {
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
    },
  );

  test("an error contains the text of a proxy's error page", async () => {
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

  test('a response with status 200 whose body is not JSON is reported as not coming from an API server', async () => {
    const server = await serve((_, response) => {
      response.end('<html>Please log in</html>');
    });
    await expect(clientOf(server).get(configMaps, { namespace: 'n', name: 'a' })).rejects.toMatchObject({
      name: 'KubeUnreachableError',
      code: 'protocol',
    });
  });

  test('each warning is passed to `onWarning` separately and unescaped', async () => {
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

  test('`raw` returns every response of the server, whatever its status', async () => {
    const server = await serve((_, response) => answerJson(response, 404, { no: 'such' }, { 'x-a': 'b' }));
    const answer = await clientOf(server).raw({ method: 'GET', path: '/version', query: { pretty: true } });
    expect(answer).toMatchObject({ status: 404, body: '{"no":"such"}', headers: { 'x-a': 'b' } });
    expect(server.requests[0]?.query.get('pretty')).toBe('true');
  });
});
