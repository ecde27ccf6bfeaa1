import { afterEach, expect, it } from 'vitest';
import { KubeApiError } from '../../kube/errors.ts';
import { systemTimer, type KubeClient, type KubeObject } from '../../kube/index.ts';
import type { Monotonic } from '../../k8s/time.ts';
import { createFeed, type Feed } from './feed.ts';
import type { FeedMessage } from './wire.ts';

const open: AbortController[] = [];
afterEach(() => {
  for (const session of open.splice(0)) session.abort();
});

const account: KubeObject = {
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'LinkedServiceAccount',
  metadata: { name: 'pay', uid: 'u', resourceVersion: '1' },
  spec: { aws: {}, deletionPolicy: 'Delete' },
} as KubeObject;
const pod: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'pay-0', namespace: 'staging', uid: 'p', resourceVersion: '1' },
  spec: { serviceAccountName: 'pay', containers: [] },
} as KubeObject;
const config: KubeObject = {
  apiVersion: 'k11n.dev/v1alpha1',
  kind: 'ClusterConfig',
  metadata: { name: 'main', uid: 'c', resourceVersion: '1' },
  spec: { targets: ['staging'] },
} as KubeObject;

type Cluster = {
  readonly feed: Feed;
  readonly session: AbortController;
  /** Lets the pending list of a kind succeed. */
  readonly release: (plural: string) => void;
  /** Ends the watches of a kind, and denies its lists and watches from now on. */
  readonly deny: (plural: string) => void;
  /** Permits the lists and watches of a kind again. */
  readonly permit: (plural: string) => void;
  /** Sends a changed object to the watch of its kind. */
  readonly change: (plural: string, object: KubeObject) => void;
};

/** Starts a feed on a cluster with one account, one pod and one ClusterConfig. */
function startFeed(
  options: {
    readonly held?: string;
    readonly denied?: readonly string[];
    /** Whether only the pods of single namespaces may be listed. */
    readonly isPodsByNamespace?: boolean;
  } = {},
): Cluster {
  const objects: Readonly<Record<string, readonly KubeObject[]>> = {
    linkedserviceaccounts: [account],
    pods: [pod, { ...pod, metadata: { ...pod.metadata, namespace: 'production', uid: 'q' } }],
    clusterconfigs: [config],
  };
  const denied = new Set(options.denied);
  const held = Promise.withResolvers<void>();
  const watches = new Map<string, (error: Error) => void>();
  const changes = new Map<string, (object: KubeObject) => void>();
  const forbidden = (plural: string): KubeApiError =>
    new KubeApiError({ code: 403, reason: 'Forbidden', message: `${plural} is forbidden` });
  const client = {
    async *watch(
      { plural }: { readonly plural: string },
      { signal, namespace }: { readonly signal?: AbortSignal; readonly namespace?: string },
    ) {
      if (denied.has(plural)) throw forbidden(plural);
      if (options.isPodsByNamespace && plural === 'pods' && namespace === undefined) throw forbidden(plural);
      const ended = Promise.withResolvers<never>();
      watches.set(plural, ended.reject);
      signal?.addEventListener('abort', () => ended.reject(signal.reason));
      ended.promise.catch(() => undefined);
      if (options.held === plural) await Promise.race([held.promise, ended.promise]);
      for (const object of objects[plural] ?? [])
        if (namespace === undefined || object.metadata.namespace === namespace)
          yield { type: 'ADDED', object };
      yield { type: 'BOOKMARK', resourceVersion: '1', initialEventsEnd: true };
      for (;;) {
        const changed = Promise.withResolvers<KubeObject>();
        changes.set(plural, changed.resolve);
        yield { type: 'MODIFIED', object: await Promise.race([changed.promise, ended.promise]) };
      }
    },
    list: ({ plural }: { readonly plural: string }) => Promise.reject(forbidden(plural)),
  };
  const session = new AbortController();
  open.push(session);
  const feed = createFeed({
    client: client as unknown as KubeClient,
    clock: { monotonic: () => performance.now() as Monotonic, random: () => 0.5 },
    setTimer: systemTimer,
    signal: session.signal,
  });
  return {
    feed,
    session,
    release: () => held.resolve(),
    deny: (plural) => {
      denied.add(plural);
      watches.get(plural)?.(forbidden(plural));
    },
    permit: (plural) => void denied.delete(plural),
    change: (plural, object) => changes.get(plural)?.(object),
  };
}

/** Applies the messages of a feed as the page does, and returns a function that returns the current rows and states. */
function follow(feed: Feed): () => {
  readonly accounts: readonly string[];
  readonly pods: readonly string[];
  readonly status: FeedMessage['status'];
} {
  const accounts = new Set<string>();
  const pods = new Map<string, string>();
  let status: FeedMessage['status'];
  feed.subscribe((message) => {
    if (message.reset) {
      accounts.clear();
      pods.clear();
      status = undefined;
    }
    for (const { name } of message.accounts ?? []) accounts.add(name);
    for (const name of message.removed?.accounts ?? []) accounts.delete(name);
    for (const { namespace, name, identity } of message.pods ?? [])
      pods.set(`${namespace}/${name}`, identity);
    for (const key of message.removed?.pods ?? []) pods.delete(key);
    status = message.status ?? status;
  });
  return () => ({
    accounts: [...accounts],
    pods: [...pods].map(([key, identity]) => `${key} ${identity}`),
    status,
  });
}

it('the console shows the identity of each pod as unknown until the accounts are listed', async () => {
  const { feed, release } = startFeed({ held: 'linkedserviceaccounts' });
  const shown = follow(feed);
  await expect
    .poll(shown)
    .toMatchObject({ pods: ['staging/pay-0 unknown'], status: { pods: { state: 'live' } } });
  release('linkedserviceaccounts');
  await expect.poll(shown).toMatchObject({ accounts: ['pay'], pods: ['staging/pay-0 none wanted'] });
});

it('the console hides accounts while the user is not permitted to read accounts, and shows them again after the user gets the permission', async () => {
  const { feed, deny, permit } = startFeed();
  const shown = follow(feed);
  await expect.poll(shown).toMatchObject({ accounts: ['pay'], status: { accounts: { state: 'live' } } });
  await feed.listed('targets');
  deny('linkedserviceaccounts');
  const hidden = {
    accounts: [],
    pods: ['staging/pay-0 unknown'],
    status: { accounts: { state: 'failed', code: 'FORBIDDEN' } },
  };
  await expect.poll(shown).toMatchObject(hidden);
  await expect.poll(follow(feed)).toMatchObject(hidden);
  await expect(feed.listed()).rejects.toThrow('is forbidden');
  expect(feed.accounts()).toEqual([]);
  permit('linkedserviceaccounts');
  await expect.poll(shown).toMatchObject({
    accounts: ['pay'],
    pods: ['staging/pay-0 none wanted'],
    status: { accounts: { state: 'live' } },
  });
});

it('the console shows the pods of a target that is added later, even if the console lists the pods target by target', async () => {
  const { feed, change } = startFeed({ isPodsByNamespace: true });
  const shown = follow(feed);
  await expect
    .poll(shown)
    .toMatchObject({ pods: ['staging/pay-0 none wanted'], status: { pods: { state: 'live' } } });
  change('clusterconfigs', {
    ...config,
    metadata: { ...config.metadata, resourceVersion: '2' },
    spec: { targets: ['staging', 'production'] },
  } as KubeObject);
  await expect
    .poll(shown)
    .toMatchObject({ pods: ['staging/pay-0 none wanted', 'production/pay-0 none wanted'] });
});

it("the effect of an account's deletion on pods is unknown if the pods cannot be read", async () => {
  const { feed } = startFeed({ denied: ['pods'] });
  await feed.listed('apps', 'pods');
  expect(feed.impact('pay')).not.toHaveProperty('targets');
  const readable = startFeed();
  await readable.feed.listed('apps', 'pods');
  expect(readable.feed.impact('pay')).toMatchObject({ targets: [] });
});

it('a request that waits for a listing of accounts fails when the session ends', async () => {
  const { feed, session } = startFeed({ held: 'linkedserviceaccounts' });
  const waiting = expect(feed.listed()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  session.abort();
  await waiting;
});
