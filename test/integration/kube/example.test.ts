/** Runs the example from src/kube/README.md. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createKubeClient,
  loadConnection,
  resources,
  type KubeClient,
  type KubeObject,
} from '../../../src/kube/index.ts';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';
import { runDigestController } from './example.ts';

let cluster: TestControlPlane;
let client: KubeClient;

beforeAll(async () => {
  cluster = await startControlPlane();
  client = createKubeClient(await loadConnection({ kubeconfig: cluster.kubeconfig, env: {} }));
});

afterAll(async () => {
  await client?.close();
  await cluster?.stop();
});

test('the README contains the example verbatim', async () => {
  const example = await readFile(join(import.meta.dirname, 'example.ts'), 'utf8');
  const readme = await readFile(join(import.meta.dirname, '../../../src/kube/README.md'), 'utf8');
  const code = /```ts\n([^]*?)```/.exec(readme)?.[1];
  expect(code).toBe(example.replaceAll("'../../../src/", "'./src/"));
});

test('the example controller writes the digest, updates the digest when the data changes, and then makes no further write', async () => {
  const stop = new AbortController();
  const running = runDigestController(cluster.kubeconfig, stop.signal);
  const ref = { namespace: 'default', name: 'labelled' };
  const object = (name: string, labels: Record<string, string>): KubeObject & { data: object } => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default', labels },
    data: { a: '1' },
  });
  await client.create(resources.configMaps, object('labelled', { 'example.com/digest': '' }));
  await client.create(resources.configMaps, object('other', {}));
  const read = async (name: string): Promise<KubeObject> =>
    client.get(resources.configMaps, { namespace: 'default', name });
  const digestOf = async (name: string): Promise<string | undefined> =>
    (await read(name)).metadata.annotations?.['example.com/sha256'];
  // The digest is the output of `printf '{"a":"1"}' | sha256sum`.
  const first = '9afeb0f2b203f254312ec8ded441d0318b7c34c57f8695ede42d2215a30c0960';
  await expect.poll(() => digestOf('labelled'), { timeout: 10_000 }).toBe(first);
  await client.patch(resources.configMaps, ref, { data: { a: '2' } }, { type: 'merge' });
  await expect.poll(() => digestOf('labelled')).not.toBe(first);
  const settled = (await read('labelled')).metadata.resourceVersion;
  expect(await digestOf('other')).toBeUndefined();
  stop.abort();
  await running;
  expect((await read('labelled')).metadata.resourceVersion).toBe(settled);
});
