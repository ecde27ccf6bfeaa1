/**
 * Gives memory back after a burst. The first lists of a cluster, or a thousand new accounts, leave a heap that is half
 * empty and in pieces. V8 keeps it for as long as little is going on, which is when a container's memory is looked at.
 */
import { sleep, type SetTimer } from '../kube/index.ts';
import type { Monotonic } from '../k8s/time.ts';

export type Heap = {
  /** What it holds, in use or not. Bytes. */
  size(): number;
  /** Gives back what is not in use. Nothing else goes on meanwhile, for some hundred milliseconds. */
  giveBack(): void;
};

export type SpareMemoryOptions = {
  readonly heap: Heap;
  readonly isIdle: () => boolean;
  readonly now: () => Monotonic;
  readonly setTimer: SetTimer;
};

const lookEveryMs = 2_000;
/** So that nobody waits for it: nothing has been worked on for this long. Milliseconds. */
const idleMs = 8_000;
/** Every sweep for drift needs some room for a moment. It finds what the one before it used, for at least this long. Milliseconds. */
const restMs = 120_000;
/** Less is not worth it. Bytes. */
const leastGrowth = 16 * 1024 * 1024;

/** Watches over the heap until the signal aborts. */
export async function spareMemory(options: SpareMemoryOptions, signal: AbortSignal): Promise<void> {
  const { heap, isIdle, now, setTimer } = options;
  let idleSince: number | undefined;
  let last = { at: -Infinity, size: 0 };
  for (;;) {
    await sleep(setTimer, lookEveryMs, signal);
    if (signal.aborted) return;
    idleSince = isIdle() ? (idleSince ?? now()) : undefined;
    if (idleSince === undefined || now() - idleSince < idleMs) continue;
    if (now() - last.at < restMs || heap.size() - last.size < leastGrowth) continue;
    heap.giveBack();
    last = { at: now(), size: heap.size() };
  }
}
