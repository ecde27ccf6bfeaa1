/** Waits until a part of the sandbox is ready, as long as the part's process runs. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Child, ChildFailedError, describeExit, logTail } from './child.ts';

export type ReadyOptions = {
  /** Condition in the error message, for example `the webhook responds`. */
  readonly what: string;
  readonly child: Child;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Resolves to true if the part is ready. An exception counts as false, and is reported if the time runs out. */
  readonly probe: (signal: AbortSignal) => Promise<boolean>;
};

const pollMs = 20;

/** @throws ChildFailedError if the child exits first or the time runs out; the abort reason if `signal` is aborted */
export async function untilReady(options: ReadyOptions): Promise<void> {
  const { what, child, timeoutMs, probe } = options;
  const stopProbing = new AbortController();
  const expired = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([stopProbing.signal, expired, ...(options.signal ? [options.signal] : [])]);
  let lastFault: unknown;
  const poll = async (): Promise<'ready' | 'stopped'> => {
    while (!signal.aborted) {
      try {
        if (await probe(signal)) return 'ready';
      } catch (error) {
        lastFault = error;
      }
      await delay(pollMs, undefined, { signal }).catch(() => undefined);
    }
    return 'stopped';
  };
  try {
    const outcome = await Promise.race([poll(), child.exited]);
    if (outcome === 'ready') return;
    if (outcome !== 'stopped') throw await describeExit(child, outcome);
    options.signal?.throwIfAborted();
    const reason = lastFault instanceof Error ? ` (${lastFault.message})` : '';
    const tail = await logTail(child.logFile, 12);
    throw new ChildFailedError(
      `${child.name} was not ready within ${timeoutMs / 1000} s because this condition did not hold: ${what}${reason}; the end of its log:\n${tail}\n(full log: ${child.logFile})`,
      child.name,
      child.logFile,
    );
  } finally {
    stopProbing.abort();
  }
}
