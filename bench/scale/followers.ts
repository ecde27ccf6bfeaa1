/**
 * Starts, pauses and measures the processes that follow the cluster, either with the operator's informers or with the
 * informers of the peer, client-go.
 */
import { execFile, spawn } from 'node:child_process';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { baseEnvironment } from '../../sandbox/src/environment.ts';

type Line = {
  readonly synced?: true;
  readonly ms?: number;
  readonly accounts?: number;
  readonly pods?: number;
  readonly changes?: number;
};

export type Follower = {
  readonly name: string;
  /** Time from the start of the process until its store contains all objects. */
  readonly synced: Promise<{ readonly ms: number; readonly accounts: number; readonly pods: number }>;
  /** Resolves when the process has received this many thousand pod changes. */
  untilChanges(count: number): Promise<void>;
  pause(): void;
  goOn(): void;
  /** Current and peak memory in mebibytes. */
  memory(): Promise<{ readonly now: number; readonly peak: number }>;
  /** Processor time in seconds. */
  processorTime(): Promise<number>;
  stop(): Promise<void>;
};

/** Value of sysconf(_SC_CLK_TCK) on Linux, for every architecture. */
const ticksPerSecond = 100;

export function startFollower(name: string, command: readonly string[]): Follower {
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    env: baseEnvironment(process.env),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  const synced = Promise.withResolvers<{ ms: number; accounts: number; pods: number }>();
  let seen = 0;
  let waiting: { readonly count: number; readonly resolve: () => void } | undefined;
  createInterface({ input: child.stdout }).on('line', (text) => {
    const { changes, ms = 0, accounts = 0, pods = 0, ...line } = JSON.parse(text) as Line;
    if (line.synced) synced.resolve({ ms, accounts, pods });
    if (changes === undefined) return;
    seen = changes;
    if (waiting && seen >= waiting.count) waiting.resolve();
  });
  void exited.then(() => synced.reject(new Error(`${name} ended before its informers had synced`)));
  synced.promise.catch(() => {});
  return {
    name,
    synced: synced.promise,
    untilChanges: (count) =>
      new Promise((done) => {
        if (seen >= count) done();
        else waiting = { count, resolve: done };
      }),
    pause: () => void child.kill('SIGSTOP'),
    goOn: () => void child.kill('SIGCONT'),
    async memory() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      const mebibytes = (field: string): number =>
        Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
      return { now: mebibytes('VmRSS'), peak: mebibytes('VmHWM') };
    },
    async processorTime() {
      const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    },
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Builds the peer, a client-go program, from its pinned modules. The first build takes a minute. Needs Go. */
export async function buildPeer(folder: string): Promise<string> {
  const source = resolve(import.meta.dirname, 'client-go');
  await mkdir(folder, { recursive: true });
  for (const file of ['go.mod', 'go.sum', 'main.go']) await copyFile(join(source, file), join(folder, file));
  const output = join(folder, 'peer');
  await promisify(execFile)('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', output, '.'], {
    cwd: folder,
    // Passes on the user's environment, because the build needs its proxies and module settings.
    env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' },
  });
  return output;
}
