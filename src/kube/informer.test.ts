import { afterEach, describe, expect, test } from 'vitest';
import { createKubeClient } from './client.ts';
import { staticConnection } from './connection.ts';
import { createInformer, type Change, type Informer, type InformerOptions } from './informer.ts';
import { configMaps } from './resources.ts';
import {
  refuse,
  startCollectionServer,
  type CollectionServer,
  type Item,
  type Watcher,
} from './testing/collection-server.ts';
import { systemTimer, type SetTimer } from './timing.ts';
import type { Monotonic } from '../k8s/time.ts';

const closers: (() => Promise<unknown> | undefined)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Time runs a thousand times faster, so that backoffs and timeouts pass quickly. */
const fastTimer: SetTimer = (callback, delayMs) => systemTimer(callback, delayMs / 1000);
const fastNow = (): number => performance.now() * 1000;

async function serve(...names: string[]): Promise<CollectionServer> {
  const server = await startCollectionServer();
  closers.push(() => server.http.close());
  for (const name of names) server.put(name, '0');
  return server;
}

type Followed = {
  informer: Informer<Item>;
  changes: Change<Item>[];
  stop: () => Promise<void>;
  stopped: Promise<void>;
};

function follow(server: CollectionServer, options: Partial<InformerOptions<Item>> = {}): Followed {
  const client = createKubeClient(staticConnection({ server: server.http.url }), {
    qps: 10_000,
    burst: 10_000,
  });
  const informer = createInformer<Item>({
    client,
    resource: configMaps,
    now: fastNow as () => Monotonic,
    random: () => 0.5,
    setTimer: fastTimer,
    streamingList: false,
    limits: { idleMs: 10_000_000, streamingListIdleMs: 10_000_000 },
    ...options,
  });
  const changes: Change<Item>[] = [];
  informer.onChange((change) => changes.push(change));
  const controller = new AbortController();
  const stopped = informer.start(controller.signal);
  const stop = async (): Promise<void> => {
    controller.abort();
    await stopped;
    await client.close();
  };
  closers.push(stop);
  return { informer, changes, stop, stopped };
}

const valuesOf = ({ informer }: Followed): Record<string, string> =>
  Object.fromEntries(informer.store.list().map(({ metadata, data }) => [metadata.name, data.value]));

const agree = (followed: Followed, server: CollectionServer) =>
  expect.poll(() => valuesOf(followed), { interval: 2, timeout: 5000 }).toEqual(server.values());

const watching = (server: CollectionServer, watches = 1) =>
  expect.poll(() => server.openWatches(), { interval: 2, timeout: 5000 }).toBe(watches);

describe('without faults', () => {
  test('an informer lists in pages, watches from the resourceVersion of the list, and reports each change once', async () => {
    const server = await serve('a', 'b');
    const followed = follow(server);
    await followed.informer.synced;
    expect(followed.informer.hasSynced()).toBe(true);
    await watching(server);
    server.put('a', '1');
    server.put('c', '0');
    server.remove('b');
    await agree(followed, server);
    expect(
      followed.changes.map((change) => [change.key, change.old?.data.value, change.new?.data.value]),
    ).toEqual([
      ['default/a', undefined, '0'],
      ['default/b', undefined, '0'],
      ['default/a', '0', '1'],
      ['default/c', undefined, '0'],
      ['default/b', '0', undefined],
    ]);
    expect(server.lists()).toHaveLength(1);
    expect(server.lists()[0]?.query.get('limit')).toBe('500');
    expect(server.watches()[0]?.query.get('resourceVersion')).toBe('102');
    expect(server.watches()[0]?.query.get('allowWatchBookmarks')).toBe('true');
    expect(server.watches()[0]?.query.get('timeoutSeconds')).toBe('450');
  });

  test('an informer resumes from the last bookmark when the server ends the watch', async () => {
    const server = await serve('a');
    const followed = follow(server);
    await watching(server);
    server.put('b', '1');
    await agree(followed, server);
    // The server drops the resourceVersion of the last event, so the informer can resume only from the resourceVersion
    // of the bookmark.
    server.compact();
    server.bookmark();
    server.toWatches(({ response }) => response.end());
    await expect.poll(() => server.watches().length).toBe(2);
    expect(server.watches()[1]?.query.get('resourceVersion')).toBe(String(server.version()));
    expect(server.lists()).toHaveLength(1);
    server.put('c', '1');
    await agree(followed, server);
  });

  test('an informer gets its initial state from a watch if the server supports streaming lists', async () => {
    const server = await serve('a', 'b');
    server.setStreamingList(true);
    const followed = follow(server, { streamingList: true });
    await followed.informer.synced;
    server.put('a', '1');
    await agree(followed, server);
    expect(server.lists()).toHaveLength(0);
    expect(server.watches()).toHaveLength(1);
    expect(server.watches()[0]?.query.toString()).toContain(
      'sendInitialEvents=true&resourceVersionMatch=NotOlderThan',
    );
  });

  test('an informer requests a list if the server does not support streaming lists', async () => {
    const server = await serve('a', 'b');
    const followed = follow(server, { streamingList: true });
    await agree(followed, server);
    await watching(server);
    expect([server.lists().length, server.watches().length]).toEqual([1, 2]);
  });

  test('an informer requests a list if the server starts a streaming list and then sends nothing', async () => {
    const server = await serve('a', 'b');
    server.orderFaults('watch', (_, response) => {
      response.write(`{"type":"ADDED","object":{"metadata":{"name":"half","resourceVersion":"1"}}}\n`);
    });
    const followed = follow(server, { streamingList: true, limits: { streamingListIdleMs: 20_000 } });
    await agree(followed, server);
    expect(followed.changes.map(({ key }) => key)).toEqual(['default/a', 'default/b']);
  });
});

describe('when the server fails', () => {
  test.each([
    ['a reset connection', (_: unknown, socket: { resetAndDestroy(): void }) => socket.resetAndDestroy()],
    [
      'a reset in the middle of an event',
      (response: { write(text: string): void }, socket: { resetAndDestroy(): void }) => {
        response.write('{"type":"ADDED","object":{"meta');
        setImmediate(() => socket.resetAndDestroy());
      },
    ],
    [
      'an end in the middle of an event',
      (response: { end(text: string): void }) => response.end('{"type":"ADDED","object":{"meta'),
    ],
    ['an event that is not JSON', (response: { write(text: string): void }) => response.write('<html>\n')],
    [
      'an event of no known type',
      (response: { write(text: string): void }) => response.write('{"type":"X","object":{}}\n'),
    ],
    [
      'an error event',
      (response: { write(text: string): void }) =>
        response.write(
          '{"type":"ERROR","object":{"kind":"Status","code":500,"message":"etcdserver: no leader"}}\n',
        ),
    ],
  ])(
    'after %s during a watch, an informer resumes from the last resourceVersion, without a list',
    async (_, breakWatch) => {
      const server = await serve('a');
      const followed = follow(server);
      await watching(server);
      server.put('b', '1');
      await agree(followed, server);
      const before = server.version();
      server.toWatches(({ response, request }) => {
        breakWatch(response, request.socket);
      });
      await expect.poll(() => server.watches().length).toBe(2);
      expect(server.watches()[1]?.query.get('resourceVersion')).toBe(String(before));
      await watching(server);
      server.put('c', '1');
      server.remove('a');
      await agree(followed, server);
      expect(server.lists()).toHaveLength(1);
      expect(followed.informer.lastError()).toBeUndefined();
    },
  );

  test.each<[string, (watcher: Watcher) => unknown]>([
    ['answers 410', ({ request }) => request.socket.resetAndDestroy()],
    [
      'sends an event with 410',
      ({ response }) =>
        response.write(
          '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"old"}}\n',
        ),
    ],
  ])(
    'after a watch that %s, an informer lists again, and notices objects that were deleted and recreated in between',
    async (_, cut) => {
      const server = await serve('deleted', 'recreated', 'kept');
      const followed = follow(server);
      await watching(server);
      const silenced = server.silence();
      const kept = followed.informer.store.get('default/kept');
      server.remove('deleted');
      server.remove('recreated');
      server.put('recreated', '1');
      server.put('new', '1');
      server.compact();
      followed.changes.length = 0;
      for (const watcher of silenced) cut(watcher);
      await agree(followed, server);
      expect(server.lists()).toHaveLength(2);
      expect(
        followed.changes.map(({ key, old, new: next }) => [key, old?.metadata.uid, next?.metadata.uid]),
      ).toEqual([
        ['default/deleted', 'uid-1', undefined],
        ['default/new', undefined, 'uid-5'],
        ['default/recreated', 'uid-2', 'uid-4'],
      ]);
      expect(followed.informer.store.get('default/kept')).toBe(kept);
    },
  );

  test('an informer processes the events that precede an error in the same chunk, and ignores the events that follow the error', async () => {
    const server = await serve('a');
    const followed = follow(server);
    await watching(server);
    const event = (name: string, version: number): string =>
      `${JSON.stringify({ type: 'ADDED', object: { metadata: { name, namespace: 'default', uid: name, resourceVersion: String(version) }, data: { value: '' } } })}\n`;
    const gone = '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n';
    server.toWatches(({ response }) => response.write(event('before', 102) + gone + event('after', 103)));
    await expect.poll(() => server.lists().length).toBe(2);
    await agree(followed, server);
    expect(followed.changes.map(({ key, new: next }) => `${next ? 'put' : 'gone'} ${key}`)).toEqual([
      'put default/a',
      'put default/before',
      'gone default/before',
    ]);
  });

  test('a list is retried after every kind of failure until the list succeeds', async () => {
    const server = await serve('a', 'b');
    server.orderFaults(
      'list',
      refuse(500, 'InternalError'),
      refuse(403, 'Forbidden'),
      refuse(503, 'ServiceUnavailable'),
      (request) => {
        request.socket.resetAndDestroy();
      },
      (_, response) => {
        response.end('{"metadata":{"resourceVersion":"7"},"items":[{"meta');
      },
      (_, response) => {
        response.end('<html>');
      },
      refuse(401, 'Unauthorized'),
    );
    const errors: (string | undefined)[] = [];
    const followed = follow(server, {
      setTimer: (callback, delayMs) => {
        errors.push(followed.informer.lastError()?.message);
        return fastTimer(callback, delayMs);
      },
    });
    await agree(followed, server);
    expect(errors).toContain('403 Forbidden');
    await watching(server);
    expect(followed.informer.lastError()).toBeUndefined();
  });

  test('a kind that the server does not serve yet is requested often at first, and later with growing delays', async () => {
    const server = await serve('a');
    server.orderFaults('list', ...Array.from({ length: 45 }, () => refuse(404, 'NotFound')));
    const waits: number[] = [];
    const followed = follow(server, {
      limits: { idleMs: 10_000_000, streamingListIdleMs: 10_000_000 },
      setTimer: (callback, delayMs) => {
        if (delayMs < 1_000_000) waits.push(delayMs);
        return fastTimer(callback, delayMs);
      },
    });
    await agree(followed, server);
    expect(waits.slice(0, 40)).toEqual(Array.from({ length: 40 }, () => 187.5));
    expect(waits.slice(40)).toEqual([600, 1200, 2400, 4800, 9600]);
  });

  test('with `mayBeUnserved`, an informer has no objects while the server does not serve the kind, and watches the kind as soon as the server serves it', async () => {
    const server = await serve('a');
    server.orderFaults('list', ...Array.from({ length: 60 }, () => refuse(404, 'NotFound')));
    const followed = follow(server, { mayBeUnserved: true });
    await followed.informer.synced;
    expect(server.lists().length).toBeLessThan(60);
    expect(followed.informer.store.list()).toEqual([]);
    expect(followed.informer.lastError()).toBeUndefined();
    await agree(followed, server);
  });

  test('with `mayBeUnserved`, a refusal other than NotFound prevents `synced` from resolving', async () => {
    const server = await serve('a');
    server.orderFaults('list', ...Array.from({ length: 30 }, () => refuse(403, 'Forbidden')));
    const followed = follow(server, { mayBeUnserved: true });
    await expect.poll(() => followed.informer.lastError(), { interval: 2 }).toBeDefined();
    expect(followed.informer.hasSynced()).toBe(false);
    await agree(followed, server);
  });

  test('the backoff grows with each consecutive failure up to 30 s, and is reset by an event', async () => {
    const server = await serve('a');
    const waits: number[] = [];
    server.orderFaults('watch', ...Array.from({ length: 8 }, () => refuse(500, 'InternalError')));
    const followed = follow(server, {
      random: () => 1,
      setTimer: (callback, delayMs) => {
        if (delayMs < 1_000_000) waits.push(delayMs);
        return fastTimer(callback, delayMs);
      },
    });
    await watching(server);
    expect(waits).toEqual([800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
    server.put('b', '0');
    await agree(followed, server);
    server.toWatches(({ request }) => request.socket.resetAndDestroy());
    await expect.poll(() => waits.at(-1)).toBe(800);
    expect(server.lists()).toHaveLength(1);
  });

  test('lists are delayed if the resourceVersion of each list has expired when the watch starts', async () => {
    const server = await serve('a');
    server.orderFaults('watch', ...Array.from({ length: 5 }, () => refuse(410, 'Expired')));
    const waits: number[] = [];
    follow(server, {
      random: () => 1,
      setTimer: (callback, delayMs) => {
        if (delayMs < 1_000_000) waits.push(delayMs);
        return fastTimer(callback, delayMs);
      },
    });
    await watching(server);
    expect(waits).toEqual([800, 1600, 3200, 6400]);
  });

  test('a connection without data is abandoned, and the watch is resumed on another connection', async () => {
    const server = await serve('a');
    const followed = follow(server, { limits: { idleMs: 100_000 } });
    await watching(server);
    server.silence();
    server.put('b', '1');
    await agree(followed, server);
    expect(server.lists()).toHaveLength(1);
    await expect.poll(() => server.http.openConnections()).toBeLessThanOrEqual(2);
  });

  test('an informer recovers after the server was down for a while', async () => {
    const server = await serve('a');
    const followed = follow(server);
    await watching(server);
    await server.http.close();
    await expect.poll(() => followed.informer.lastError()?.message).toContain('ECONNREFUSED');
    server.put('b', '1');
    await server.http.reopen();
    await agree(followed, server);
    expect(followed.informer.lastError()).toBeUndefined();
    expect(server.lists()).toHaveLength(1);
  });
});

describe('under random faults', () => {
  test.each([1, 2, 3, 4, 5, 6])(
    'with seed %i, the store finally contains the same objects as the server',
    async (seed) => {
      let state = seed;
      const random = (): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32;
      };
      const server = await serve('n0', 'n1', 'n2');
      const followed = follow(server, { random, limits: { idleMs: 60_000 }, streamingList: seed % 2 === 0 });
      server.setStreamingList(seed % 4 === 0);
      const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
      for (let step = 0; step < 150; step += 1) {
        const name = `n${Math.floor(random() * 20)}`;
        if (random() < 0.3) server.remove(name);
        else server.put(name, String(step));
        if (random() < 0.15)
          pick([
            () => server.toWatches(({ request }) => request.socket.resetAndDestroy()),
            () => server.toWatches(({ response }) => response.end()),
            () => server.toWatches(({ response }) => response.end('{"type":"ADD')),
            () => server.toWatches(({ response }) => response.write('null\n')),
            () => server.silence(),
            () => server.compact(),
            () => server.bookmark(),
            () => server.orderFaults('watch', refuse(pick([410, 429, 500, 504, 403]), '')),
            () => server.orderFaults('list', refuse(pick([429, 500, 503, 404]), '')),
            () => server.orderFaults('list', (request) => void request.socket.resetAndDestroy()),
          ])();
        if (random() < 0.2) await new Promise((resolve) => setTimeout(resolve, random() * 5));
      }
      await agree(followed, server);
      const replayed = new Map<string, Item>();
      for (const { key, old, new: next } of followed.changes) {
        expect(replayed.get(key)).toBe(old);
        if (next) replayed.set(key, next);
        else replayed.delete(key);
      }
      expect([...replayed.values()].map(({ metadata }) => metadata.name).sort()).toEqual(server.names());
    },
  );
});

describe('the store', () => {
  test('finds objects by index, even if an indexer, `trim` or a listener throws for other objects', async () => {
    const server = await serve('a', 'b', 'bad');
    const followed = follow(server, {
      indexers: {
        first: ({ metadata }) => {
          if (metadata.name === 'bad') throw new Error('bad');
          return [metadata.name.charAt(0), 'all'];
        },
      },
      trim: (object) => {
        if (object.metadata.name === 'bad') throw new Error('bad');
        return { ...object, data: { value: `trimmed ${object.data.value}` } };
      },
    });
    followed.informer.onChange(() => {
      throw new Error('a bug');
    });
    await followed.informer.synced;
    await watching(server);
    const { store } = followed.informer;
    expect(store.byIndex('first', 'all').map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    expect(store.get('default/a')?.data.value).toBe('trimmed 0');
    server.put('a', '1');
    server.remove('b');
    await expect
      .poll(() => store.byIndex('first', 'all').map(({ data }) => data.value))
      .toEqual(['trimmed 1']);
    expect(store.byIndex('first', 'b')).toEqual([]);
    expect(() => store.byIndex('no-such', 'x')).toThrow(TypeError);
    expect(store.size).toBe(2);
  });

  test.each([true, false])(
    'contains trimmed objects, and each object is trimmed as it arrives, also in the initial list (streamed: %s)',
    async (streamingList) => {
      const server = await serve('a', 'b');
      server.setStreamingList(streamingList);
      const trimmedBefore: number[] = [];
      const followed: Followed = follow(server, {
        streamingList,
        trim: (object) => {
          trimmedBefore.push(followed.informer.store.size);
          return { ...object, data: { value: object.data.value.toUpperCase() } };
        },
      });
      await followed.informer.synced;
      server.put('a', 'changed');
      await expect.poll(() => valuesOf(followed)).toEqual({ a: 'CHANGED', b: '0' });
      // Size of the store at each call of `trim`: both listed objects were trimmed before either was stored.
      expect(trimmedBefore).toEqual([0, 0, 2]);
    },
  );

  test.each([true, false])(
    'contains objects without managed fields if `omitManagedFields` is set (streamed: %s)',
    async (streamingList) => {
      const server = await serve('a');
      server.setStreamingList(streamingList);
      const followed = follow(server, { streamingList, omitManagedFields: true });
      await followed.informer.synced;
      await watching(server);
      server.put('b', '0');
      await agree(followed, server);
      const reader = follow(server, { streamingList });
      await agree(reader, server);
      const named = (of: Followed): string[] =>
        of.informer.store
          .list()
          .flatMap(({ metadata }) => ('managedFields' in metadata ? metadata.name : []));
      expect(named(reader)).toEqual(['a', 'b']);
      expect(named(followed)).toEqual([]);
    },
  );

  test('finds an object by its current index values, and no longer by its previous index values', async () => {
    const server = await serve('a', 'b');
    const followed = follow(server, { indexers: { value: ({ data }) => data.value.split(' ') } });
    await followed.informer.synced;
    await watching(server);
    const names = (value: string): string[] =>
      followed.informer.store.byIndex('value', value).map(({ metadata }) => metadata.name);
    for (const [value, expected] of [
      ['0 1', { 0: ['b', 'a'], 1: ['a'], 2: [] }],
      ['1 0', { 0: ['b', 'a'], 1: ['a'], 2: [] }],
      ['1 2', { 0: ['b'], 1: ['a'], 2: ['a'] }],
      ['1', { 0: ['b'], 1: ['a'], 2: [] }],
    ] as const) {
      server.put('a', value);
      await agree(followed, server);
      expect({ 0: names('0'), 1: names('1'), 2: names('2') }).toEqual(expected);
    }
    server.remove('a');
    await agree(followed, server);
    expect([names('0'), names('1')]).toEqual([['b'], []]);
  });

  test('contains frozen objects', async () => {
    const server = await serve('a');
    const { informer } = follow(server);
    await informer.synced;
    expect(() => {
      const object = informer.store.get('default/a');
      if (object) object.data.value = 'mine';
    }).toThrow(TypeError);
  });
});

describe('stopping', () => {
  test('ends the watch, and the informer cannot be started again', async () => {
    const server = await serve('a');
    const followed = follow(server);
    await watching(server);
    await followed.stop();
    await expect.poll(() => server.http.openConnections()).toBe(0);
    await expect(followed.informer.start(new AbortController().signal)).rejects.toThrow(TypeError);
  });

  test('prevents further change reports, even for events that have already arrived', async () => {
    const server = await serve();
    const followed = follow(server);
    await watching(server);
    const stop = followed.informer.onChange(() => void followed.stop());
    const event = (name: string): string =>
      `${JSON.stringify({ type: 'ADDED', object: { metadata: { name, namespace: 'default', uid: name, resourceVersion: '102' }, data: { value: '' } } })}\n`;
    server.toWatches(({ response }) => response.write(event('first') + event('second')));
    await followed.stopped;
    stop();
    expect(followed.changes.map(({ key }) => key)).toEqual(['default/first']);
  });

  test('before the informer has synced makes `synced` reject', async () => {
    const server = await serve('a');
    server.orderFaults('list', () => {});
    const followed = follow(server);
    await expect.poll(() => server.lists().length).toBe(1);
    await followed.stop();
    await expect(followed.informer.synced).rejects.toThrow('was stopped before it had synced');
  });
});
