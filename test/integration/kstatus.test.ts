/**
 * Statuses of Konstellation's kinds as kstatus computes them for Flux and `kpt live`, with kstatus's own code:
 * https://pkg.go.dev/sigs.k8s.io/cli-utils/pkg/kstatus
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { apps, clusterConfigs, crds, fieldManager, linkedServiceAccounts } from '../../src/api/index.ts';
import {
  createKubeClient,
  isNotFound,
  loadConnection,
  resources,
  type KubeClient,
  type KubeObject,
  type Resource,
} from '../../src/kube/index.ts';
import { startControlPlane, type TestControlPlane } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { argoCdFolder, argoCdKinds } from '../../scripts/generate/argo-cd.ts';
import { ensureGoProgram } from '../support/sdks/programs.ts';

type Outcome = { readonly status: string; readonly message: string };
type Sample = {
  readonly apiVersion: string;
  readonly spec: unknown;
  readonly status?: { readonly conditions?: readonly Condition[] };
};
type Condition = { readonly type: string; readonly status: string; readonly message: string };

const root = join(import.meta.dirname, '../..');
let program: string;
let cluster: TestControlPlane;
let client: KubeClient;
beforeAll(async () => {
  [program, cluster] = await Promise.all([ensureGoProgram('kstatus'), startControlPlane({ audit: false })]);
  client = createKubeClient(await loadConnection({ kubeconfig: cluster.kubeconfig, env: {} }));
  for (const crd of crds())
    await client.apply<KubeObject>(resources.customResourceDefinitions, crd, { fieldManager });
  await eventually('the kinds to be served', async () => {
    try {
      for (const resource of Object.values(resourceOf)) await client.list(resource);
      return true;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  });
});
afterAll(async () => {
  await client?.close();
  await cluster?.stop();
});

const resourceOf: Readonly<Record<(typeof argoCdKinds)[number], Resource>> = {
  App: apps,
  ClusterConfig: clusterConfigs,
  LinkedServiceAccount: linkedServiceAccounts,
};

/** Runs kstatus on objects. */
async function statusesOf(objects: readonly unknown[]): Promise<readonly Outcome[]> {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stdin.end(JSON.stringify(objects));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  expect(code).toBe(0);
  return JSON.parse(output) as Outcome[];
}

/** Returns the object of the first event after a resourceVersion. */
async function firstEvent(resource: Resource, resourceVersion: string): Promise<KubeObject> {
  for await (const event of client.watch<KubeObject>(resource, { resourceVersion }))
    if (event.type !== 'BOOKMARK' && event.type !== 'ERROR') return event.object;
  throw new Error('the watch ended without an event');
}

/** Returns an object from the test data of the Argo CD health check for this kind. */
const sample = (kind: string, name: string): Sample =>
  parse(readFileSync(join(root, argoCdFolder, kind, 'testdata', `${name}.yaml`), 'utf8')) as Sample;

const ready = ({ status }: Sample): Condition | undefined =>
  status?.conditions?.find(({ type }) => type === 'Ready');

describe.each(argoCdKinds)('kstatus of %s', (kind) => {
  it('is Current if the operator has processed the current spec and the object is ready', async () => {
    expect(await statusesOf([sample(kind, 'healthy')])).toMatchObject([{ status: 'Current' }]);
  });

  it('is InProgress with the message of Ready while the object is not ready', async () => {
    const samples = ['progressing', 'degraded'].map((name) => sample(kind, name));
    expect(await statusesOf(samples)).toEqual(
      samples.map((each) => ({ status: 'InProgress', message: ready(each)?.message })),
    );
  });

  it('is InProgress while Ready is Unknown', async () => {
    const healthy = sample(kind, 'healthy');
    const conditions = healthy.status?.conditions?.map((condition) => ({ ...condition, status: 'Unknown' }));
    const unknown = { ...healthy, status: { ...healthy.status, conditions } };
    expect(await statusesOf([unknown])).toMatchObject([{ status: 'InProgress' }]);
  });

  it('is InProgress after an edit that the operator has not processed, although Ready is True', async () => {
    const outdated = sample(kind, 'outdated');
    expect(ready(outdated)?.status).toBe('True');
    expect(await statusesOf([outdated])).toMatchObject([
      {
        status: 'InProgress',
        message: `${kind} generation is 3, but latest observed generation is 2`,
      },
    ]);
  });

  it('is Terminating until the finalizer is removed', async () => {
    expect(await statusesOf([sample(kind, 'deleting')])).toMatchObject([{ status: 'Terminating' }]);
  });

  it('is InProgress before the operator has processed a new object', async () => {
    expect(await statusesOf([sample(kind, 'new')])).toMatchObject([
      { status: 'InProgress', message: expect.stringContaining('latest observed generation is -1') },
    ]);
  });

  it('is InProgress for a new object in every kind of response: create, get, list and watch', async () => {
    const resource = resourceOf[kind];
    const { apiVersion, spec } = sample(kind, 'new');
    const name = `new-${kind.toLowerCase()}`;
    const { resourceVersion } = await client.list<KubeObject>(resource);
    // The API server ignores the status in a creation.
    const object = { apiVersion, kind, metadata: { name }, spec, status: { observedGeneration: 1 } };
    const created = await client.create<KubeObject>(resource, object);
    const read = await client.get<KubeObject>(resource, { name });
    const { items } = await client.list<KubeObject>(resource);
    const listed = items.find(({ metadata }) => metadata.name === name);
    const watched = await firstEvent(resource, resourceVersion);
    for (const each of [created, read, listed, watched])
      expect(await statusesOf([each])).toMatchObject([{ status: 'InProgress' }]);
    expect(read).toMatchObject({ metadata: { generation: 1 }, status: { observedGeneration: -1 } });
  });

  it('is Current after the operator has written a ready status, which replaces the default', async () => {
    const resource = resourceOf[kind];
    const { status = {} } = sample(kind, 'healthy');
    const { apiVersion, spec } = sample(kind, 'new');
    const name = `ready-${kind.toLowerCase()}`;
    await client.create<KubeObject>(resource, { apiVersion, kind, metadata: { name }, spec } as KubeObject);
    const applied = { apiVersion, kind, metadata: { name }, status: { ...status, observedGeneration: 1 } };
    const options = { fieldManager, force: true, subresource: 'status' } as const;
    const written = await client.apply<KubeObject>(resource, applied, options);
    expect(written).toMatchObject({ status: applied.status });
    expect(await statusesOf([written])).toMatchObject([{ status: 'Current' }]);
  });

  it('is InProgress for an object that was stored before its CRD had a default for the status', async () => {
    const resource = resourceOf[kind];
    const { apiVersion, spec } = sample(kind, 'new');
    const name = `old-${kind.toLowerCase()}`;
    const metadata = { name, uid: `uid-${name}`, generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' };
    const etcd = await cluster.etcd();
    const key = `/registry/${resource.group}/${resource.plural}/${name}`;
    await etcd.put(key, JSON.stringify({ apiVersion, kind, metadata, spec }));
    await etcd.close();
    expect(await statusesOf([await client.get(resource, { name })])).toMatchObject([
      { status: 'InProgress' },
    ]);
  });
});

it('kstatus is InProgress for an account in quarantine', async () => {
  const quarantined = sample('LinkedServiceAccount', 'quarantined');
  expect(await statusesOf([quarantined])).toEqual([
    { status: 'InProgress', message: ready(quarantined)?.message },
  ]);
});
