/** The measured system: a real API server, an AWS emulator and the operator, each in a separate process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { operatorObjects, type OperatorIdentity } from '../src/rbac/index.ts';
import {
  apiVersion,
  clusterConfigs,
  crds,
  linkedServiceAccounts,
  type ClusterConfig,
  type LinkedServiceAccount,
} from '../src/api/index.ts';
import { findCondition } from '../src/k8s/conditions.ts';
import { resourceOf } from '../src/cli/installation/steps.ts';
import {
  createKubeClient,
  isNotFound,
  loadConnection,
  resources,
  type KubeClient,
  type KubeObject,
} from '../src/kube/index.ts';
import type { FaultSettingsInput } from '../sandbox/src/aws/faults/settings.ts';
import { renderKubeconfig } from '../sandbox/src/cluster/kubeconfig.ts';
import { baseEnvironment } from '../sandbox/src/environment.ts';
import { startControlPlane, type TestControlPlane } from '../test/support/cluster.ts';
import { startAws, type Aws } from './aws.ts';
import type { Seed } from './aws-process.ts';
import { readImageRuntime } from './image.ts';

const region = 'eu-west-1';
const accountId = '123456789012';
export const rolePath = '/konstellation/';
export const clusterArn = `arn:aws:eks:${region}:${accountId}:cluster/bench`;
export const policies = [
  'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess',
  'arn:aws:iam::aws:policy/CloudWatchLogsReadOnlyAccess',
] as const;

/** As in clusters, the operator authenticates with a token of its ServiceAccount and has the shipped permissions. */
const operatorIdentity: OperatorIdentity = { namespace: 'konstellation-system', name: 'konstellation' };

/** Number of concurrent writes of accounts. With more, the measurement would include the writers' own queue. */
const writers = 8;

/** Time limit of every wait in milliseconds. Longer than any measured operation. */
const patienceMs = 600_000;

export type WorldOptions = {
  readonly targets?: readonly string[];
  readonly faults?: FaultSettingsInput;
  readonly seeds?: readonly Seed[];
  readonly driftIntervalSeconds?: number;
  /**
   * Whether the API server logs each request, which `writes` requires. Logging costs the server as much as processing a small
   * request.
   */
  readonly audit?: boolean;
};

export type World = {
  readonly client: KubeClient;
  readonly aws: Aws;
  readonly cluster: TestControlPlane;
  /** A temporary folder, which is deleted when the measurement ends. */
  readonly folder: string;
  startOperator(args?: readonly string[]): Promise<Operator>;
  createAccounts(count: number, prefix?: string): Promise<void>;
  /** Resolves when at least `count` accounts exist and all pass the test. Uses a watch. */
  untilAccounts(count: number, test: (account: LinkedServiceAccount) => boolean): Promise<void>;
  /**
   * Counts of the operator's writes to the API server since the last call, keyed by `verb resource/subresource`. Requires
   * `audit`.
   */
  writes(): Promise<ReadonlyMap<string, number>>;
  stop(): Promise<void>;
};

export type Operator = {
  readonly startedAt: number;
  /** The value of the metric whose line starts with this text, or 0. */
  metric(line: string): Promise<number>;
  /** Current and peak resident memory in mebibytes. */
  memory(): Promise<{ readonly now: number; readonly peak: number }>;
  /** Resets the recorded peak memory to the current memory. Works only on Linux. */
  resetPeak(): Promise<void>;
  log(): Promise<string>;
  stop(): Promise<void>;
};

export async function startWorld(kon: string, options: WorldOptions = {}): Promise<World> {
  const { targets = ['production', 'staging'], driftIntervalSeconds = 60 } = options;
  const env = baseEnvironment(process.env);
  const cleanups: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'kon-bench-'));
    cleanups.push(() => rm(folder, { recursive: true, force: true }));
    // Makes the control plane collect garbage less often. In a cluster, the control plane has its own processors and
    // memory. Here it shares the processors with the measured processes, and would spend a third of its processor time
    // on garbage collection.
    const cluster = await startControlPlane({ audit: options.audit ?? false, plentyOfMemory: true });
    cleanups.push(() => cluster.stop());
    const aws = await startAws({
      accountId,
      region,
      issuer: cluster.issuer,
      keys: `${cluster.server}/openid/v1/jwks`,
      ca: cluster.caCertificate,
      roleQuota: 10_000,
      faults: options.faults ?? {},
      seeds: options.seeds ?? [],
    });
    cleanups.push(() => aws.stop());
    const connection = await loadConnection({ kubeconfig: cluster.kubeconfig, env });
    const client = createKubeClient(connection, { userAgent: 'bench', qps: 10_000, burst: 10_000 });
    cleanups.push(() => client.close());
    await install(client, targets, driftIntervalSeconds);
    const operatorKubeconfig = join(folder, 'operator.kubeconfig');
    await writeOperatorKubeconfig(operatorKubeconfig, client, cluster);

    const operators = new Set<Operator>();
    cleanups.push(() => Promise.all([...operators].map((operator) => operator.stop())));
    const auditLog = join(dirname(cluster.log), 'audit.log');
    let auditOffset = 0;

    return {
      client,
      aws,
      cluster,
      folder,
      async startOperator(args = []) {
        const image = await readImageRuntime();
        const operator = await startOperator([...image.flags, kon, 'operator', ...args], folder, {
          ...env,
          ...image.env,
          ...aws.environment,
          KUBECONFIG: operatorKubeconfig,
          HOME: folder,
          // To profile the operator: KON_BENCH_NODE_OPTIONS='--cpu-prof --cpu-prof-dir=/tmp/profile' node bench/run.ts
          NODE_OPTIONS: process.env['KON_BENCH_NODE_OPTIONS'] ?? '',
        });
        operators.add(operator);
        return operator;
      },
      async createAccounts(count, prefix = 'account') {
        await inParallel(writers, count, (index) =>
          client.create<LinkedServiceAccount>(linkedServiceAccounts, {
            apiVersion,
            kind: 'LinkedServiceAccount',
            metadata: { name: `${prefix}-${index}` },
            spec: { aws: { policyArns: [...policies] }, deletionPolicy: 'Delete' },
          }),
        );
      },
      untilAccounts: (count, test) => untilAccounts(client, count, test),
      async writes() {
        const file = await open(auditLog);
        try {
          const { size } = await file.stat();
          const buffer = Buffer.alloc(size - auditOffset);
          await file.read(buffer, 0, buffer.length, auditOffset);
          auditOffset = size;
          return countWrites(buffer.toString('utf8'));
        } finally {
          await file.close();
        }
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function install(
  client: KubeClient,
  targets: readonly string[],
  driftIntervalSeconds: number,
): Promise<void> {
  for (const crd of crds())
    await client.apply<KubeObject>(resources.customResourceDefinitions, crd, { fieldManager: 'bench' });
  for (const name of targets)
    await client.create<KubeObject>(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { 'k11n.dev/target': name } },
    });
  // Permits anonymous reads of the issuer's keys, because STS fetches the keys without cluster credentials.
  await client.create<KubeObject & Record<string, unknown>>(resources.clusterRoleBindings, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'issuer-discovery' },
    roleRef: {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      name: 'system:service-account-issuer-discovery',
    },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:unauthenticated' }],
  });
  for (const object of operatorObjects(operatorIdentity))
    await client.apply<KubeObject>(resourceOf(object), object, { fieldManager: 'bench' });
  const config: ClusterConfig = {
    apiVersion,
    kind: 'ClusterConfig',
    metadata: { name: 'bench' },
    spec: {
      targets: [...targets],
      aws: { region, accountId, clusterName: 'bench', rolePath, driftIntervalSeconds },
    },
  };
  for (;;) {
    try {
      await client.list(linkedServiceAccounts);
      await client.create<ClusterConfig>(clusterConfigs, config);
      return;
    } catch (error) {
      // Retries, because the API server serves a new CRD only after a moment.
      if (!isNotFound(error)) throw error;
      await delay(50);
    }
  }
}

async function writeOperatorKubeconfig(
  file: string,
  client: KubeClient,
  cluster: TestControlPlane,
): Promise<void> {
  const { token } = await client.createToken(operatorIdentity, {
    audiences: ['https://kubernetes.default.svc'],
    expirationSeconds: 86_400,
  });
  const tokenFile = `${file}.token`;
  await writeFile(tokenFile, token);
  await writeFile(
    file,
    renderKubeconfig({
      server: cluster.server,
      caCertificate: cluster.caCertificate,
      client: { tokenFile },
      name: 'bench',
    }),
  );
}

async function startOperator(
  command: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<Operator> {
  const startedAt = Date.now();
  const logFile = join(folder, `operator-${startedAt}.log`);
  const log = await open(logFile, 'w');
  const child = spawn(
    process.execPath,
    [
      ...command,
      '--without-lease',
      '--health-address',
      '127.0.0.1:0',
      '--log-level',
      'info',
      '--log-format',
      'json',
    ],
    { env, stdio: ['ignore', 'ignore', log.fd] },
  );
  await log.close();
  const port = await healthPort(child, logFile);
  return {
    startedAt,
    async metric(line) {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return text
        .split('\n')
        .filter((each) => each.startsWith(line))
        .reduce((sum, each) => sum + Number(each.slice(each.lastIndexOf(' ') + 1)), 0);
    },
    async memory() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      const mebibytes = (field: string): number =>
        Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
      return { now: mebibytes('VmRSS'), peak: mebibytes('VmHWM') };
    },
    // See proc_pid_clear_refs(5).
    resetPeak: () => writeFile(`/proc/${child.pid}/clear_refs`, '5'),
    log: () => readFile(logFile, 'utf8'),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const patience = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await exited;
      clearTimeout(patience);
    },
  };
}

async function healthPort(child: ChildProcess, logFile: string): Promise<number> {
  for (;;) {
    const text = await readFile(logFile, 'utf8');
    const served = text.split('\n').find((line) => line.includes('"health is served"'));
    if (served !== undefined) return (JSON.parse(served) as { port: number }).port;
    if (child.exitCode !== null) throw new Error(`the operator has ended: ${text}`);
    await delay(20);
  }
}

async function untilAccounts(
  client: KubeClient,
  count: number,
  test: (account: LinkedServiceAccount) => boolean,
): Promise<void> {
  const done = new Map<string, boolean>();
  const enough = (): boolean => done.size >= count && [...done.values()].every(Boolean);
  const abort = new AbortController();
  const patience = setTimeout(() => {
    const waiting = [...done].filter(([, isDone]) => !isDone).map(([name]) => name);
    abort.abort(
      new Error(`timed out while waiting for ${waiting.length} accounts: ${waiting.slice(0, 5).join(', ')}`),
    );
  }, patienceMs);
  try {
    for (;;) {
      const { items, resourceVersion } = await client.list<LinkedServiceAccount>(linkedServiceAccounts);
      for (const account of items) done.set(account.metadata.name, test(account));
      if (enough()) return;
      const watch = client.watch<LinkedServiceAccount>(linkedServiceAccounts, {
        resourceVersion,
        signal: abort.signal,
      });
      for await (const event of watch) {
        if (event.type === 'ADDED' || event.type === 'MODIFIED')
          done.set(event.object.metadata.name, test(event.object));
        else if (event.type === 'DELETED') done.delete(event.object.metadata.name);
        else if (event.type === 'ERROR') break;
        if (done.size >= count && enough()) return;
      }
    }
  } finally {
    clearTimeout(patience);
    abort.abort();
  }
}

/** Resolves when the operator has completed its first listing of IAM roles. */
export async function untilSynced(operator: Operator): Promise<void> {
  const listings =
    'konstellation_aws_calls_total{service="iam",action="GetAccountAuthorizationDetails",outcome="Success"}';
  while ((await operator.metric(listings)) === 0) await delay(50);
}

export function isReady(account: LinkedServiceAccount): boolean {
  const ready = findCondition(account.status?.conditions, 'Ready');
  return ready?.status === 'True' && account.status?.observedGeneration === account.metadata.generation;
}

export async function inParallel(
  width: number,
  count: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let index = next++; index < count; index = next++) await work(index);
    }),
  );
}

type AuditEvent = {
  readonly verb: string;
  readonly userAgent?: string;
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string };
};

function countWrites(log: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const line of log.split('\n')) {
    if (!line.endsWith('}')) continue;
    const { verb, userAgent = '', objectRef = {} } = JSON.parse(line) as AuditEvent;
    if (!userAgent.startsWith('konstellation/') || ['get', 'list', 'watch'].includes(verb)) continue;
    const { resource = '', subresource } = objectRef;
    const name = `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}
