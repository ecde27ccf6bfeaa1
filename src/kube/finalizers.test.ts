import { afterEach, expect, test } from 'vitest';
import { createKubeClient } from './client.ts';
import { staticConnection } from './connection.ts';
import { isForbidden } from './errors.ts';
import { addFinalizer, removeFinalizer } from './finalizers.ts';
import type { KubeObject } from './object.ts';
import type { ObjectMeta } from '../k8s/metadata.ts';
import { configMaps } from './resources.ts';
import { refuse } from './testing/collection-server.ts';
import { answerJson, startLoopbackServer, type Handler } from './testing/loopback-server.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const object = (metadata: Partial<ObjectMeta> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'n', uid: 'u1', resourceVersion: '1', ...metadata },
});

async function setUp(...answers: Handler[]) {
  const server = await startLoopbackServer(async (request, response) => {
    const next = answers.shift();
    if (!next) throw new Error(`one request too many: ${request.method} ${request.path}`);
    await next(request, response);
  });
  closers.push(() => server.close());
  const client = createKubeClient(staticConnection({ server: server.url }));
  closers.push(() => client.close());
  return { client, server };
}

const answer =
  (metadata: Partial<ObjectMeta>): Handler =>
  (_, response) =>
    answerJson(response, 200, object(metadata));

test('a finalizer is added to the existing ones, with resourceVersion and uid as preconditions', async () => {
  const { client, server } = await setUp(answer({ finalizers: ['x', 'ours'] }));
  const changed = await addFinalizer(client, configMaps, object({ finalizers: ['x'] }), 'ours');
  expect(changed?.metadata.finalizers).toEqual(['x', 'ours']);
  expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
    metadata: { uid: 'u1', resourceVersion: '1', finalizers: ['x', 'ours'] },
  });
});

test('no request is sent to add an existing finalizer, to add a finalizer to a terminating object, or to remove a missing finalizer', async () => {
  const { client, server } = await setUp();
  const present = object({ finalizers: ['ours'] });
  expect(await addFinalizer(client, configMaps, present, 'ours')).toBe(present);
  const absent = object({ finalizers: ['x'] });
  expect(await removeFinalizer(client, configMaps, absent, 'ours')).toBe(absent);
  const dying = object({ deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x'] });
  expect(await addFinalizer(client, configMaps, dying, 'ours')).toBeUndefined();
  expect(server.requests).toHaveLength(0);
});

test('after a conflict, the change of finalizers is computed again from the current object', async () => {
  const { client, server } = await setUp(
    refuse(409, 'Conflict'),
    answer({ resourceVersion: '2', finalizers: ['ours', 'y'] }),
    answer({ resourceVersion: '3', finalizers: ['y'] }),
  );
  const changed = await removeFinalizer(client, configMaps, object({ finalizers: ['x', 'ours'] }), 'ours');
  expect(changed?.metadata.finalizers).toEqual(['y']);
  expect(JSON.parse(server.requests[2]?.body ?? '')).toEqual({
    metadata: { uid: 'u1', resourceVersion: '2', finalizers: ['y'] },
  });
});

test('adding a finalizer to an outdated copy returns the current object if the current object is terminating and has the finalizer', async () => {
  const deletionTimestamp = '2026-01-01T00:00:00Z';
  const { client } = await setUp(
    refuse(409, 'Conflict'),
    answer({ resourceVersion: '2', deletionTimestamp, finalizers: ['ours'] }),
  );
  const present = await addFinalizer(client, configMaps, object(), 'ours');
  expect(present?.metadata).toMatchObject({ deletionTimestamp, finalizers: ['ours'] });
});

test('a finalizer is not removed from a new object of the same name', async () => {
  const { client, server } = await setUp(
    refuse(409, 'Conflict'),
    answer({ uid: 'u2', finalizers: ['ours'] }),
  );
  expect(await removeFinalizer(client, configMaps, object({ finalizers: ['ours'] }), 'ours')).toBeUndefined();
  expect(server.requests.map(({ method }) => method)).toEqual(['PATCH', 'GET']);
});

test('removing a finalizer from a deleted object causes no error, but a refused request causes an error', async () => {
  const gone = await setUp(refuse(404, 'NotFound'));
  expect(
    await removeFinalizer(gone.client, configMaps, object({ finalizers: ['ours'] }), 'ours'),
  ).toBeUndefined();
  const refused = await setUp(refuse(403, 'Forbidden'));
  await expect(addFinalizer(refused.client, configMaps, object(), 'ours')).rejects.toSatisfy(isForbidden);
});

test('addFinalizer fails with a TypeError for an object that was not read from the server', async () => {
  const { client } = await setUp();
  const made: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'n' } };
  await expect(addFinalizer(client, configMaps, made, 'ours')).rejects.toThrow(TypeError);
});
