/**
 * Leader election between real processes with a real API server: processes are paused, killed, and stopped gracefully.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  createKubeClient,
  loadConnection,
  resources,
  type KubeClient,
  type KubeObject,
} from '../../../src/kube/index.ts';
import { startControlPlane, type TestControlPlane } from '../../support/cluster.ts';

type Written = KubeObject & { data: { by: string; count: string } };

let cluster: TestControlPlane;
let client: KubeClient;
const processes: ChildProcess[] = [];
const watching = new AbortController();
/** The writers in the order of their writes at the API server, and the times when the watch reported these writes. */
const writes: { by: string; at: number }[] = [];

beforeAll(async () => {
  cluster = await startControlPlane();
  client = createKubeClient(await loadConnection({ kubeconfig: cluster.kubeconfig, env: {} }));
  await client.create(resources.serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: 'default', name: 'asked' },
  });
  void follow();
});

afterEach(() => {
  for (const child of processes.splice(0)) child.kill('SIGKILL');
});

afterAll(async () => {
  watching.abort();
  await client?.close();
  await cluster?.stop();
});

async function follow(): Promise<void> {
  try {
    const events = client.watch<Written>(resources.configMaps, {
      namespace: 'default',
      fieldSelector: 'metadata.name=written',
      signal: watching.signal,
    });
    for await (const event of events)
      if (event.type === 'ADDED' || event.type === 'MODIFIED')
        writes.push({ by: event.object.data.by, at: performance.now() });
  } catch (error) {
    if (!watching.signal.aborted) throw error;
  }
}

function startHolder(identity: string) {
  const child = spawn(
    process.execPath,
    [fileURLToPath(import.meta.resolve('./lease-holder.ts')), cluster.kubeconfig, identity],
    { env: { PATH: process.env.PATH }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  processes.push(child);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  // Unlike 'exit', 'close' follows the last line of the output.
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, lines, exited };
}

const writtenBy = (identity: string): number => writes.filter(({ by }) => by === identity).length;
const until = (fact: () => unknown) => expect.poll(fact, { timeout: 15_000, interval: 10 });

test('a leader that was paused until its lease expired writes nothing and gets no token, reports the lost lease, and ends', async () => {
  const first = startHolder('paused');
  await until(() => writtenBy('paused')).toBeGreaterThan(10);
  const second = startHolder('next');
  await until(() => second.lines).toEqual(['waiting']);
  first.child.kill('SIGSTOP');
  await until(() => writtenBy('next')).toBeGreaterThan(10);
  const before = writtenBy('paused');
  first.child.kill('SIGCONT');
  expect(await first.exited).toBe(3);
  expect(first.lines[0]).toBe('leading');
  expect(first.lines.slice(-2)).toEqual(['tokens without the lease: 0', 'lost']);
  const afterwards = writtenBy('next');
  await until(() => writtenBy('next')).toBeGreaterThan(afterwards + 10);
  expect(writtenBy('paused')).toBe(before);
});

test('a leader that was killed is replaced within the lease duration and one retry period', async () => {
  const first = startHolder('killed');
  await until(() => writtenBy('killed')).toBeGreaterThan(10);
  const second = startHolder('heir');
  await until(() => second.lines).toEqual(['waiting']);
  first.child.kill('SIGKILL');
  const killedAt = performance.now();
  await until(() => second.lines).toEqual(['waiting', 'leading']);
  // The lease duration and one retry period take 3.3 seconds; the limit adds one second for a busy machine with two
  // cores.
  expect(performance.now() - killedAt).toBeLessThan(4_300);
});

test('a leader that stops gracefully is replaced at once', async () => {
  const first = startHolder('polite');
  await until(() => writtenBy('polite')).toBeGreaterThan(10);
  const second = startHolder('heiress');
  await until(() => second.lines).toEqual(['waiting']);
  first.child.kill('SIGTERM');
  expect(await first.exited).toBe(0);
  expect(first.lines.slice(-2)).toEqual(['leading', 'stopped']);
  const stoppedAt = performance.now();
  await until(() => second.lines).toEqual(['waiting', 'leading']);
  expect(performance.now() - stoppedAt).toBeLessThan(1_300);
});
