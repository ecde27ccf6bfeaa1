/**
 * Measures the processor time of this process and its children. The time is comparable even if the machine has other
 * load. Reads /proc, so it reports nothing on systems other than Linux.
 */
import { readdir, readFile } from 'node:fs/promises';

/** Processor time in seconds, keyed by program name. Empty on systems without /proc. */
export type ProcessorTime = Readonly<Record<string, number>>;

/** Value of sysconf(_SC_CLK_TCK) on Linux, for every architecture that Node.js supports. */
const ticksPerSecond = 100;

export async function processorTime(): Promise<ProcessorTime> {
  const times: Record<string, number> = {};
  const pids = await readdir('/proc').catch(() => []);
  for (const pid of pids.filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const isSelf = Number(pid) === process.pid;
    if (!isSelf && Number(fields[1]) !== process.pid) continue;
    const seconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    const name = isSelf ? 'bench' : await programOf(pid);
    times[name] = (times[name] ?? 0) + seconds;
  }
  return times;
}

/** Describes the processor time used between two readings. */
export function processorTimeSince(before: ProcessorTime, after: ProcessorTime): string {
  return Object.entries(after)
    .map(([name, seconds]) => ({ name, used: seconds - (before[name] ?? 0) }))
    .filter(({ used }) => used >= 0.1)
    .sort((a, b) => b.used - a.used)
    .map(({ name, used }) => `${name} ${used.toFixed(1)} s`)
    .join(', ');
}

async function programOf(pid: string): Promise<string> {
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  if (words.includes('operator')) return 'operator';
  if (words.some((word) => word.endsWith('aws-process.ts'))) return 'AWS emulator';
  return words[0]?.split('/').at(-1) ?? '';
}
