import { afterEach, expect, it } from 'vitest';
import { createInformer, createKubeClient, resources } from '../../kube/index.ts';
import { staticConnection } from '../../kube/connection.ts';
import { startCollectionServer, type Item } from '../../kube/testing/collection-server.ts';
import { createWriteThroughCache } from './write-through-cache.ts';
import { monotonicClock } from '../../k8s/testing/clocks.ts';
import type { Monotonic } from '../../k8s/time.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function setUp() {
  const server = await startCollectionServer();
  closers.push(() => server.http.close());
  server.put('a', '0');
  const client = createKubeClient(staticConnection({ server: server.http.url }));
  closers.push(() => client.close());
  const informer = createInformer<Item>({
    client,
    resource: resources.configMaps,
    now: monotonicClock,
    random: () => 0.5,
    streamingList: false,
  });
  let now = 0;
  const writes = createWriteThroughCache(informer, () => now as Monotonic);
  const seen: [string, boolean][] = [];
  informer.onChange((change) => {
    seen.push([change.new?.data.value ?? 'gone', writes.isOwn(change)]);
  });
  const abort = new AbortController();
  const running = informer.start(abort.signal);
  closers.push(async () => {
    abort.abort();
    await running;
  });
  await informer.synced;
  await expect.poll(() => server.openWatches()).toBe(1);
  /** Returns the object that the API server returns for the next write. */
  const written = (value: string): Item => {
    const stored = informer.store.get('default/a');
    if (!stored) throw new Error('it is not there');
    return {
      ...stored,
      metadata: { ...stored.metadata, resourceVersion: String(server.version() + 1) },
      data: { value },
    };
  };
  return {
    server,
    informer,
    writes,
    seen,
    written,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

it('the cache returns our write before the informer reports it, and recognizes the reported write as our own', async () => {
  const { server, writes, seen, written } = await setUp();
  expect(seen).toEqual([['0', false]]);
  writes.wrote('default/a', written('ours'));
  expect(writes.get('default/a')?.data.value).toBe('ours');
  server.put('a', 'ours');
  await expect.poll(() => seen.length).toBe(2);
  expect(seen[1]).toEqual(['ours', true]);
});

it('the cache recognizes a write by another client as foreign, whether it precedes or follows our write', async () => {
  const { server, writes, seen, written } = await setUp();
  server.put('a', 'theirs');
  await expect.poll(() => seen.length).toBe(2);
  writes.wrote('default/a', written('ours'));
  server.put('a', 'ours');
  server.put('a', 'theirs again');
  server.remove('a');
  await expect.poll(() => seen.length).toBe(5);
  expect(seen.slice(1)).toEqual([
    ['theirs', false],
    ['ours', true],
    ['theirs again', false],
    ['gone', false],
  ]);
  expect(writes.get('default/a')).toBeUndefined();
});

it('the cache drops a write that the informer has not reported within a minute', async () => {
  const { writes, written, pass } = await setUp();
  writes.wrote('default/a', written('ours'));
  pass(60_000);
  expect(writes.get('default/a')?.data.value).toBe('ours');
  pass(1);
  expect(writes.get('default/a')?.data.value).toBe('0');
});

it('the cache returns no object that we deleted, but returns a new object of the same name', async () => {
  const { server, writes, informer } = await setUp();
  const stored = informer.store.get('default/a');
  if (!stored) throw new Error('it is not there');
  writes.deleted('default/a', stored);
  expect(writes.get('default/a')).toBeUndefined();
  server.remove('a');
  server.put('a', 'made again');
  await expect.poll(() => writes.get('default/a')?.data.value).toBe('made again');
});

it('the cache finds writes that the informer has not reported yet, by name and in every namespace, until the informer reports the writes or they are too old', async () => {
  const { server, writes, written, pass } = await setUp();
  expect(writes.recentOf('a')).toEqual([]);
  writes.wrote('other/a', written('ours'));
  writes.wrote('default/a', written('ours'));
  writes.wrote('default/a', written('ours again'));
  writes.wrote('default/ba', written('of another name'));
  expect(writes.recentOf('a')).toEqual(['other/a', 'default/a']);
  server.put('a', 'ours again');
  await expect.poll(() => writes.recentOf('a')).toEqual(['other/a']);
  pass(60_001);
  writes.get('other/a');
  expect(writes.recentOf('a')).toEqual([]);
  expect(writes.recent()).toEqual(['default/ba']);
});

it('the response to our write does not restore an object whose later deletion the informer has already reported', async () => {
  const { server, informer, writes, seen, written } = await setUp();
  const answer = written('ours');
  server.put('a', 'ours');
  server.remove('a');
  await expect.poll(() => seen.length).toBe(3);
  writes.wrote('default/a', answer);
  expect(writes.get('default/a')).toBeUndefined();
  expect(writes.recent()).toEqual([]);
  // The watch reports a new object of the same name.
  server.put('a', 'made again');
  await expect.poll(() => informer.store.get('default/a')?.data.value).toBe('made again');
  writes.wrote('default/a', written('ours again'));
  expect(writes.get('default/a')?.data.value).toBe('ours again');
});

it('a deletion that the watch reports before the response to the delete request arrives leaves no entry in the cache', async () => {
  const { server, informer, writes } = await setUp();
  const stored = informer.store.get('default/a');
  if (!stored) throw new Error('it is not there');
  server.remove('a');
  await expect.poll(() => informer.store.get('default/a')).toBeUndefined();
  writes.deleted('default/a', stored);
  expect(writes.recent()).toEqual([]);
});

it('a later write makes the cache drop an older write that the informer did not report within a minute', async () => {
  const { writes, written, pass } = await setUp();
  writes.wrote('other/a', written('ours'));
  pass(60_001);
  writes.wrote('default/b', written('ours'));
  expect([writes.recent(), writes.recentOf('a')]).toEqual([['default/b'], []]);
});

it('the cache returns the remaining time for which it serves a written object that the informer has not reported', async () => {
  const { server, informer, writes, written, pass } = await setUp();
  const keys = ['default/a', 'default/b'];
  expect(writes.unseenForMs(keys)).toBeUndefined();
  pass(5);
  writes.wrote('default/b', written('ours'));
  pass(5);
  writes.wrote('default/a', written('ours'));
  expect(writes.unseenForMs(keys)).toBe(59_996);
  expect(writes.unseenForMs(['default/a'])).toBe(60_001);
  server.put('a', 'ours');
  await expect.poll(() => writes.unseenForMs(['default/a'])).toBeUndefined();
  // No watch reports a write that changes nothing, so the cache must not wait for a report.
  const stored = informer.store.get('default/a');
  if (!stored) throw new Error('it is not there');
  writes.wrote('default/a', stored);
  expect(writes.unseenForMs(['default/a'])).toBeUndefined();
});

it('an object counts as seen after the API server has returned the object, until the object is deleted', async () => {
  const { writes, informer, written, server } = await setUp();
  const stored = informer.store.get('default/a');
  if (!stored) throw new Error('it is not there');
  // The store of a process that has just started may hold an object that was deleted meanwhile.
  expect(writes.hasSeen('default/a', stored)).toBe(false);
  writes.saw('default/a', stored);
  expect(writes.hasSeen('default/a', stored)).toBe(true);
  const namesake = { ...stored, metadata: { ...stored.metadata, uid: 'another' } };
  expect(writes.hasSeen('default/a', namesake)).toBe(false);
  writes.deleted('default/a', stored);
  expect(writes.hasSeen('default/a', stored)).toBe(false);
  writes.wrote('default/a', written('ours'));
  expect(writes.hasSeen('default/a', stored)).toBe(true);
  server.remove('a');
  await expect.poll(() => informer.store.get('default/a')).toBeUndefined();
  expect(writes.hasSeen('default/a', stored)).toBe(false);
});

it('the response to our write counts as a read of the object for a few seconds, and only for the written version', async () => {
  const { writes, informer, written, pass } = await setUp();
  const stored = informer.store.get('default/a');
  if (!stored) throw new Error('it is not there');
  expect(writes.isFresh('default/a', stored)).toBe(false);
  const ours = written('ours');
  writes.wrote('default/a', ours);
  expect(writes.isFresh('default/a', ours)).toBe(true);
  expect(writes.isFresh('default/a', stored)).toBe(false);
  pass(5_000);
  expect(writes.isFresh('default/a', ours)).toBe(true);
  pass(1);
  expect(writes.isFresh('default/a', ours)).toBe(false);
  // The clock was set back, so the age of the response is unknown.
  pass(-6_000);
  expect(writes.isFresh('default/a', ours)).toBe(false);
});
