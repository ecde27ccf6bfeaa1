import { expect, test } from 'vitest';
import {
  type Change,
  type Informer,
  type KubeClient,
  type KubeObject,
  resources,
} from '../../../src/kube/index.ts';
import { lookupThroughCache, type ServiceAccountLookup } from './service-accounts.ts';

const ref = { namespace: 'production', name: 'myaccount' };
const key = 'production/myaccount';
const account = (role?: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: {
    ...ref,
    ...(role === undefined ? {} : { annotations: { 'eks.amazonaws.com/role-arn': role } }),
  },
});

/** Creates a cache with a server and a clock that the test controls. */
function setUp(): {
  lookup: ServiceAccountLookup;
  cached: Map<string, KubeObject>;
  arrive(object: KubeObject): void;
  answer: PromiseWithResolvers<KubeObject>;
  timeIsUp(): void;
  readonly asked: number;
  readonly listeners: number;
  readonly aborted: boolean;
} {
  const cached = new Map<string, KubeObject>();
  const listeners = new Set<(change: Change<KubeObject>) => void>();
  const answer = Promise.withResolvers<KubeObject>();
  const state = { asked: 0, aborted: false };
  let fire = (): void => undefined;
  const store = {
    get: (name: string) => cached.get(name),
    list: () => [...cached.values()],
    keys: () => [...cached.keys()],
    byIndex: () => [],
    size: 0,
  };
  const informer: Informer<KubeObject> = {
    resource: resources.serviceAccounts,
    store,
    start: () => Promise.resolve(),
    synced: Promise.resolve(),
    hasSynced: () => true,
    lastContact: () => undefined,
    lastError: () => undefined,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const get = <T extends KubeObject>(...[, , options]: Parameters<KubeClient['get']>): Promise<T> => {
    state.asked += 1;
    options?.signal?.addEventListener('abort', () => {
      state.aborted = true;
    });
    return answer.promise as Promise<T>;
  };
  return {
    lookup: lookupThroughCache({
      informer,
      client: { get },
      setTimer: (callback, delayMs) => {
        expect(delayMs).toBe(100);
        fire = callback;
        return () => undefined;
      },
    }),
    cached,
    arrive: (object) => {
      cached.set(key, object);
      for (const listener of listeners) listener({ key, new: object });
    },
    answer,
    timeIsUp: () => fire(),
    get asked() {
      return state.asked;
    },
    get listeners() {
      return listeners.size;
    },
    get aborted() {
      return state.aborted;
    },
  };
}

test('a cached ServiceAccount is returned, even without a role', async () => {
  const world = setUp();
  world.cached.set(key, account());
  expect(await world.lookup(ref)).toEqual(account());
  expect(world.asked).toBe(0);
});

test('a ServiceAccount that the watch delivers in time is returned', async () => {
  const world = setUp();
  const found = world.lookup(ref);
  world.arrive(account('arn:r'));
  expect(await found).toEqual(account('arn:r'));
  expect(world.aborted).toBe(true);
});

test('a ServiceAccount that exists in the API server but not in the cache is returned', async () => {
  const world = setUp();
  const found = world.lookup(ref);
  world.answer.resolve(account('arn:r'));
  expect(await found).toEqual(account('arn:r'));
});

test('the lookup of a ServiceAccount ends without a result after 100 ms, and its request to the API server is aborted', async () => {
  const world = setUp();
  const found = world.lookup(ref);
  world.timeIsUp();
  expect(await found).toBeUndefined();
  expect(world.listeners).toBe(0);
  expect(world.aborted).toBe(true);
});

test('a failing API server does not end the wait for a ServiceAccount', async () => {
  const world = setUp();
  const found = world.lookup(ref);
  world.answer.reject(new Error('the server is tired'));
  await Promise.resolve();
  world.arrive(account('arn:r'));
  expect(await found).toEqual(account('arn:r'));
});

test('a lookup waits for an unknown ServiceAccount only if the caller requests it', async () => {
  const world = setUp();
  expect(await world.lookup(ref, { wait: false })).toBeUndefined();
  expect(world.asked).toBe(0);
});
