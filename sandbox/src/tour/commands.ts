/** Runs the commands of the tour as child processes, and displays the commands and their output. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TourFailure } from './failure.ts';

export type Finished = { readonly code: number; readonly output: string };

export type Running = {
  /** Returns the text that the command has written to stdout and stderr so far. */
  output(): string;
  readonly finished: Promise<Finished>;
};

/**
 * A change that the editor makes: a pattern in the existing text, its replacement, and how the tour displays the
 * change.
 */
export type Typed = { readonly find: string; readonly replace: string; readonly shown?: string };

export type CommandRunner = {
  /**
   * Runs `kon ARGS` and waits for its end. If the command opens an editor, the editor makes the changes in `typed`.
   * @throws TourFailure if the exit code is not the expected one (default: 0)
   */
  kon(args: readonly string[], options?: { typed?: readonly Typed[]; exit?: number }): Promise<Finished>;
  /** Starts `kon ARGS` and returns while the command runs in the background. */
  start(args: readonly string[]): Running;
  /**
   * Runs `kon sandbox exec` with the S3 probe, which uses a stock AWS SDK, in place of a container of the pod. A
   * failure of the program is no error here.
   */
  inPod(namespace: string, pod: string, args: readonly string[]): Promise<Finished>;
  /** Runs the S3 probe as the AWS administrator, without displaying the command. */
  asAdministrator(args: readonly string[]): Promise<Finished>;
  close(): Promise<void>;
};

export type CommandRunnerOptions = {
  /** Command that runs `kon`: a program and its leading arguments. */
  readonly kon: readonly [string, ...string[]];
  /** Command that runs the S3 probe, which uses S3 through the stock SDK. */
  readonly probe: readonly [string, ...string[]];
  /** Command that edits a file. Its first argument is the path of a file that lists the changes. */
  readonly editor: readonly [string, ...string[]];
  /** Environment of the user's shell, which acts as administrator of the sandbox's cluster and AWS account. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly write: (text: string) => void;
  readonly signal: AbortSignal;
};

export async function createCommandRunner(options: CommandRunnerOptions): Promise<CommandRunner> {
  const { kon, probe, write, signal } = options;
  const folder = await mkdtemp(join(tmpdir(), 'kon-tour-'));
  const changes = join(folder, 'typed.json');
  const running = new Set<ChildProcess>();

  const run = (
    command: readonly [string, ...string[]],
    env: Readonly<Record<string, string | undefined>>,
    show: boolean,
  ): Running => {
    const [program, ...args] = command;
    const child = spawn(program, args, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'], signal });
    running.add(child);
    let output = '';
    const hear = (chunk: string): void => {
      output += chunk;
      if (show) write(chunk.replaceAll(/^(?=.)/gm, '  '));
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    const finished = new Promise<Finished>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        running.delete(child);
        resolve({ code: code ?? 1, output });
      });
    });
    // Marks the rejection as handled, because the caller can await the result long after the program has failed.
    finished.catch(() => undefined);
    return { output: () => output, finished };
  };

  const show = (line: string): void => write(`\n$ ${line}\n`);
  const shown = (args: readonly string[]): string =>
    args.map((arg) => (/^[\w./:=@,-]+$/.test(arg) ? arg : `'${arg}'`)).join(' ');

  return {
    async kon(args, { typed, exit = 0 } = {}) {
      show(`kon ${shown(args)}`);
      for (const { replace, shown: change = `+ ${replace.replaceAll('\n', '\n+ ')}` } of typed ?? [])
        write(`  (in the editor)\n${change.replaceAll(/^(?=.)/gm, '    | ')}\n`);
      if (typed) await writeFile(changes, JSON.stringify(typed));
      const editor = [...options.editor, changes].map((word) => `'${word}'`).join(' ');
      const env = typed ? { ...options.env, KON_EDITOR: editor } : options.env;
      const finished = await run([...kon, ...args], env, true).finished;
      if (finished.code !== exit)
        throw new TourFailure(`kon ${args.join(' ')} ended with exit code ${finished.code}, not ${exit}`);
      return finished;
    },

    start(args) {
      show(`kon ${shown(args)} &`);
      return run([...kon, ...args], options.env, true);
    },

    inPod(namespace, pod, args) {
      show(`kon sandbox exec -n ${namespace} ${pod} -- s3-probe ${shown(args)}`);
      return run(
        [...kon, 'sandbox', 'exec', '-n', namespace, pod, '--', ...probe, ...args],
        options.env,
        true,
      ).finished;
    },

    asAdministrator: (args) => run([...probe, ...args], options.env, false).finished,

    async close() {
      for (const child of running) child.kill('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
