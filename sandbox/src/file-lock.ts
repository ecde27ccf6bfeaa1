/**
 * A lock between processes on one machine: a file that names its holder. `link` creates the file atomically with its
 * content. The lock is free again once its holder is dead.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export type FileLock = { release(): void };

export type LockAttempt =
  | { readonly outcome: 'acquired'; readonly lock: FileLock }
  | { readonly outcome: 'held'; readonly pid: number };

const pollMs = 100;

/** Tries to acquire the lock once. */
export function tryLock(file: string): LockAttempt {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, String(process.pid), { mode: 0o600 });
  try {
    for (;;) {
      try {
        linkSync(own, file);
        return { outcome: 'acquired', lock: { release: () => release(file) } };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const pid = holder(file);
      if (pid === undefined) continue;
      if (isProcessAlive(pid)) return { outcome: 'held', pid };
      discard(file, pid);
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * Waits for the lock.
 * @param onWait called once for each holder of the lock while this process waits
 */
export async function acquireLock(
  file: string,
  onWait: (pid: number) => void,
  signal?: AbortSignal,
): Promise<FileLock> {
  let waitedFor: number | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const attempt = tryLock(file);
    if (attempt.outcome === 'acquired') return attempt.lock;
    if (attempt.pid !== waitedFor) onWait(attempt.pid);
    waitedFor = attempt.pid;
    await delay(pollMs, undefined, signal ? { signal } : {});
  }
}

export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function holder(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function release(file: string): void {
  if (holder(file) === process.pid) rmSync(file, { force: true });
}

/**
 * Removes the lock of a dead holder. Another process might have replaced that lock in the meantime. If the removed file
 * turns out to belong to a live holder, the file is restored.
 */
function discard(file: string, deadPid: number): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  if (holder(aside) !== deadPid) {
    try {
      linkSync(aside, file);
    } catch {
      // The file cannot be restored, because another process has acquired the lock since `renameSync`.
    }
  }
  rmSync(aside, { force: true });
}
