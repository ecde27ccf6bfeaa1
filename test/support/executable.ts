/** The executable as it ships, and runs of it in an environment that is isolated from this machine's environment. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inject } from 'vitest';
import type { Environment } from '../../sandbox/src/environment.ts';

export type Finished = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type Running = {
  readonly pid: number;
  /** Returns stdout and stderr so far, in the order of arrival. */
  output(): string;
  readonly finished: Promise<Finished>;
  /** Resolves when the output contains the text; rejects if the program ends before that. */
  until(text: string): Promise<void>;
  /** Sends the signal, and resolves when the program has ended. */
  end(signal: NodeJS.Signals): Promise<Finished>;
};

export type RunOptions = {
  readonly env?: Environment;
  readonly input?: string;
  /** Path of another version's `kon.js`. */
  readonly executable?: string | undefined;
};

export type Executable = {
  /** Command line that runs `kon`. */
  readonly kon: readonly [string, ...string[]];
  /** Folder for this test file. It is the `HOME` of each run, and is removed afterwards. */
  readonly folder: string;
  start(args: readonly string[], options?: RunOptions): Running;
  run(args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** Ends the programs that are still running, and removes the folder. */
  remove(): Promise<void>;
};

export async function prepareExecutable(): Promise<Executable> {
  const folder = await mkdtemp(join(tmpdir(), 'kon-e2e-'));
  const kon = [process.execPath, join(inject('bundle'), 'kon.js')] as const;
  const env = {
    PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
    // The environment contains no kubeconfig, profile or editor of the user. It shares only the user's cached cluster
    // programs, which take minutes to build.
    HOME: folder,
    TMPDIR: folder,
    XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
    ...(process.env['KUBEBUILDER_ASSETS'] ? { KUBEBUILDER_ASSETS: process.env['KUBEBUILDER_ASSETS'] } : {}),
  };
  const running = new Set<Running>();

  const start = (args: readonly string[], options: RunOptions = {}): Running => {
    const [program, ...leading] = kon;
    const main = options.executable === undefined ? leading : [options.executable];
    const child = run(program, [...main, ...args], {
      cwd: folder,
      env: { ...env, ...options.env },
      input: options.input ?? '',
    });
    running.add(child);
    void child.finished.then(() => running.delete(child));
    return child;
  };
  return {
    kon,
    folder,
    start,
    run: (args, options) => start(args, options).finished,
    async remove() {
      await Promise.all([...running].map((child) => child.end('SIGKILL')));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Environment; readonly input: string },
): Running {
  const child = spawn(program, args, { cwd: options.cwd, env: options.env });
  let [stdout, stderr, output] = ['', '', ''];
  const listeners = new Set<() => void>();
  const tell = (): void => listeners.forEach((listener) => listener());
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    output += text;
    tell();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    output += text;
    tell();
  });
  // A program that fails early does not read its stdin, which would cause an unhandled error.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input);
  let ended = false;
  const finished = new Promise<Finished>((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => {
      ended = true;
      done({ code, stdout, stderr });
      tell();
    });
  });
  return {
    pid: child.pid ?? 0,
    output: () => output,
    finished,
    until: (text) =>
      new Promise((done, fail) => {
        const look = (): void => {
          if (output.includes(text)) done();
          else if (ended) fail(new Error(`it ended without "${text}":\n${output}`));
          else return;
          listeners.delete(look);
        };
        listeners.add(look);
        look();
      }),
    end(signal) {
      if (!ended) child.kill(signal);
      return finished;
    },
  };
}
