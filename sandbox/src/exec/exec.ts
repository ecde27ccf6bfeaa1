/**
 * Runs a local program with the AWS identity of a pod: with the variables of the pod's container, and a token that the
 * API server issues for the pod. kwok simulates the node, so there is no container that could run the program.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { isNotFound, type KubeClient, type KubeObject, resources } from '../../../src/kube/index.ts';
import { endpointVariables } from '../endpoint-variables.ts';
import { baseEnvironment, type OuterEnvironment } from '../environment.ts';
import { logLine, podLogFile } from '../kubelet/pod-log.ts';
import { type AgentOptions, startCredentialEndpoint } from './credential-endpoint.ts';
import { isServed } from './agent.ts';
import { agentVariable, type ExecPod, podIdentity } from './pod-identity.ts';
import { createHomeFolder } from './home-folder.ts';
import { createTokenFolder } from './token-folder.ts';
import { SandboxError } from '../error.ts';
import type { Wall } from '../../../src/k8s/time.ts';

export type ExecOptions = {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Name of a pod, or `deploy/NAME` for any running pod of a Deployment. */
  readonly target: string;
  readonly container: string | undefined;
  readonly command: readonly [string, ...string[]];
  readonly aws: Omit<AgentOptions, 'now'>;
  /** Returns the current time, in milliseconds since the epoch. */
  readonly now: () => Wall;
  readonly env: OuterEnvironment;
  readonly cwd: string;
  /**
   * Aborted by a SIGINT, SIGTERM or SIGHUP that arrives before the program runs. Later Unix signals are forwarded to
   * the program.
   */
  readonly signal: AbortSignal;
  /** Whether the program runs on a terminal. If so, it receives Ctrl-C directly. */
  readonly terminal: boolean;
  /** Folder of the sandbox's logs. If set, the program's output also appears in the pod's log. */
  readonly logs: string | undefined;
  /** Called once before the program runs, with the differences between this process and the real pod. */
  readonly note: (text: string) => void;
};

/** The pod does not exist or has no such container, or the program cannot be started. */
export class ExecError extends SandboxError {
  override readonly name = 'ExecError';
}

/** @returns the program's exit code, or 128 plus the signal's number if a signal ended the program, as in shells */
export async function execInPod(options: ExecOptions): Promise<number> {
  const { client, namespace, aws, note } = options;
  const pod = await findPod(options);
  const { name } = pod.metadata;
  const found = podIdentity(pod, options.container);
  if (found.outcome === 'no-such-container') {
    throw new ExecError(
      `pod "${namespace}/${name}" has no container "${options.container}"; its containers are ${found.containers.join(', ')}`,
    );
  }
  const { identity } = found;
  const tokens = await createTokenFolder(tmpdir());
  const folder = tokens.path;
  try {
    for (const { audience, expirationSeconds, file } of identity.tokens) {
      const { token } = await client.createToken(
        { namespace, name: identity.serviceAccount },
        {
          audiences: [audience],
          expirationSeconds,
          boundObjectRef: {
            apiVersion: 'v1',
            kind: 'Pod',
            name,
            ...(pod.metadata.uid === undefined ? {} : { uid: pod.metadata.uid }),
          },
        },
        { signal: options.signal },
      );
      const path = join(folder, file);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFile(path, token, { mode: 0o600 });
    }
    note(
      identity.tokens.length > 0
        ? `running as pod "${namespace}/${name}", with the token in ${folder} instead of the container's path`
        : `running as pod "${namespace}/${name}", which has no injected AWS identity`,
    );
    const ofContainer = identity.env(folder);
    const home = join(folder, 'home');
    await createHomeFolder(home, options.env['HOME']);
    const served = identity.usesAgent && (await isServed(pod, client, options.signal));
    const agent = served ? await startCredentialEndpoint({ ...aws, now: options.now }) : undefined;
    if (agent)
      note(`the program gets credentials from ${agent.url} instead of the node's Pod Identity agent`);
    else if (identity.usesAgent)
      note("no Pod Identity agent is ready on the pod's node, so the program gets no credentials");
    try {
      const container = options.container ?? pod.spec.containers[0]?.name ?? '';
      const log =
        options.logs === undefined
          ? undefined
          : podLogFile(options.logs, { namespace, pod: name, container });
      return await run(options, log, {
        // Disables this machine's configuration files and metadata service, so that the program has no identity other
        // than the pod's.
        AWS_CONFIG_FILE: '/dev/null',
        AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
        AWS_EC2_METADATA_DISABLED: 'true',
        ...ofContainer,
        ...(identity.usesAgent ? { [agentVariable]: agent?.url ?? unansweredUrl } : {}),
        ...endpointVariables(aws.endpoint, ofContainer),
        ...localEnvironment(options.env),
        HOME: home,
      });
    } finally {
      await agent?.close();
    }
  } finally {
    tokens.remove();
  }
}

/** URL with an unused local port, for a container whose Pod Identity agent is missing. */
const unansweredUrl = 'http://127.0.0.1:1/v1/credentials';

/** Forwards the program's output as it arrives, and appends each complete line to the log. */
function keepLog(child: ChildProcess, file: string, now: () => Wall): void {
  for (const stream of ['stdout', 'stderr'] as const) {
    const output = child[stream];
    if (!output) continue;
    output.pipe(process[stream], { end: false });
    createInterface({ input: output }).on('line', (line) => {
      appendFileSync(file, logLine(now(), stream, line), { mode: 0o600 });
    });
  }
}

async function findPod({ client, namespace, target }: ExecOptions): Promise<ExecPod> {
  const [first = '', second] = target.split('/');
  if (second === undefined) return get<ExecPod>(first, 'pod', resources.pods);
  if (first === 'pod' || first === 'pods') return get<ExecPod>(second, 'pod', resources.pods);
  if (!['deploy', 'deployment', 'deployments'].includes(first))
    throw new ExecError(`invalid target "${target}": expected the name of a pod, or deploy/NAME`);
  type Deployment = KubeObject & {
    readonly spec: { readonly selector: { readonly matchLabels?: Readonly<Record<string, string>> } };
  };
  const { spec } = await get<Deployment>(second, 'deployment', resources.deployments);
  const { items } = await client.list<ExecPod>(resources.pods, {
    namespace,
    labelSelector: Object.entries(spec.selector.matchLabels ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
  });
  const [newest] = items
    .filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.phase === 'Running')
    .sort((one, other) =>
      (other.metadata.creationTimestamp ?? '').localeCompare(one.metadata.creationTimestamp ?? ''),
    );
  if (newest === undefined) throw new ExecError(`deployment "${namespace}/${second}" has no running pod`);
  return newest;

  async function get<T extends KubeObject>(
    name: string,
    noun: string,
    resource: typeof resources.pods,
  ): Promise<T> {
    try {
      return await client.get<T>(resource, { namespace, name });
    } catch (error) {
      if (isNotFound(error)) throw new ExecError(`${noun} "${name}" not found in namespace "${namespace}"`);
      throw error;
    }
  }
}

/** Variables of this machine that the program needs in order to run and use its terminal. */
function localEnvironment(outer: OuterEnvironment): Record<string, string> {
  const kept: Record<string, string> = { ...baseEnvironment(outer) };
  for (const name of ['TERM', 'COLORTERM', 'NO_COLOR']) {
    const value = outer[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

async function run(
  options: ExecOptions,
  log: string | undefined,
  env: Record<string, string>,
): Promise<number> {
  const [program, ...args] = options.command;
  if (log !== undefined) await mkdir(dirname(log), { recursive: true, mode: 0o700 });
  options.signal.throwIfAborted();
  const child = spawn(program, args, {
    cwd: options.cwd,
    env,
    stdio: log === undefined ? 'inherit' : ['inherit', 'pipe', 'pipe'],
  });
  if (log !== undefined) keepLog(child, log, options.now);
  const forward = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
  // Removes kon's own signal handlers, which end kon on a second Ctrl-C: many programs continue after a second Ctrl-C.
  const before = signals.map((signal) => ({ signal, listeners: process.rawListeners(signal) }));
  for (const signal of signals) process.removeAllListeners(signal);
  for (const signal of signals.slice(1)) process.on(signal, forward);
  // On a terminal the program receives Ctrl-C directly, as a member of the foreground process group, so this process
  // ignores Ctrl-C.
  const interrupt = (): void => {
    if (!options.terminal) forward('SIGINT');
  };
  process.on('SIGINT', interrupt);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        reject(
          new ExecError(error.code === 'ENOENT' ? `program "${program}" not found on PATH` : error.message, {
            cause: error,
          }),
        );
      });
      child.once('close', (code, signal) => {
        resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
      });
    });
  } finally {
    for (const { signal, listeners } of before) {
      process.removeAllListeners(signal);
      for (const listener of listeners) process.on(signal, listener as NodeJS.SignalsListener);
    }
  }
}
