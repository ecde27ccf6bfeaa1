/**
 * Returns memory to the system after a burst. The first lists of a cluster, or a thousand new accounts, leave a half-empty,
 * fragmented heap, which V8 keeps while the process is idle.
 */
import { sleep, type SetTimer } from '../kube/index.ts';
import type { Monotonic } from '../k8s/time.ts';

export type Heap = {
  /** Size of the heap in bytes, including unused parts. */
  size(): number;
  /** Returns unused memory. Blocks the process for some hundred milliseconds. */
  giveBack(): void;
  /** Frees short-lived buffers that are no longer used. Takes a millisecond or two. */
  readonly releaseBuffers: () => void;
};

export type SpareMemoryOptions = {
  readonly heap: Pick<Heap, 'size' | 'giveBack'>;
  readonly isIdle: () => boolean;
  readonly now: () => Monotonic;
  readonly setTimer: SetTimer;
};

const lookEveryMs = 2_000;
/** Idle time before a collection, so that no reconcile waits for it. Milliseconds. */
const idleMs = 8_000;
/**
 * Minimum time between collections. Each drift pass needs some memory for a short time, and reuses the memory that the
 * previous pass left. Milliseconds.
 */
const restMs = 120_000;
/** Minimum growth since the last collection. Bytes. */
const leastGrowth = 16 * 1024 * 1024;

/** Shrinks the heap whenever the operator is idle, until the signal aborts. */
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
