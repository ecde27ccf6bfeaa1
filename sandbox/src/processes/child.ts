/**
 * A child process of the sandbox: it has its own process group, a log file for its output and an explicit environment,
 * and is registered with the watchdog before the program starts.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Environment } from '../environment.ts';
import type { Watchdog } from './watchdog.ts';
import { SandboxError } from '../error.ts';

export type ChildExit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type ChildOptions = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The complete environment of the program; the program inherits no other variables. */
  readonly env: Environment;
  readonly logFile: string;
  readonly watchdog: Watchdog;
};

export type Child = {
  readonly name: string;
  /** Process id, which is also the id of the process group. */
  readonly pid: number;
  readonly logFile: string;
  readonly exited: Promise<ChildExit>;
  running(): boolean;
  /** Sends SIGTERM and, after `graceMs`, SIGKILL. Resolves when the process has ended. */
  stop(graceMs: number): Promise<ChildExit>;
};

/** A part of the sandbox exited or did not start. The part's log contains the reason. */
export class ChildFailedError extends SandboxError {
  override readonly name = 'ChildFailedError';
  readonly part: string;
  readonly logFile: string;

  constructor(message: string, part: string, logFile: string) {
    super(message);
    this.part = part;
    this.logFile = logFile;
  }
}

// The shell waits for a line before it executes the program. If this process dies before it has registered the child
// with the watchdog, the shell reads the end of the pipe instead and exits, so no child is left behind.
const gate = 'read -r go && exec "$@" </dev/null';

export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, command, args, env, logFile, watchdog } = options;
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn('/bin/sh', ['-c', gate, name, command, ...args], {
    detached: true,
    stdio: ['pipe', log, log],
    env: { ...env },
  });
  closeSync(log);
  let exit: ChildExit | undefined;
  const exited = new Promise<ChildExit>((resolve) => {
    child.once('exit', (code, signal) => {
      exit = { code, signal };
      if (child.pid !== undefined) watchdog.drop(child.pid);
      resolve(exit);
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const { pid, stdin } = child;
  if (pid === undefined || stdin === null) throw new Error(`${name} was not started`);
  stdin.on('error', () => {
    // A write fails if the shell was killed before it read the line. `exited` reports this failure.
  });
  await watchdog.add(pid);
  stdin.end('go\n');
  return {
    name,
    pid,
    logFile,
    exited,
    running: () => exit === undefined,
    stop: async (graceMs) => {
      if (exit) return exit;
      signalGroup(pid, 'SIGTERM');
      const insist = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs);
      try {
        return await exited;
      } finally {
        clearTimeout(insist);
      }
    },
  };
}

/** Describes how a child ended, with the last lines of its log. */
export async function describeExit(child: Child, exit: ChildExit): Promise<ChildFailedError> {
  const how = exit.signal === null ? `with code ${exit.code}` : `by ${exit.signal}`;
  const tail = await logTail(child.logFile, 12);
  return new ChildFailedError(
    `${child.name} ended ${how}${tail === '' ? '' : `; the end of its log:\n${tail}`}\n(full log: ${child.logFile})`,
    child.name,
    child.logFile,
  );
}

export async function logTail(file: string, lines: number): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    // The process has already ended. macOS returns EPERM for a group of dead processes.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
