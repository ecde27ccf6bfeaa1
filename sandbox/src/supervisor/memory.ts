/** Memory usage of processes. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/**
 * Returns the resident memory in bytes of each live process. Empty on a system that does not report the memory of
 * processes.
 */
export async function residentBytes(pids: readonly number[]): Promise<ReadonlyMap<number, number>> {
  if (pids.length === 0) return new Map();
  return process.platform === 'linux' ? fromProc(pids) : fromPs(pids);
}

async function fromProc(pids: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const found = new Map<number, number>();
  await Promise.all(
    pids.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
      if (kilobytes !== undefined) found.set(pid, Number(kilobytes) * 1024);
    }),
  );
  return found;
}

async function fromPs(pids: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const { stdout } = await promisify(execFile)('/bin/ps', ['-o', 'pid=,rss=', '-p', pids.join(',')], {
    env: {},
  }).catch(() => ({ stdout: '' }));
  return new Map(
    stdout
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number))
      .filter((numbers) => numbers.length === 2)
      .map(([pid = 0, kilobytes = 0]) => [pid, kilobytes * 1024]),
  );
}
