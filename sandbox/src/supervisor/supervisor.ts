/**
 * Supervises one sandbox from acquiring its lock to the end of its last process: starts the sandbox, responds to
 * requests about its state, and always stops all its parts.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { makeFolder } from '../make-folder.ts';
import { formatTime } from '../../../src/k8s/time.ts';
import { tryLock } from '../file-lock.ts';
import { startWatchdog } from '../processes/watchdog.ts';
import { bringUp } from './bring-up.ts';
import { serveControl } from './control.ts';
import type { SandboxDescription } from './description.ts';
import type { SandboxEvent } from './events.ts';
import type { SupervisorOptions } from './options.ts';
import { createParts } from './parts.ts';
import type { SandboxPaths } from './paths.ts';

export type RunningSandbox = {
  describe(): Promise<SandboxDescription>;
  /** Stops the sandbox. Resolves when all parts have ended. */
  stop(): Promise<void>;
  /** Resolves when all parts have ended, regardless of the reason. */
  readonly stopped: Promise<void>;
};

/** Another process runs a sandbox in this folder. */
export class SandboxHeldError extends Error {
  override readonly name = 'SandboxHeldError';
  readonly pid: number;

  constructor(pid: number, folder: string) {
    super(`process ${pid} already runs a sandbox in ${folder}`);
    this.pid = pid;
  }
}

/** The fields of a sandbox's description that do not change while the sandbox runs. */
type Facts = Omit<SandboxDescription, 'state' | 'parts'>;

/**
 * Resolves when the sandbox is ready.
 * @throws SandboxHeldError
 * @throws ChildFailedError, BinaryMissingError, BuildFailedError or the reason of `signal`, after everything has been
 *   stopped again
 */
export async function superviseSandbox(options: SupervisorOptions): Promise<RunningSandbox> {
  const { paths, now, monotonic } = options;
  const date = now();
  const startedAt = monotonic();
  await makeFolder(paths.folder, 0o700);
  const attempt = tryLock(paths.lock);
  if (attempt.outcome === 'held') throw new SandboxHeldError(attempt.pid, paths.folder);

  const abort = new AbortController();
  const events: SandboxEvent[] = [];
  const report = (event: SandboxEvent): void => {
    events.push(event);
    options.report(event);
  };
  const watchdog = await startWatchdog();
  const parts = createParts({
    watchdog,
    logs: paths.logs,
    onStart: (part, version) => report({ kind: 'part-started', part, version }),
    onEnd: (part, message) => report({ kind: 'part-ended', part, message }),
  });
  const cleanups: (() => Promise<void> | void)[] = [];
  const ended = Promise.withResolvers<void>();
  let state: SandboxDescription['state'] = 'starting';
  let facts: Facts | undefined;
  let bringing: Promise<void> | undefined;

  const describe = async (): Promise<SandboxDescription | undefined> =>
    facts && {
      ...facts,
      state: state === 'running' && parts.anyEnded() ? 'degraded' : state,
      parts: await parts.status(),
    };

  const end = async (): Promise<void> => {
    report({ kind: 'stopping' });
    state = 'stopping';
    abort.abort(new Error('the sandbox is being stopped'));
    // Waits for parts that are still starting, because they can write files, which must be removed too.
    await bringing?.catch(() => undefined);
    await parts.stop();
    await watchdog.close();
    await removeAllButLogs(paths);
    for (const cleanup of cleanups.toReversed()) await cleanup();
    attempt.lock.release();
  };
  let ending: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    ending ??= end();
    ending.then(ended.resolve, ended.reject);
    return ending;
  };

  try {
    if (existsSync(paths.run)) {
      await removeAllButLogs(paths);
      report({ kind: 'cleaned', folder: paths.folder });
    }
    await rm(paths.logs, { recursive: true, force: true });
    for (const folder of [paths.run, paths.logs, paths.bin]) await mkdir(folder, { mode: 0o700 });
    const control = await serveControl(paths.record, { describe, events, stop: () => void stop() });
    cleanups.push(() => control.close());

    bringing = bringUp({
      ...options,
      report,
      parts,
      watchdog,
      signal: AbortSignal.any([abort.signal, options.signal]),
      onCleanup: (cleanup) => cleanups.push(cleanup),
      onStep: (step) => report({ kind: 'step-done', step, elapsedMs: monotonic() - startedAt }),
      onFacts: (found) => {
        facts = { ...found, pid: process.pid, startedAt: formatTime(date), folder: paths.folder };
      },
    });
    await bringing;
    state = 'running';
    report({ kind: 'ready', elapsedMs: monotonic() - startedAt });
  } catch (error) {
    await stop();
    throw error;
  }
  options.signal.addEventListener('abort', () => void stop());
  if (options.signal.aborted) void stop();
  return {
    describe: async () => {
      const description = await describe();
      if (description === undefined) throw new Error('a sandbox that is up has no description');
      return description;
    },
    stop,
    stopped: ended.promise,
  };
}

/** Removes everything except the logs, which are kept for diagnosis until the next start. */
async function removeAllButLogs(paths: SandboxPaths): Promise<void> {
  const { run, bin, kubeconfig, awsCredentials, awsConfig, record } = paths;
  for (const path of [run, bin, kubeconfig, awsCredentials, awsConfig, record])
    await rm(path, { recursive: true, force: true });
}
