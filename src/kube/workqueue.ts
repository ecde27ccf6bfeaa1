/**
 * Work queue modelled on client-go's `util/workqueue` and controller-runtime's priority queue. A key is in the queue at
 * most once, and is never processed twice at the same time. A key that is added while it is being processed is
 * processed again afterwards.
 */
import { backoffDelayMs, type BackoffPolicy } from './backoff.ts';
import { createHeap } from './heap.ts';
import { createTokenBucket } from './rate-limiter.ts';
import { systemTimer, type Random, type SetTimer } from './timing.ts';
import type { Monotonic } from '../k8s/time.ts';

export type EnqueueOptions = {
  /** Delay in milliseconds. If a key is added several times, the earliest due time counts. */
  readonly afterMs?: number | undefined;
  /**
   * Priority. Keys of higher priority are processed first. If a key is added several times, the highest priority
   * counts. Default: 0.
   */
  readonly priority?: number | undefined;
};

export type WorkItem = { readonly key: string; readonly priority: number };

export type WorkQueueOptions = {
  /** Monotonic milliseconds. */
  readonly now: () => Monotonic;
  readonly random: Random;
  readonly setTimer?: SetTimer | undefined;
  /** Backoff for retries of one key. client-go: 5 ms to 1000 s. */
  readonly backoff?: BackoffPolicy | undefined;
  /** Rate limit for the retries of all keys together. client-go: 10 per second, with bursts of 100. */
  readonly retryRate?: { readonly qps: number; readonly burst: number } | undefined;
  /**
   * `onQueued` is called with the time that a key waited after its due time. `onWorked` is called with the key's
   * processing time.
   */
  readonly onQueued?: ((waitedMs: number) => void) | undefined;
  readonly onWorked?: ((workedMs: number) => void) | undefined;
};

export type WorkQueueMetrics = {
  /** Due keys that wait for a worker. */
  readonly depth: number;
  /** Keys that are not due yet. */
  readonly delayed: number;
  readonly processing: number;
  readonly adds: number;
  readonly retries: number;
  readonly longestRunningMs: number;
  readonly unfinishedWorkMs: number;
};

export type WorkQueue = {
  add(key: string, options?: EnqueueOptions): void;
  /**
   * Adds the key after its backoff. If the total retry rate is exceeded, the delay is longer. Returns the delay in
   * milliseconds.
   */
  retry(key: string, options?: { readonly priority?: number | undefined }): number;
  /** Resets the backoff of a key. */
  forget(key: string): void;
  /** Consecutive retries. */
  failures(key: string): number;
  /**
   * Resolves with the next key as soon as a key is due, or with undefined when the queue is shut down. The caller must
   * call `done` for each key. With `atLeast`, only keys of this priority or a higher priority are returned.
   */
  take(options?: { readonly atLeast?: number | undefined }): Promise<WorkItem | undefined>;
  done(key: string): void;
  /**
   * Shuts the queue down: `take` returns no more keys. Pending keys are dropped, because a level-based controller adds
   * all keys again when it starts.
   */
  shutDown(): void;
  /** Returns the number of due keys that wait for a worker. */
  depth(): number;
  metrics(): WorkQueueMetrics;
};

type Entry = {
  key: string;
  priority: number;
  readyAt: number;
  order: number;
  state: 'delayed' | 'ready' | 'dirty';
};
/**
 * Item of a heap for one state of an entry. When the entry changes, the item becomes void and stays in the heap until
 * it is popped, so that the heap need not be searched.
 */
type Ticket = {
  readonly entry: Entry;
  readonly priority: number;
  readonly readyAt: number;
  readonly order: number;
};

/**
 * Prevents starvation: every tenth time, `take` returns the key of lowest priority if that key has waited for at least
 * `afterMs`.
 */
const starved = { afterMs: 30_000, every: 10 };

const defaultBackoff: BackoffPolicy = { baseMs: 5, maxMs: 1_000_000 };
const defaultRetryRate = { qps: 10, burst: 100 };

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { now, random } = options;
  const setTimer = options.setTimer ?? systemTimer;
  const backoff = options.backoff ?? defaultBackoff;
  const retries = createTokenBucket({ ...(options.retryRate ?? defaultRetryRate), now });
  const entries = new Map<string, Entry>();
  const processing = new Map<string, number>();
  const failures = new Map<string, number>();
  const delayed = createHeap<Ticket>((a, b) => a.readyAt < b.readyAt);
  const ready = createHeap<Ticket>((a, b) =>
    a.priority === b.priority ? a.order < b.order : a.priority > b.priority,
  );
  /** Callers that wait in `take`. Callers that accept keys of any priority are last. */
  const takers: { readonly atLeast: number; readonly give: (item: WorkItem | undefined) => void }[] = [];
  const counts = { ready: 0, delayed: 0, adds: 0, retries: 0 };
  let orders = 0;
  let given = 0;
  let timer: { at: number; cancel: () => void } | undefined;
  let shutDown = false;

  const isVoid = ({ entry, priority, readyAt, order }: Ticket): boolean =>
    entries.get(entry.key) !== entry ||
    entry.priority !== priority ||
    entry.readyAt !== readyAt ||
    entry.order !== order;

  const setState = (entry: Entry, state: Entry['state']): void => {
    if (entry.state !== 'dirty') counts[entry.state] -= 1;
    if (state !== 'dirty') counts[state] += 1;
    entry.state = state;
  };

  /** Puts an entry into a heap. Must not be called while the entry is processed. Call `proceed` afterwards. */
  const schedule = (entry: Entry): void => {
    const due = entry.readyAt <= now();
    // Among entries of equal priority, the entry that has been due longest comes first.
    if (due && entry.state !== 'ready') entry.order = orders++;
    setState(entry, due ? 'ready' : 'delayed');
    const { priority, readyAt, order } = entry;
    (due ? ready : delayed).push({ entry, priority, readyAt, order });
  };

  const proceed = (): void => {
    give();
    arm();
  };

  /** The due entry of highest priority. */
  const firstReady = (): Entry | undefined => {
    for (let ticket = ready.peek(); ticket; ticket = ready.peek()) {
      if (!isVoid(ticket) && ticket.entry.state === 'ready') return ticket.entry;
      ready.pop();
    }
    return undefined;
  };

  /** Returns the entry that has waited longest among the due entries of the lowest priority. Scans all entries. */
  const lastReady = (): Entry | undefined => {
    let last: Entry | undefined;
    for (const entry of entries.values()) {
      if (entry.state !== 'ready') continue;
      const isLess = last && (entry.priority - last.priority || entry.order - last.order) < 0;
      if (!last || isLess) last = entry;
    }
    return last;
  };

  const starving = (): Entry | undefined => {
    const isTurnOfStarved = (given + 1) % starved.every === 0;
    // A starved key goes only to a taker that accepts keys of any priority. Such takers are last in `takers`.
    if (!isTurnOfStarved || takers.at(-1)?.atLeast !== -Infinity) return undefined;
    const last = lastReady();
    return last && now() - last.readyAt >= starved.afterMs ? last : undefined;
  };

  /** Index of the first taker that accepts the entry. */
  const takerOf = ({ priority }: Entry): number => takers.findIndex(({ atLeast }) => atLeast <= priority);

  const give = (): void => {
    while (takers.length > 0) {
      const entry = starving() ?? firstReady();
      const index = entry ? takerOf(entry) : -1;
      const [taker] = index < 0 ? [] : takers.splice(index, 1);
      // If no taker accepts the entry of highest priority, no taker accepts any other entry.
      if (!entry || !taker) return;
      given += 1;
      counts.ready -= 1;
      // Deleting the entry makes its items in the heap void.
      entries.delete(entry.key);
      const time = now();
      processing.set(entry.key, time);
      options.onQueued?.(Math.max(0, time - entry.readyAt));
      taker.give({ key: entry.key, priority: entry.priority });
    }
  };

  /** Sets the queue's single timer to the earliest due time of the delayed entries. */
  const arm = (): void => {
    let first = delayed.peek();
    while (first && (isVoid(first) || first.entry.state !== 'delayed')) {
      delayed.pop();
      first = delayed.peek();
    }
    if (timer && timer.at === first?.readyAt) return;
    timer?.cancel();
    timer = first && {
      at: first.readyAt,
      cancel: setTimer(onTimer, Math.max(0, first.readyAt - now())),
    };
  };

  const onTimer = (): void => {
    timer = undefined;
    const time = now();
    for (let first = delayed.peek(); first && first.readyAt <= time; first = delayed.peek()) {
      delayed.pop();
      if (!isVoid(first) && first.entry.state === 'delayed') schedule(first.entry);
    }
    // `proceed` is called only after the loop, so that of several entries that become due together, the entry of
    // highest priority goes first.
    proceed();
  };

  const add = (key: string, { afterMs = 0, priority = 0 }: EnqueueOptions = {}): void => {
    if (shutDown) return;
    counts.adds += 1;
    const readyAt = now() + Math.max(0, afterMs);
    const entry = entries.get(key);
    if (!entry) {
      const created: Entry = { key, priority, readyAt, order: orders++, state: 'dirty' };
      entries.set(key, created);
      if (processing.has(key)) return;
      schedule(created);
      proceed();
      return;
    }
    if (entry.priority >= priority && entry.readyAt <= readyAt) return;
    // A key that is already due keeps its due time.
    entry.priority = Math.max(entry.priority, priority);
    entry.readyAt = Math.min(entry.readyAt, readyAt);
    if (entry.state === 'dirty') return;
    schedule(entry);
    proceed();
  };

  return {
    add,
    retry(key, { priority } = {}) {
      const failed = failures.get(key) ?? 0;
      failures.set(key, failed + 1);
      counts.retries += 1;
      const delayMs = Math.max(backoffDelayMs(backoff, failed, random), retries.take());
      add(key, { afterMs: delayMs, priority });
      return delayMs;
    },
    forget: (key) => void failures.delete(key),
    failures: (key) => failures.get(key) ?? 0,
    take({ atLeast = -Infinity } = {}) {
      if (shutDown) return Promise.resolve(undefined);
      return new Promise((resolve) => {
        const before = takers.findIndex((other) => other.atLeast < atLeast);
        takers.splice(before < 0 ? takers.length : before, 0, { atLeast, give: resolve });
        give();
      });
    },
    done(key) {
      const since = processing.get(key);
      if (since === undefined) return;
      processing.delete(key);
      options.onWorked?.(Math.max(0, now() - since));
      const entry = entries.get(key);
      if (!entry || shutDown) return;
      schedule(entry);
      proceed();
    },
    shutDown() {
      shutDown = true;
      timer?.cancel();
      timer = undefined;
      for (const taker of takers.splice(0)) taker.give(undefined);
    },
    depth: () => counts.ready,
    metrics() {
      const time = now();
      const running = [...processing.values()].map((since) => Math.max(0, time - since));
      return {
        depth: counts.ready,
        delayed: counts.delayed,
        processing: processing.size,
        adds: counts.adds,
        retries: counts.retries,
        longestRunningMs: Math.max(0, ...running),
        unfinishedWorkMs: running.reduce((sum, ms) => sum + ms, 0),
      };
    },
  };
}
