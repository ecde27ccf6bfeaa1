/**
 * A kubelet for a test's API server: kwok, which serves logs from a file, runs local programs in place of a container's
 * programs, and forwards ports to loopback. kwok authenticates no caller, so it runs programs only under a pod name
 * that other processes on this machine cannot know.
 */
import { randomUUID } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { resolveBinaries } from '../../../sandbox/src/binaries/resolve.ts';
import { baseEnvironment } from '../../../sandbox/src/environment.ts';
import { startChild } from '../../../sandbox/src/processes/child.ts';
import { reservePorts } from '../../../sandbox/src/processes/ports.ts';
import { startWatchdog } from '../../../sandbox/src/processes/watchdog.ts';
import type { TestControlPlane } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import { monotonicClock } from '../../../src/k8s/testing/clocks.ts';

export type TestKubelet = {
  /** Programs can be run only in pods with this name, in any namespace. */
  readonly execPod: string;
  /** Creates a running pod of an app, with its own log. */
  startPod(namespace: string, app: string, name: string): Promise<void>;
  /** Writes a line to the pod's log, as a container runtime does. */
  log(
    name: string,
    text: string,
    options?: { readonly previous?: boolean; readonly at?: Date },
  ): Promise<void>;
  stop(): Promise<void>;
};

const nodeName = 'node-1';
const group = 'kwok.x-k8s.io/v1alpha1';

/** @param port local port to which port 80 of every pod forwards; no other port of a pod works */
export async function startKubelet(
  cluster: TestControlPlane,
  options: { readonly port: number; readonly pods: readonly string[] },
): Promise<TestKubelet> {
  const env = baseEnvironment(process.env);
  const watchdog = await startWatchdog();
  const { kwok } = await resolveBinaries(['kwok'], {
    env: process.env,
    now: monotonicClock,
    report: () => undefined,
    watchdog,
  });
  const folder = await mkdtemp(join(tmpdir(), 'kon-kubelet-'));
  const execPod = `web-${randomUUID()}`;
  const reservation = await reservePorts(2, Math.random);
  const [port = 0, closed = 0] = reservation.ports;
  const logFile = (pod: string, previous = false): string =>
    join(folder, `${pod}${previous ? '.previous' : ''}.log`);
  const pods = [...options.pods, execPod];
  const matching = (name: string): object => ({ matchNames: [name] });
  const documents = [
    // kwok does not start without a stage (a rule for state changes). This stage selects no pod, because the tests set
    // the states of nodes and pods themselves.
    {
      apiVersion: group,
      kind: 'Stage',
      metadata: { name: 'none' },
      spec: {
        resourceRef: { apiGroup: 'v1', kind: 'Pod' },
        selector: { matchLabels: { 'k11n.dev/no-such-label': 'true' } },
        next: { delete: true },
      },
    },
    ...pods.map((pod) => ({
      apiVersion: group,
      kind: 'ClusterLogs',
      metadata: { name: pod },
      spec: {
        selector: matching(pod),
        logs: [{ logsFile: logFile(pod), previousLogsFile: logFile(pod, true), follow: true }],
      },
    })),
    {
      apiVersion: group,
      kind: 'ClusterExec',
      metadata: { name: 'exec' },
      spec: { selector: matching(execPod), execs: [{ local: { workDir: folder } }] },
    },
    {
      apiVersion: group,
      kind: 'ClusterPortForward',
      metadata: { name: 'ports' },
      spec: {
        forwards: [
          { ports: [80], target: { address: '127.0.0.1', port: options.port } },
          { ports: [81], target: { address: '127.0.0.1', port: closed } },
        ],
      },
    },
  ];
  const configFile = join(folder, 'kwok.yaml');
  await writeFile(configFile, documents.map((document) => stringify(document)).join('---\n'), {
    mode: 0o600,
  });
  await Promise.all(pods.flatMap((pod) => writeFile(logFile(pod), '', { mode: 0o600 })));
  const child = await startChild({
    name: 'kwok',
    command: kwok.path,
    args: [
      `--kubeconfig=${cluster.kubeconfig}`,
      `--config=${configFile}`,
      '--manage-all-nodes=true',
      '--node-lease-duration-seconds=0',
      `--server-address=127.0.0.1:${port}`,
    ],
    env,
    logFile: join(folder, 'kwok.out'),
    watchdog,
  });
  const stop = async (): Promise<void> => {
    await child.stop(0);
    await watchdog.close();
    reservation.release();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await cluster.kubectl(
      ['create', '-f', '-'],
      `{apiVersion: v1, kind: Node, metadata: {name: ${nodeName}}}`,
    );
    const status = {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
      conditions: [{ type: 'Ready', status: 'True' }],
    };
    await cluster.kubectl(patchStatus('node', nodeName, status));
    await eventually('the kubelet to answer', async () => {
      if (!child.running()) throw new Error(await readFile(child.logFile, 'utf8'));
      const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
      return answer?.ok ? true : undefined;
    });
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    execPod,
    stop,
    async startPod(namespace, app, name) {
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace, labels: { 'k11n.dev/app': app } },
        spec: { nodeName, containers: [{ name: app, image: 'web:1' }] },
      };
      await cluster.kubectl(['create', '-f', '-'], JSON.stringify(pod));
      const startedAt = '2026-01-01T00:00:00Z';
      await cluster.kubectl([
        ...patchStatus('pod', name, {
          phase: 'Running',
          conditions: [{ type: 'Ready', status: 'True' }],
          containerStatuses: [
            {
              name: app,
              image: 'web:1',
              imageID: '',
              ready: true,
              restartCount: 0,
              state: { running: { startedAt } },
            },
          ],
        }),
        '-n',
        namespace,
      ]);
    },
    log: (pod, text, { previous, at = new Date() } = {}) =>
      appendFile(logFile(pod, previous), `${at.toISOString().replace('Z', '000000Z')} stdout F ${text}\n`),
  };
}

function patchStatus(kind: string, name: string, status: object): string[] {
  return ['patch', kind, name, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status })];
}
