/** Guarantees of the Kubernetes client, tested on a real API server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addFinalizer,
  createEventRecorder,
  createInformer,
  createKubeClient,
  isAlreadyExists,
  isConflict,
  isForbidden,
  isInvalid,
  isNotFound,
  type KubeApiError,
  loadConnection,
  removeFinalizer,
  resources,
  type KubeClient,
  type KubeObject,
  type Resource,
} from '../../../src/kube/index.ts';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { isOldestKubernetes } from '../../support/kubernetes-version.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { clientCertificateOf } from './kubeconfig-tls.ts';
import { monotonicClock, wallClock } from '../../../src/k8s/testing/clocks.ts';

type ConfigMap = KubeObject & { data?: Record<string, string> };

let cluster: TestControlPlane;
let client: KubeClient;
const warnings: string[] = [];

beforeAll(async () => {
  cluster = await startControlPlane();
  const connection = await loadConnection({ kubeconfig: cluster.kubeconfig, env: {} });
  client = createKubeClient(connection, {
    qps: 1000,
    burst: 1000,
    onWarning: ({ text }) => warnings.push(text),
  });
});

afterAll(async () => {
  await client?.close();
  await cluster?.stop();
});

const namespace = 'default';
const configMap = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
});
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('objects', () => {
  test('are created and read, are updated only with the current version, and are deleted only with the current uid and version', async () => {
    const made = await client.create(resources.configMaps, configMap('life', { a: '1' }));
    expect(made.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(isAlreadyExists(await failure(client.create(resources.configMaps, configMap('life'))))).toBe(true);
    const changed = await client.update<ConfigMap>(resources.configMaps, { ...made, data: { a: '2' } });
    expect(isConflict(await failure(client.update(resources.configMaps, { ...made, data: {} })))).toBe(true);
    const ref = { namespace, name: 'life' };
    expect((await client.get<ConfigMap>(resources.configMaps, ref)).data).toEqual({ a: '2' });
    expect(isConflict(await failure(client.delete(resources.configMaps, ref, { uid: 'another' })))).toBe(
      true,
    );
    const old = { resourceVersion: made.metadata.resourceVersion ?? '' };
    expect(isConflict(await failure(client.delete(resources.configMaps, ref, old)))).toBe(true);
    await client.delete(resources.configMaps, ref, { uid: changed.metadata.uid });
    expect(isNotFound(await failure(client.get(resources.configMaps, ref)))).toBe(true);
    expect(isNotFound(await failure(client.delete(resources.configMaps, ref)))).toBe(true);
  });

  test('are changed by merge patches and by JSON patches', async () => {
    await client.create(resources.configMaps, configMap('patched', { a: '1', b: '2' }));
    const ref = { namespace, name: 'patched' };
    const merged = await client.patch<ConfigMap>(
      resources.configMaps,
      ref,
      { data: { a: null, c: '3' } },
      { type: 'merge' },
    );
    expect(merged.data).toEqual({ b: '2', c: '3' });
    const operations = [
      { op: 'test', path: '/data/b', value: '2' },
      { op: 'remove', path: '/data/b' },
    ];
    const patched = await client.patch<ConfigMap>(resources.configMaps, ref, operations, { type: 'json' });
    expect(patched.data).toEqual({ c: '3' });
    expect(
      isInvalid(await failure(client.patch(resources.configMaps, ref, operations, { type: 'json' }))),
    ).toBe(true);
  });

  test('are applied by field managers, which conflict over a field until one manager forces its apply', async () => {
    await client.apply(resources.configMaps, configMap('applied', { a: '1' }), { fieldManager: 'one' });
    const other = configMap('applied', { a: '2' });
    const error = await failure(client.apply(resources.configMaps, other, { fieldManager: 'two' }));
    expect(isConflict(error)).toBe(true);
    expect((error as KubeApiError).causes).toMatchObject([
      { reason: 'FieldManagerConflict', field: '.data.a' },
    ]);
    const forced = await client.apply(resources.configMaps, other, { fieldManager: 'two', force: true });
    expect(forced.data).toEqual({ a: '2' });
    expect(
      forced.metadata.managedFields?.map(({ manager, operation }) => `${manager} ${operation}`),
    ).toContain('two Apply');
  });

  test('are not changed by a dry run', async () => {
    const made = await client.create(resources.configMaps, configMap('dry'), { dryRun: true });
    expect(made.metadata.uid).toBeDefined();
    expect(isNotFound(await failure(client.get(resources.configMaps, { namespace, name: 'dry' })))).toBe(
      true,
    );
  });

  test('with unknown fields are refused if the client requests strict validation, and otherwise cause a warning', async () => {
    const object = { ...configMap('strict'), surplus: true };
    const error = await failure(client.create(resources.configMaps, object, { fieldValidation: 'Strict' }));
    expect((error as KubeApiError).message).toContain('unknown field "surplus"');
    await client.create(resources.configMaps, object, { fieldValidation: 'Warn' });
    expect(warnings).toContain('unknown field "surplus"');
  });

  test('are listed in pages, with their kind, and by selectors', async () => {
    await client.create(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'pages' },
    });
    for (let index = 0; index < 7; index += 1) {
      const object = configMap(`c${index}`);
      await client.create(resources.configMaps, {
        ...object,
        metadata: { ...object.metadata, namespace: 'pages', labels: { odd: String(index % 2) } },
      });
    }
    const all = await client.list<ConfigMap>(resources.configMaps, { namespace: 'pages', pageSize: 3 });
    expect(all.items.map(({ metadata }) => metadata.name)).toEqual([
      'c0',
      'c1',
      'c2',
      'c3',
      'c4',
      'c5',
      'c6',
    ]);
    expect(all.items[6]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    expect(Number(all.resourceVersion)).toBeGreaterThan(0);
    const odd = await client.list(resources.configMaps, { namespace: 'pages', labelSelector: 'odd=1' });
    expect(odd.items).toHaveLength(3);
    const one = await client.list(resources.configMaps, {
      namespace: 'pages',
      fieldSelector: 'metadata.name=c3',
    });
    expect(one.items).toHaveLength(1);
  });
});

describe('status', () => {
  test('is written separately from the rest of the object', async () => {
    type Deployment = KubeObject & {
      spec: { replicas: number; selector: object; template: object };
      status?: { replicas: number };
    };
    const object: Deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'status', namespace },
      spec: {
        replicas: 1,
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    };
    const made = await client.create(resources.deployments, object);
    const written = await client.updateStatus(resources.deployments, {
      ...made,
      spec: { ...made.spec, replicas: 5 },
      status: { replicas: 3 },
    });
    expect([written.spec.replicas, written.status?.replicas]).toEqual([1, 3]);
  });
});

describe('tokens', () => {
  test('are issued for the requested ServiceAccount and audience', async () => {
    await client.create(resources.serviceAccounts, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'app', namespace },
    });
    const { token, expirationTimestamp } = await client.createToken(
      { namespace, name: 'app' },
      { audiences: ['sts.amazonaws.com'], expirationSeconds: 600 },
    );
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object;
    expect(claims).toMatchObject({
      aud: ['sts.amazonaws.com'],
      sub: `system:serviceaccount:${namespace}:app`,
    });
    expect(Date.parse(expirationTimestamp)).toBeGreaterThan(0);
  });
});

describe('errors', () => {
  test('of a user without rights name the missing right', async () => {
    const kubeconfig = await cluster.userKubeconfig('jane');
    const jane = createKubeClient(await loadConnection({ kubeconfig, env: {} }));
    const error = await failure(jane.list(resources.configMaps));
    expect(isForbidden(error)).toBe(true);
    expect((error as KubeApiError).message).toContain('User "jane" cannot list resource "configmaps"');
    await jane.close();
  });

  test('about an invalid object contain the invalid field', async () => {
    const error = await failure(client.create(resources.configMaps, configMap('Not_A_Name')));
    expect(isInvalid(error)).toBe(true);
    expect((error as KubeApiError).causes).toMatchObject([{ field: 'metadata.name' }]);
  });
});

describe('connections', () => {
  test('are reused: 200 requests of four kinds need only one connection in all', async () => {
    const proxy = await startFaultProxy({
      server: cluster.server,
      tls: await clientCertificateOf(cluster.kubeconfig),
    });
    const proxied = createKubeClient(
      { server: proxy.url, namespace, credentials: async () => ({ headers: {}, tls: { ca: proxy.ca } }) },
      { qps: 1000, burst: 1000 },
    );
    for (let index = 0; index < 50; index += 1) {
      await proxied.create(resources.configMaps, configMap(`many-${index}`));
      await proxied.get(resources.configMaps, { namespace, name: `many-${index}` });
      await proxied.apply(resources.configMaps, configMap(`many-${index}`), { fieldManager: 'x' });
      await proxied.delete(resources.configMaps, { namespace, name: `many-${index}` });
    }
    expect([proxy.requests.length, proxy.acceptedConnections()]).toEqual([200, 1]);
    await proxied.close();
    await proxy.stop();
  });
});

describe('an informer', () => {
  const widgets: Resource = {
    group: 'test.example.com',
    version: 'v1',
    kind: 'Widget',
    plural: 'widgets',
    namespaced: true,
  };

  test('for a kind whose CRD is created later synchronizes soon after that CRD exists', async () => {
    const informer = createInformer({
      client,
      resource: widgets,
      now: monotonicClock,
      random: () => 0.5,
    });
    const stop = new AbortController();
    const running = informer.start(stop.signal);
    await expect.poll(() => informer.lastError()?.message).toContain('404 page not found');
    expect(informer.hasSynced()).toBe(false);
    const definition: KubeObject & { spec: object } = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'widgets.test.example.com' },
      spec: {
        group: widgets.group,
        scope: 'Namespaced',
        names: { kind: 'Widget', plural: 'widgets', singular: 'widget', listKind: 'WidgetList' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    };
    await client.create(resources.customResourceDefinitions, definition);
    await informer.synced;
    expect(informer.lastError()).toBeUndefined();
    await client.create(widgets, {
      apiVersion: 'test.example.com/v1',
      kind: 'Widget',
      metadata: { name: 'w', namespace },
    });
    await expect.poll(() => informer.store.keys()).toEqual([`${namespace}/w`]);
    stop.abort();
    await running;
  });

  test('gets its initial state from a streaming list if the server supports it, and each change within moments', async () => {
    const proxy = await startFaultProxy({
      server: cluster.server,
      tls: await clientCertificateOf(cluster.kubeconfig),
    });
    const proxied = createKubeClient({
      server: proxy.url,
      namespace,
      credentials: async () => ({ headers: {}, tls: { ca: proxy.ca } }),
    });
    const informer = createInformer<ConfigMap>({
      client: proxied,
      resource: resources.configMaps,
      namespace,
      now: monotonicClock,
      random: () => 0.5,
    });
    const stop = new AbortController();
    const running = informer.start(stop.signal);
    await informer.synced;
    const fresh = await client.list<ConfigMap>(resources.configMaps, { namespace });
    const versions = (list: readonly ConfigMap[]) =>
      new Map(list.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
    expect(versions(informer.store.list())).toEqual(versions(fresh.items));
    expect(informer.store.list()[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    await client.create(resources.configMaps, configMap('streamed'));
    await expect.poll(() => informer.store.get(`${namespace}/streamed`)).toBeDefined();
    await client.delete(resources.configMaps, { namespace, name: 'streamed' });
    await expect.poll(() => informer.store.get(`${namespace}/streamed`)).toBeUndefined();
    const isStreaming = proxy.requests.map(({ url }) => url.includes('sendInitialEvents=true'));
    // An older server refuses the streaming list; the client then uses an ordinary list and a watch.
    expect(isStreaming).toEqual(isOldestKubernetes ? [true, false, false] : [true]);
    stop.abort();
    await running;
    await proxied.close();
    await proxy.stop();
  });
});

describe('with the helper functions of the client', () => {
  test('finalizers delay the deletion of an object until the last finalizer is removed', async () => {
    const made = await client.create(resources.configMaps, configMap('held'));
    const held = await addFinalizer(client, resources.configMaps, made, 'example.com/cleanup');
    expect(held?.metadata.finalizers).toEqual(['example.com/cleanup']);
    const ref = { namespace, name: 'held' };
    await client.delete(resources.configMaps, ref);
    const dying = await client.get<ConfigMap>(resources.configMaps, ref);
    expect(dying.metadata.deletionTimestamp).toBeDefined();
    expect(await addFinalizer(client, resources.configMaps, dying, 'example.com/other')).toBeUndefined();
    // Passes the object as it was before the deletion, because an informer's store may still contain that state.
    if (held) await removeFinalizer(client, resources.configMaps, held, 'example.com/cleanup');
    expect(isNotFound(await failure(client.get(resources.configMaps, ref)))).toBe(true);
  });

  test('the API server accepts Events and Event series for namespaced and cluster-scoped objects', async () => {
    const recorder = createEventRecorder({
      client,
      controller: 'example.com/test',
      instance: 'test-1',
      now: wallClock,
      monotonic: monotonicClock,
    });
    const outside = await client.get(resources.namespaces, { name: 'default' });
    const inside = await client.create(resources.configMaps, configMap('told'));
    recorder.event(outside, { type: 'Normal', reason: 'Seen', note: 'seen' });
    recorder.event(inside, { type: 'Warning', reason: 'Failed', note: 'ä'.repeat(2000) });
    recorder.event(inside, { type: 'Warning', reason: 'Failed', note: 'ä'.repeat(2000) });
    await recorder.flush();
    const { items } = await client.list<KubeObject & { reason: string; series?: { count: number } }>(
      resources.events,
      { namespace },
    );
    expect(new Map(items.map(({ reason, series }) => [reason, series?.count]))).toEqual(
      new Map([
        ['Seen', undefined],
        ['Failed', 2],
      ]),
    );
  });
});
