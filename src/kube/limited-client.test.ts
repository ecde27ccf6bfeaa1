import { afterEach, expect, test } from 'vitest';
import { createKubeClient } from './client.ts';
import { staticConnection } from './connection.ts';
import { limitInFlight } from './limited-client.ts';
import { configMaps } from './resources.ts';
import { answerJson, startLoopbackServer } from './testing/loopback-server.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

test('a limited client limits its requests in flight, and never sends a request that was aborted while it waited', async () => {
  const answers: (() => void)[] = [];
  const server = await startLoopbackServer((_request, response) => {
    answers.push(() => answerJson(response, 200, { metadata: { name: 'a' }, items: [] }));
  });
  closers.push(() => server.close());
  const direct = createKubeClient(staticConnection({ server: server.url }));
  closers.push(() => direct.close());
  const client = limitInFlight(direct, 2);
  const ref = { namespace: 'default', name: 'a' };
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: ref };
  const abort = new AbortController();
  const requests = [
    client.get(configMaps, ref),
    client.create(configMaps, object),
    client.delete(configMaps, ref, { signal: abort.signal }),
    client.patch(configMaps, ref, {}, { type: 'merge' }),
    client.apply(configMaps, object, { fieldManager: 'test' }),
  ];
  const settled = Promise.allSettled(requests);
  const seen = (): readonly string[] => server.requests.map(({ method }) => method);
  await expect.poll(seen).toEqual(['GET', 'POST']);
  // Requests that bypass the limited client are not limited.
  const another = direct.list(configMaps);
  await expect.poll(seen).toEqual(['GET', 'POST', 'GET']);
  abort.abort(new Error('enough'));
  answers[0]?.();
  await expect.poll(seen).toEqual(['GET', 'POST', 'GET', 'PATCH']);
  answers[1]?.();
  await expect.poll(seen).toEqual(['GET', 'POST', 'GET', 'PATCH', 'PATCH']);
  for (const answer of answers.slice(2)) answer();
  await another;
  expect((await settled).map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
  ]);
});
