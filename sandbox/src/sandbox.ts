/**
 * Functions of the sandbox for its host programs: up, down, status, logs. (`exec` is in exec/.) A host provides clock,
 * randomness and environment, and displays events; no module of the package uses the terminal.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeFolder } from './make-folder.ts';
import type { OuterEnvironment } from './environment.ts';
import type { SupervisorOptions } from './supervisor/options.ts';
import { SandboxError } from './error.ts';
import { isProcessAlive } from './file-lock.ts';
import { logTail } from './processes/child.ts';
import { connectControl, type ControlClient } from './supervisor/control.ts';
import { type PartName, partNames, type SandboxDescription } from './supervisor/description.ts';
import type { SandboxReporter } from './supervisor/events.ts';
import { sandboxPaths } from './supervisor/paths.ts';
import { type RunningSandbox, SandboxHeldError, superviseSandbox } from './supervisor/supervisor.ts';

export type UpOptions = Omit<SupervisorOptions, 'paths'> & { readonly folder: string };

export type UpOutcome =
  | { readonly outcome: 'started'; readonly sandbox: RunningSandbox }
  | { readonly outcome: 'already-running'; readonly description: SandboxDescription };

const pollMs = 50;
/**
 * Maximum time between acquiring the lock and writing the record of the control endpoint, which normally takes
 * milliseconds. After this time, a holder without a record counts as dead.
 */
const answerMs = 5000;
/** Maximum time for a sandbox to stop. It is longer than the grace period of the parts (1.5 s). */
const endMs = 15_000;
/** Maximum time between the end of a sandbox and the end of its process. */
const lingerMs = 1000;

/** Runs a sandbox in this process, or finds a running sandbox and waits until it is ready. */
export async function upSandbox(options: UpOptions): Promise<UpOutcome> {
  const paths = sandboxPaths(options.folder);
  for (;;) {
    try {
      return { outcome: 'started', sandbox: await superviseSandbox({ ...options, paths }) };
    } catch (error) {
      if (!(error instanceof SandboxHeldError)) throw error;
      const client = await answerOf(paths.record, error.pid, options.signal);
      if (client === undefined) {
        if (!isProcessAlive(error.pid)) continue;
        throw new SandboxError(
          `process ${error.pid} holds the lock ${paths.lock} but does not respond; end the process, or remove the file if the process is not a sandbox`,
        );
      }
      const description = await untilUp(client, () => undefined, options.signal);
      if (description !== undefined) return { outcome: 'already-running', description };
      // The sandbox that held the lock has ended since `superviseSandbox` failed, so the folder is free.
    }
  }
}

export type DetachedUpOptions = {
  readonly folder: string;
  /** Command that runs `upSandbox` in the foreground for the same folder. */
  readonly command: readonly [string, ...string[]];
  readonly env: OuterEnvironment;
  readonly report: SandboxReporter;
  /** When this signal is aborted, the function stops waiting and ends the started process. */
  readonly signal: AbortSignal;
};

/** Runs a sandbox in its own process, which outlives this process. Resolves when the sandbox is ready. */
export async function upSandboxDetached(
  options: DetachedUpOptions,
): Promise<{ readonly outcome: 'started' | 'already-running'; readonly description: SandboxDescription }> {
  const { folder, report, signal } = options;
  const paths = sandboxPaths(folder);
  const running = await connectControl(paths.record);
  if (running !== undefined) {
    const description = await untilUp(running, report, signal);
    if (description !== undefined) return { outcome: 'already-running', description };
  }
  await makeFolder(folder, 0o700);
  const log = openSync(paths.supervisorLog, 'w', 0o600);
  const [program, ...args] = options.command;
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...options.env },
  });
  closeSync(log);
  const ended = new Promise<void>((resolve, reject) => {
    child.once('exit', () => resolve());
    child.once('error', reject);
  });
  const isUp = async (): Promise<SandboxDescription | undefined> => {
    for (;;) {
      const client = await connectControl(paths.record);
      if (client !== undefined) return untilUp(client, report, signal);
      await delay(pollMs, undefined, { signal });
    }
  };
  try {
    const description = await Promise.race([isUp(), ended]);
    if (description === undefined) {
      // A possible reason for the end of the process is that another process started the sandbox first.
      const other = await connectControl(paths.record);
      const found = other && (await untilUp(other, report, signal));
      if (found !== undefined) return { outcome: 'already-running', description: found };
      throw new SandboxError(
        `the sandbox did not start:\n${await lastError(paths.supervisorLog)}\n(full log: ${paths.supervisorLog})`,
      );
    }
    return { outcome: 'started', description };
  } catch (error) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    throw error;
  } finally {
    child.unref();
  }
}

/** Reads the error from the end of the log. Earlier output was already displayed as events. */
async function lastError(log: string): Promise<string> {
  const tail = await logTail(log, 40);
  const start = tail.lastIndexOf('\nError: ');
  return start < 0 ? tail : tail.slice(start + '\nError: '.length);
}

/** Stops the sandbox and waits until it has ended. Removes the leftovers of a killed sandbox. */
export async function downSandbox(folder: string): Promise<'stopped' | 'not-running'> {
  const paths = sandboxPaths(folder);
  const client = await connectControl(paths.record);
  if (client === undefined) {
    for (const path of [
      paths.run,
      paths.bin,
      paths.kubeconfig,
      paths.awsConfig,
      paths.awsCredentials,
      paths.record,
    ])
      await rm(path, { recursive: true, force: true });
    return 'not-running';
  }
  await client.stop();
  await until(endMs, () => !existsSync(paths.lock) || !isProcessAlive(client.pid));
  // Killing the process is safe: it has accepted the sandbox's secret, so it is the sandbox. The sandbox's watchdog
  // then ends the parts.
  if (existsSync(paths.lock) && isProcessAlive(client.pid)) process.kill(client.pid, 'SIGKILL');
  // Releasing the lock is the last action of a sandbox. The sandbox's process then exits, unless the sandbox runs
  // inside a program that continues, such as a test.
  await until(lingerMs, () => !isProcessAlive(client.pid));
  return 'stopped';
}

/** Resolves when the condition holds or the time runs out. */
async function until(timeoutMs: number, condition: () => boolean): Promise<void> {
  const deadline = AbortSignal.timeout(timeoutMs);
  while (!condition() && !deadline.aborted) await delay(pollMs);
}

/** Describes the running sandbox; undefined if none is running. */
export async function sandboxStatus(folder: string): Promise<SandboxDescription | undefined> {
  const client = await connectControl(sandboxPaths(folder).record);
  return client?.status();
}

export const logNames = [...partNames, 'audit', 'supervisor'] as const;
export type LogName = PartName | 'audit' | 'supervisor';

export type LogOptions = {
  readonly folder: string;
  readonly name: LogName;
  /** Number of lines to begin with, counted from the end of the log (default: all). */
  readonly tail: number | undefined;
  /** Whether to keep printing new lines until `signal` aborts. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly write: (text: string) => void;
};

/** @throws SandboxError if the log does not exist because the part was never started */
export async function sandboxLogs(options: LogOptions): Promise<void> {
  const { folder, name, tail, follow, signal, write } = options;
  const paths = sandboxPaths(folder);
  const path = name === 'supervisor' ? paths.supervisorLog : join(paths.logs, `${name}.log`);
  if (!existsSync(path)) throw new SandboxError(`the sandbox in ${paths.folder} has no log of "${name}"`);
  const file = await open(path);
  try {
    const text = await file.readFile('utf8');
    write(tail === undefined ? text : lastLines(text, tail));
    if (!follow) return;
    while (!signal.aborted) {
      const added = await file.readFile('utf8');
      if (added === '') await delay(pollMs, undefined, { signal }).catch(() => undefined);
      else write(added);
    }
  } finally {
    await file.close();
  }
}

function lastLines(text: string, count: number): string {
  if (count === 0) return '';
  const lines = text.split('\n');
  const complete = text.endsWith('\n') ? 1 : 0;
  return lines.slice(-(count + complete)).join('\n');
}

async function answerOf(
  record: string,
  pid: number,
  signal: AbortSignal,
): Promise<ControlClient | undefined> {
  const deadline = AbortSignal.timeout(answerMs);
  while (!deadline.aborted && isProcessAlive(pid)) {
    signal.throwIfAborted();
    const client = await connectControl(record);
    if (client !== undefined) return client;
    await delay(pollMs);
  }
  return undefined;
}

/** Relays events until the sandbox is up. Returns undefined if the sandbox exits first. */
async function untilUp(
  client: ControlClient,
  report: SandboxReporter,
  signal: AbortSignal,
): Promise<SandboxDescription | undefined> {
  let seen = 0;
  try {
    for (;;) {
      const description = await client.status();
      const events = await client.events(seen);
      events.forEach(report);
      seen += events.length;
      if (description?.state === 'running' || description?.state === 'degraded') return description;
      await delay(pollMs, undefined, { signal });
    }
  } catch (error) {
    signal.throwIfAborted();
    // A connection failure means that the sandbox has ended.
    if (error instanceof Error) return undefined;
    throw error;
  }
}
