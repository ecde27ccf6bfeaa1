#!/usr/bin/env node
/**
 * The `kon` executable: gives the command line what only a process has. Until the check of the version has passed,
 * nothing may be loaded that an old Node.js cannot parse.
 */
import { createInterface } from 'node:readline';
import { spawn } from 'node:child_process';
import { isatty } from 'node:tty';
import type { Host, InputStream, OutputStream, SpawnResult } from '../cli/context.ts';

const neededMajor = 22;

if (Number(process.versions.node.split('.')[0]) < neededMajor) {
  process.stderr.write(
    `Error: kon needs Node.js ${neededMajor} or newer, and this is ${process.versions.node} (${process.execPath})\n\n` +
      'Next: install a supported version from https://nodejs.org, or run kon through npx in its checkout.\n',
  );
  process.exitCode = 1;
} else {
  process.exitCode = await start();
}

async function start(): Promise<number> {
  const argv = process.argv.slice(2);
  if (argv.length === 1 && argv[0] === '--version') {
    const { version } = await import('../cli/version.ts');
    process.stdout.write(`${version}\n`);
    return 0;
  }
  // A reader that has seen enough (`| head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode ?? 0);
  });
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      // The second time there is no patience left for an orderly end.
      if (interruption.signal.aborted) process.exit(130);
      interruption.abort(new Error(`ended by ${signal}`));
    });
  const { main } = await import('../cli/main.ts');
  return main(argv, hostOf(interruption.signal));
}

function hostOf(signal: AbortSignal): Host {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    stdin: inputOf(process.stdin),
    env: process.env,
    cwd: process.cwd(),
    now: Date.now,
    random: Math.random,
    signal,
    self: [process.execPath, ...process.execArgv, process.argv[1] ?? 'kon'],
    spawn: run,
  };
}

function outputOf(stream: NodeJS.WriteStream & { readonly fd: number }): OutputStream {
  return {
    write: (text) => void stream.write(text),
    isTTY: isatty(stream.fd),
    columns: stream.isTTY ? stream.columns : undefined,
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

function run(
  program: string,
  args: readonly string[],
  options: { env?: Readonly<Record<string, string | undefined>>; cwd?: string } = {},
): Promise<SpawnResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}
