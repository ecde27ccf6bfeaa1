/**
 * Log of a container: a file with one line `TIME STREAM TEXT` for each line of the program's output. Readers apply the
 * options of a log request (follow, tail, since, timestamps). Source: Kubernetes API, PodLogOptions.
 */
import { appendFile, mkdir, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export type Container = { readonly namespace: string; readonly pod: string; readonly container: string };

/** @param logs folder of the sandbox's logs */
export function podLogFile(logs: string, { namespace, pod, container }: Container): string {
  // The underscore is a safe separator, because none of the three names can contain an underscore.
  return join(logs, 'pods', `${namespace}_${pod}_${container}.log`);
}

/** @param at milliseconds since the epoch */
export function logLine(at: number, stream: 'stdout' | 'stderr', text: string): string {
  return `${new Date(at).toISOString()} ${stream} ${text}\n`;
}

/** Creates the log file if it does not exist, with a line that explains how to fill the log. */
export async function ensurePodLog(file: string, first: string): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true, mode: 0o700 });
  if (!(await sizeOf(file))) await appendFile(file, first, { mode: 0o600 });
}

export type LogQuery = {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tailLines: number | undefined;
  /** Time of the oldest requested line, in milliseconds since the epoch. */
  readonly since: number | undefined;
  readonly limitBytes: number | undefined;
};

/** @param now milliseconds since the epoch */
export function parseLogQuery(query: URLSearchParams, now: number): LogQuery {
  const numberOf = (name: string): number | undefined => {
    const text = query.get(name);
    return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
  };
  const seconds = numberOf('sinceSeconds');
  const time = Date.parse(query.get('sinceTime') ?? '');
  return {
    follow: query.get('follow') === 'true',
    timestamps: query.get('timestamps') === 'true',
    tailLines: numberOf('tailLines'),
    since: seconds === undefined ? (Number.isNaN(time) ? undefined : time) : now - seconds * 1000,
    limitBytes: numberOf('limitBytes'),
  };
}

/** Interval between reads of a log file that is followed, in milliseconds. */
const pollMs = 100;

/** @param isThere whether the pod still exists; following ends when the pod is deleted */
export async function* readPodLog(
  file: string,
  query: LogQuery,
  isThere: () => Promise<boolean>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const written = await readFrom(file, 0);
  const lines = written.text
    .split('\n')
    .slice(0, -1)
    .filter((line) => isWanted(line, query));
  const tail =
    query.tailLines === undefined ? lines : query.tailLines === 0 ? [] : lines.slice(-query.tailLines);
  const text = tail.map((line) => shown(line, query)).join('');
  yield query.limitBytes === undefined ? text : text.slice(0, query.limitBytes);
  let at = written.end;
  while (query.follow && !signal.aborted) {
    const next = await readFrom(file, at);
    at = next.end;
    const more = next.text.split('\n').slice(0, -1);
    if (more.length > 0) yield more.map((line) => shown(line, query)).join('');
    else if (!(await isThere())) return;
    else await delay(pollMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Reads the complete lines after a position. An incomplete last line is not read. */
async function readFrom(file: string, at: number): Promise<{ readonly text: string; readonly end: number }> {
  const size = await sizeOf(file);
  if (size <= at) return { text: '', end: at };
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - at), 0, size - at, at);
    const whole = buffer.subarray(0, buffer.subarray(0, bytesRead).lastIndexOf(10) + 1);
    return { text: whole.toString('utf8'), end: at + whole.length };
  } finally {
    await handle.close();
  }
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

const linePattern = /^(\S+) (?:stdout|stderr) (.*)$/s;

function isWanted(line: string, { since }: LogQuery): boolean {
  return since === undefined || Date.parse(linePattern.exec(line)?.[1] ?? '') >= since;
}

function shown(line: string, { timestamps }: LogQuery): string {
  const [, time = '', text = line] = linePattern.exec(line) ?? [];
  return timestamps ? `${time} ${text}\n` : `${text}\n`;
}
