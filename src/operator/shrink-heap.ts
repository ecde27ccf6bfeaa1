/**
 * Returns memory to the operating system after a burst. The first lists of a cluster, or a thousand new accounts, leave
 * a half-empty, fragmented heap. V8 keeps this heap while the process is idle.
 */
import { sleep, type SetTimer } from '../kube/index.ts';
import type { Monotonic } from '../k8s/time.ts';

export type Heap = {
  /** Returns the size of the heap in bytes, including unused parts. */
  size(): number;
  /** Returns unused heap memory to the operating system. Blocks the process for some hundred milliseconds. */
  shrink(): void;
  /** Frees short-lived buffers that are no longer in use. Takes one or two milliseconds. */
  readonly releaseBuffers: () => void;
};

export type ShrinkHeapOptions = {
  readonly heap: Pick<Heap, 'size' | 'shrink'>;
  readonly isIdle: () => boolean;
  readonly now: () => Monotonic;
  readonly setTimer: SetTimer;
};

const checkEveryMs = 2_000;
/** Minimum idle time before a garbage collection, in milliseconds, so that no reconcile waits for the collection. */
const idleMs = 8_000;
/**
 * Minimum time between two garbage collections, in milliseconds. Each drift pass needs some memory for a short time. A
 * collection after each pass would free memory that the next pass needs again.
 */
const minPauseMs = 120_000;
/** Minimum growth of the heap since the last garbage collection, in bytes, before the next collection. */
const minGrowth = 16 * 1024 * 1024;

/** Shrinks the heap whenever the operator has been idle for a while, until the signal aborts. */
export async function shrinkHeapWhenIdle(options: ShrinkHeapOptions, signal: AbortSignal): Promise<void> {
  const { heap, isIdle, now, setTimer } = options;
  let idleSince: number | undefined;
  let last = { at: -Infinity, size: 0 };
  for (;;) {
    await sleep(setTimer, checkEveryMs, signal);
    if (signal.aborted) return;
    idleSince = isIdle() ? (idleSince ?? now()) : undefined;
    if (idleSince === undefined || now() - idleSince < idleMs) continue;
    if (now() - last.at < minPauseMs || heap.size() - last.size < minGrowth) continue;
    heap.shrink();
    last = { at: now(), size: heap.size() };
  }
}
