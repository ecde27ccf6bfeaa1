#!/usr/bin/env node
/**
 * The `kon` executable connects the command line to the process: its streams, signals and clocks. Until the version of
 * Node.js is checked, it must not load modules that an old Node.js cannot parse. Modules that only some commands need
 * are loaded by these commands, so that other commands start quickly.
 */
import { isatty } from 'node:tty';
import { cacheFolder } from './cache-folder.ts';
import { companionVerb } from './companion-verb.ts';
import type { Host, InputStream, OutputStream, SpawnResult } from '../cli/framework/context.ts';
import type { Monotonic, Wall } from '../k8s/time.ts';

/** Minimum version of Node.js; the same as `engines` in package.json. */
const needed = [22, 19] as const;
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  process.stderr.write(
    `Error: kon needs Node.js ${needed.join('.')} or newer, but this is Node.js ${process.versions.node} (${process.execPath})\n\n` +
      'Next: install a supported version from https://nodejs.org, or run kon with npx in a checkout of its repository.\n',
  );
  process.exitCode = 1;
} else {
  void start().then(finish);
}

async function finish(code: number): Promise<void> {
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  // The process exits explicitly. Otherwise, open handles of libraries (a socket, a hanging credential plugin) could
  // keep it alive.
  process.exit(code);
}

/** Resolves when all output has been written. Node.js writes to pipes asynchronously. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve());
  });
}

async function start(): Promise<number> {
  const argv = wordsOf(process.argv.slice(2));
  if (argv.length === 1 && argv[0] === '--version') {
    const { version } = await import('../cli/version.ts');
    process.stdout.write(`${version}\n`);
    return 0;
  }
  const continueWithoutReader = exitWhenOutputCloses();
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      // A second signal ends the process at once.
      if (interruption.signal.aborted) process.exit(130);
      interruption.abort(new Error(`ended by ${signal}`));
    });
  enableCompileCache(process.env);
  const { main } = await import('../cli/main.ts');
  return main(argv, { ...hostOf(interruption.signal, programs()), continueWithoutReader });
}

/**
 * Ends the program without an error when the reader closes its output, as in `kon … | head`.
 *
 * @returns a function that makes the program continue even if the reader closes its output
 */
function exitWhenOutputCloses(): () => void {
  let continues = false;
  const isUnread = ({ code }: NodeJS.ErrnoException): boolean =>
    code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED';
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!isUnread(error)) {
      process.stderr.write(`Error: cannot write to stdout: ${error.message}\n`);
      process.exit(1);
    }
    if (!continues) process.exit(process.exitCode ?? 0);
  });
  // An error on stderr cannot be reported anywhere, so it ends the program silently.
  process.stderr.on('error', () => {
    if (!continues) process.exit(1);
  });
  return () => {
    continues = true;
  };
}

/**
 * Returns the arguments of `kon`. kubectl finds plugins by file name: `kubectl-kon` is this program, and
 * `kubectl_complete-kon` completes its arguments. https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/
 */
function wordsOf(words: readonly string[]): readonly string[] {
  const called = process.getBuiltinModule('node:sea').isSea() ? process.argv0 : process.argv[1];
  return called?.endsWith('kubectl_complete-kon') ? ['__complete', '--kubectl', '--', ...words] : words;
}

/**
 * Returns the command that starts this program, and a function that returns the command for a program that is shipped
 * together with it.
 */
function programs(): Pick<Host, 'self' | 'companion'> {
  const node = process.execPath;
  // The program is a single-file executable; see one-file.ts.
  if (process.getBuiltinModule('node:sea').isSea())
    return { self: [node], companion: (name) => [node, companionVerb, name] };
  const path = process.getBuiltinModule('node:path');
  // The real path is used, because a link to the executable may be removed while this program runs.
  const executable = process.getBuiltinModule('node:fs').realpathSync(process.argv[1] ?? '');
  return {
    self: [node, ...process.execArgv, executable],
    companion: (name) => [node, path.join(path.dirname(executable), `${name}.js`)],
  };
}

/**
 * Caches compiled code between runs, which shortens the start of larger commands. The default folder of Node.js is not
 * used, because users share it: another user could place code there that this program would run.
 */
function enableCompileCache(env: NodeJS.ProcessEnv): void {
  const cache = cacheFolder(env);
  if (cache) process.getBuiltinModule('node:module').enableCompileCache(`${cache}/compiled`);
}

function hostOf(
  signal: AbortSignal,
  programsOfHost: Pick<Host, 'self' | 'companion'>,
): Omit<Host, 'continueWithoutReader'> {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    stdin: inputOf(process.stdin),
    bytes: async () => (await import('./byte-streams.ts')).byteStreams(),
    env: process.env,
    cwd: process.cwd(),
    now: Date.now as () => Wall,
    monotonic: () => performance.now() as Monotonic,
    startedAt: 0 as Monotonic,
    random: Math.random,
    signal,
    ...programsOfHost,
    spawn: run,
  };
}

function outputOf(stream: NodeJS.WriteStream & { readonly fd: number }): OutputStream {
  return {
    write: (text) => void stream.write(text),
    isTTY: isatty(stream.fd),
    // A pseudo-terminal whose size was not set has 0 columns.
    columns: (stream.isTTY && stream.columns) || undefined,
  };
}

function inputOf(stream: typeof process.stdin): InputStream {
  return {
    isTTY: isatty(stream.fd),
    readAll: async () => {
      let text = '';
      stream.setEncoding('utf8');
      for await (const chunk of stream) text += String(chunk);
      return text;
    },
    readLine: async () => {
      const { createInterface } = await import('node:readline');
      const lines = createInterface({ input: stream });
      try {
        for await (const line of lines) return line;
        return undefined;
      } finally {
        lines.close();
      }
    },
  };
}

async function run(
  program: string,
  args: readonly string[],
  options: { env?: Readonly<Record<string, string | undefined>>; cwd?: string } = {},
): Promise<SpawnResult> {
  const { spawn } = await import('node:child_process');
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}
