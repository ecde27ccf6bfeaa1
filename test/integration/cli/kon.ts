/**
 * Runs the real executable, bundled as it ships, in an environment that is isolated from this machine's environment.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inject } from 'vitest';
import { buildBundle } from '../../support/bundle.ts';

export type Result = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type RunOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Width of the pseudo-terminal (default: that of `script`). */
  readonly columns?: number;
};

export type Running = {
  readonly finished: Promise<Result>;
  /** Resolves when stdout and stderr together contain the text; rejects if the program ends before that. */
  until(text: string): Promise<void>;
  /** Returns the stdout so far. */
  output(): string;
  /** Sends the signal. Default: SIGINT. */
  stop(signal?: NodeJS.Signals): void;
};

export type OnTerminal = Pick<Running, 'until'> & {
  readonly finished: Promise<{ readonly code: number | null; readonly screen: string }>;
  /** Presses keys. */
  type(keys: string): void;
};

export type Kon = {
  /** Folder for this test file. It is the `HOME` of each run, and is removed afterwards. */
  readonly folder: string;
  readonly executable: string;
  readonly env: Readonly<Record<string, string>>;
  run(args: readonly string[], options?: RunOptions): Promise<Result>;
  start(args: readonly string[], options?: RunOptions): Running;
  /** Runs `kon` on a pseudo-terminal, whose output contains both stdout and stderr. Needs util-linux's `script`. */
  onTerminal(
    command: string,
    options?: RunOptions,
  ): Promise<{ readonly code: number | null; readonly screen: string }>;
  /** Runs `kon` on a pseudo-terminal, where the test types input. */
  terminal(command: string, options?: RunOptions): OnTerminal;
  /**
   * Writes a shell script that serves as an editor, and returns the script's path. `$1` in the script is the path of
   * the edited file.
   */
  editor(name: string, script: string): Promise<string>;
  file(name: string, text: string): Promise<string>;
  remove(): Promise<void>;
};

export async function prepareKon(
  env: Readonly<Record<string, string>> = {},
  /** `version` replaces the version from package.json. The executable is then built for this test file alone. */
  { version }: { readonly version?: string } = {},
): Promise<Kon> {
  const folder = await mkdtemp(join(tmpdir(), 'kon-cli-'));
  let dist = inject('bundle');
  if (version !== undefined) {
    dist = join(folder, 'dist');
    await buildBundle(dist, version);
  }
  const executable = join(dist, 'kon.js');
  const base = {
    PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
    ...env,
    HOME: folder,
    TMPDIR: folder,
  };

  const start = (
    program: string,
    args: readonly string[],
    options: RunOptions & { readonly keepsInput?: boolean } = {},
  ): Running & { write(text: string): void } => {
    const child = spawn(program, args, { env: { ...base, ...options.env }, cwd: folder });
    let [stdout, stderr] = ['', ''];
    let hasClosed = false;
    const listeners = new Set<() => void>();
    const tell = (): void => listeners.forEach((listener) => listener());
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      tell();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      tell();
    });
    // If a program ends before it reads its stdin, the write to its stdin fails. Without this listener, the error would
    // be unhandled.
    child.stdin.on('error', () => undefined);
    if (options.keepsInput) child.stdin.write(options.input ?? '');
    else child.stdin.end(options.input ?? '');
    const finished = new Promise<Result>((done, fail) => {
      child.once('error', fail);
      child.once('close', (code) => {
        hasClosed = true;
        done({ code, stdout, stderr });
        tell();
      });
    });
    return {
      finished,
      until: (text) =>
        new Promise((done, fail) => {
          const look = (): void => {
            if (`${stdout}${stderr}`.includes(text)) done();
            // `hasClosed` is true only after all output has arrived. The exit code may be known earlier.
            else if (hasClosed)
              fail(new Error(`it ended without "${text}":\n${stdout.slice(-1000)}${stderr}`));
            else return;
            listeners.delete(look);
          };
          listeners.add(look);
          look();
        }),
      output: () => stdout,
      write: (text) => void child.stdin.write(text),
      stop: (signal = 'SIGINT') => void child.kill(signal),
    };
  };

  const write = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  };
  return {
    folder,
    executable,
    env: base,
    run: (args, options) => start(process.execPath, [executable, ...args], options).finished,
    start: (args, options) => start(process.execPath, [executable, ...args], options),
    onTerminal: async (command, options = {}) => {
      const width = options.columns === undefined ? '' : `stty columns ${options.columns}; `;
      const line = `${width}${process.execPath} ${executable} ${command}`;
      const { code, stdout } = await start('script', ['-qec', line, '/dev/null'], options).finished;
      return { code, screen: stdout };
    },
    terminal: (command, options = {}) => {
      const line = `${process.execPath} ${executable} ${command}`;
      const running = start('script', ['-qec', line, '/dev/null'], { ...options, keepsInput: true });
      return {
        until: (text) => running.until(text),
        type: (keys) => running.write(keys),
        finished: running.finished.then(({ code, stdout }) => ({ code, screen: stdout })),
      };
    },
    editor: async (name, script) => {
      const path = await write(name, `#!/bin/sh\n${script}\n`);
      await chmod(path, 0o755);
      return path;
    },
    file: write,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
