/** Measures the operator's informers in a large cluster, and client-go's informers for comparison. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { apiVersion, crds, linkedServiceAccounts, type LinkedServiceAccount } from '../../src/api/index.ts';
import {
  createKubeClient,
  isNotFound,
  loadConnection,
  resources,
  type KubeClient,
  type KubeObject,
} from '../../src/kube/index.ts';
import { startControlPlane } from '../../test/support/cluster.ts';
import type { Etcd } from '../../test/support/etcd.ts';
import type { Figure } from '../figure.ts';
import { runningPod, uidOf } from '../scale/running-pod.ts';
import { buildPeer, startFollower, type Follower } from '../scale/followers.ts';
import type { Scenario } from '../scenario.ts';
import { inParallel, policies } from '../world.ts';

/** `KON_BENCH_SCALE` scales the cluster down for a quick run: 0.05 reduces all counts to 5 %. */
const share = Number(process.env['KON_BENCH_SCALE'] ?? 1);
const counts = {
  accounts: Math.round(10_000 * share),
  pods: Math.round(100_000 * share),
  /** Number of pod changes, rounded to thousands. */
  changes: Math.max(1000, Math.round(20 * share) * 1000),
};
export const namespaces = 20;

type Measured = {
  readonly follower: Follower;
  readonly syncedMs: number;
  readonly syncProcessorSeconds: number;
  readonly settled: number;
  readonly peak: number;
};

export const scale: Scenario = {
  name: 'scale',
  summary: `${counts.accounts} accounts and ${counts.pods} pods are listed and watched, by ours and by client-go's informers`,
  async run({ note }) {
    const folder = await mkdtemp(join(tmpdir(), 'kon-bench-scale-'));
    const [peer, cluster] = await Promise.all([buildPeer(folder), startControlPlane({ audit: false })]);
    const client = createKubeClient(await loadConnection({ kubeconfig: cluster.kubeconfig, env: {} }), {
      userAgent: 'bench',
      qps: 1e6,
      burst: 1e6,
    });
    const etcd = await cluster.etcd();
    const followers: Follower[] = [];
    try {
      await fill(client, etcd, note);
      const commands: readonly (readonly [string, readonly string[]])[] = [
        ['ours', [process.execPath, resolve(import.meta.dirname, '../scale/follow.ts'), cluster.kubeconfig]],
        ['client-go, JSON', [peer, cluster.kubeconfig, 'json']],
        ['client-go, protobuf', [peer, cluster.kubeconfig, 'protobuf']],
      ];
      // Starts one follower without measuring, to fill the API server's caches.
      const first = startFollower('first', commands[1]?.[1] ?? []);
      await first.synced;
      await first.stop();
      const measured: Measured[] = [];
      for (const [name, command] of commands) {
        const follower = startFollower(name, command);
        followers.push(follower);
        measured.push(await measureSync(follower, note));
        // The follower receives all changes at once when it resumes, so the server's pace does not affect the measurement.
        follower.pause();
      }
      await change(client, etcd, note);

      const figures: Figure[][] = [];
      for (const each of measured) figures.push(await measureChanges(each, note));
      // The report prints the peer's figures next to the operator's.
      const [ours = [], ...peers] = figures;
      return ours.map((figure, index) => {
        const same = peers[0]?.[index]?.value;
        return same === undefined ? figure : { ...figure, peer: same };
      });
    } finally {
      for (const follower of followers) await follower.stop();
      await etcd.close();
      await client.close();
      await cluster.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function measureSync(follower: Follower, note: (text: string) => void): Promise<Measured> {
  const { ms, accounts, pods } = await follower.synced;
  const syncProcessorSeconds = await follower.processorTime();
  if (accounts !== counts.accounts || pods !== counts.pods)
    throw new Error(`${follower.name} has ${accounts} accounts and ${pods} pods`);
  // Waits for garbage collectors to return memory.
  await delay(10_000);
  const memory = await follower.memory();
  note(
    `${follower.name}: in step after ${(ms / 1000).toFixed(1)} s (${syncProcessorSeconds.toFixed(1)} s of processor time), ${memory.now.toFixed(0)} MiB, ${memory.peak.toFixed(0)} at most`,
  );
  return { follower, syncedMs: ms, syncProcessorSeconds, settled: memory.now, peak: memory.peak };
}

async function measureChanges(
  { follower, syncedMs, syncProcessorSeconds, settled, peak }: Measured,
  note: (text: string) => void,
): Promise<Figure[]> {
  const before = await follower.processorTime();
  const startedAt = performance.now();
  follower.goOn();
  await follower.untilChanges(counts.changes);
  const took = (performance.now() - startedAt) / 1000;
  const processorSeconds = (await follower.processorTime()) - before;
  const memory = await follower.memory();
  follower.pause();
  const rate = counts.changes / took;
  note(
    `${follower.name}: ${counts.changes} changes in ${took.toFixed(1)} s, ${rate.toFixed(0)} a second, ${((processorSeconds / counts.changes) * 1e6).toFixed(0)} µs of processor time each, ${memory.peak.toFixed(0)} MiB at most`,
  );
  const name = `${counts.accounts} accounts and ${counts.pods} pods`;
  return [
    { name: `${name}: until in step`, value: syncedMs / 1000, unit: 's' },
    { name: `${name}: processor time of that`, value: syncProcessorSeconds, unit: 's' },
    { name: `${name}: memory when in step`, value: settled, unit: 'MiB' },
    { name: `${name}: memory at most`, value: Math.max(peak, memory.peak), unit: 'MiB' },
    {
      name: `${counts.changes} changes of pods: processor time of each`,
      value: (processorSeconds / counts.changes) * 1e6,
      unit: 'µs',
    },
    { name: `${counts.changes} changes of pods: until seen`, value: took, unit: 's' },
  ];
}

/** Creates the CRDs and namespaces, and waits until the API server serves them. */
export async function prepareCluster(client: KubeClient): Promise<void> {
  for (const crd of crds())
    await client.apply<KubeObject>(resources.customResourceDefinitions, crd, { fieldManager: 'bench' });
  for (let index = 0; index < namespaces; index += 1)
    await client.create<KubeObject>(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: `namespace-${index}` },
    });
  for (;;) {
    try {
      await client.list(linkedServiceAccounts);
      break;
    } catch (error) {
      // Retries, because the API server serves a new CRD only after a moment.
      if (!isNotFound(error)) throw error;
      await delay(50);
    }
  }
}

async function fill(client: KubeClient, etcd: Etcd, note: (text: string) => void): Promise<void> {
  await prepareCluster(client);
  const startedAt = performance.now();
  // Writes the objects directly to etcd, because creating them through the API server would take 15 minutes. The API
  // server then reads the objects from etcd, as after a restart.
  await putAll(etcd, counts.accounts, (index) => {
    const name = `account-${index}`;
    const account: LinkedServiceAccount = {
      apiVersion,
      kind: 'LinkedServiceAccount',
      metadata: { name, uid: uidOf(name), generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: { aws: { policyArns: [...policies] }, deletionPolicy: 'Delete' },
    };
    return [`/registry/k11n.dev/linkedserviceaccounts/${name}`, account];
  });
  await putAll(etcd, counts.pods, (index) => podEntry(index));
  note(`${counts.accounts} accounts and ${counts.pods} pods put into etcd in ${seconds(startedAt)} s`);
  await untilServed(client, counts.pods - 1, () => true);
}

/**
 * Waits until the API server serves the object that was written last. By then, the API server has read all objects from
 * etcd.
 */
async function untilServed(
  client: KubeClient,
  index: number,
  test: (pod: KubeObject) => boolean,
): Promise<void> {
  const { metadata } = runningPod(index, namespaces, counts.accounts);
  const ofPod = { namespace: metadata.namespace, fieldSelector: `metadata.name=${metadata.name}` };
  for (;;) {
    const [pod] = (await client.list<KubeObject>(resources.pods, { ...ofPod, resourceVersion: '0' })).items;
    if (pod && test(pod)) return;
    await delay(200);
  }
}

const seconds = (startedAt: number): string => ((performance.now() - startedAt) / 1000).toFixed(1);

function podEntry(
  index: number,
  annotations: Readonly<Record<string, string>> = {},
): readonly [string, object] {
  const pod = runningPod(index, namespaces, counts.accounts);
  const { metadata } = pod;
  const merged = {
    ...pod,
    metadata: { ...metadata, annotations: { ...metadata.annotations, ...annotations } },
  };
  return [`/registry/pods/${metadata.namespace}/${metadata.name}`, merged];
}

/**
 * Writes each object in a separate etcd revision, as the API server does. Writes the last object only after all other
 * objects, so that its presence shows that all objects exist.
 */
export async function putAll(
  etcd: Etcd,
  count: number,
  entry: (index: number) => readonly [string, object],
): Promise<void> {
  const put = (index: number): Promise<void> => {
    const [key, object] = entry(index);
    return etcd.put(key, JSON.stringify(object));
  };
  await inParallel(64, count - 1, put);
  await put(count - 1);
}

async function change(client: KubeClient, etcd: Etcd, note: (text: string) => void): Promise<void> {
  const startedAt = performance.now();
  await putAll(etcd, counts.changes, (index) =>
    podEntry(index % counts.pods, { 'example.com/changed': String(index) }),
  );
  const last = String(counts.changes - 1);
  await untilServed(
    client,
    (counts.changes - 1) % counts.pods,
    ({ metadata }) => metadata.annotations?.['example.com/changed'] === last,
  );
  note(`${counts.changes} changes made in ${seconds(startedAt)} s`);
}
