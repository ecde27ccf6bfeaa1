/**
 * Controller modelled on controller-runtime. The queue contains keys only. A limited number of keys is reconciled
 * concurrently, but never one key twice at the same time. An error affects only the key whose reconcile failed.
 */
import type { BackoffPolicy } from './backoff.ts';
import { silentLogger, type Logger } from './logger.ts';
import { sleep, systemTimer, type Random, type SetTimer } from './timing.ts';
import { createWorkQueue, type EnqueueOptions, type WorkItem, type WorkQueueMetrics } from './workqueue.ts';
import type { Monotonic } from '../k8s/time.ts';

/**
 * Result of a reconcile. `undefined`: the key is not requeued. `requeueAfterMs`: the key is requeued after that time.
 * `backoff`: the key is requeued with backoff, as after an error, but no error is counted, because the reconcile has
 * already reported the problem. `failed`: an error is counted, and the key is requeued after `requeueAfterMs` without
 * backoff.
 */
export type ReconcileResult =
  | { readonly requeueAfterMs?: number; readonly backoff?: true; readonly failed?: never }
  | { readonly requeueAfterMs: number; readonly failed: true; readonly backoff?: never }
  | undefined
  | void;

/**
 * Reconciles one key. `signal` aborts when the reconcile exceeds its timeout, and when the drain timeout of a shutdown
 * expires.
 */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult>;

/** Thrown by a reconcile for an error that retries cannot fix: the key is not requeued until its object changes. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

/**
 * Outcome of a reconcile. The values are those of controller-runtime's metric label `result`, plus `stopped` for a
 * reconcile that a shutdown aborted.
 */
export type ReconcileOutcome = 'success' | 'requeue_after' | 'requeue' | 'error' | 'stopped';

export type ControllerObserver = {
  readonly reconciled?: ((outcome: ReconcileOutcome, durationMs: number) => void) | undefined;
  /** Time that a due key waited for a worker. */
  readonly queued?: ((waitedMs: number) => void) | undefined;
  /** Time from the start of a reconcile until its key can be reconciled again. */
  readonly worked?: ((workedMs: number) => void) | undefined;
};

export type ControllerOptions = {
  readonly name: string;
  readonly reconcile: Reconcile;
  /** Maximum number of keys that are reconciled at the same time. Default: 1. */
  readonly concurrency?: number | undefined;
  /**
   * Additional workers that accept only keys of at least the priority `atLeast`, so that such keys do not wait for keys
   * of lower priority.
   */
  readonly reserved?: { readonly atLeast: number; readonly workers: number } | undefined;
  /** Monotonic milliseconds. */
  readonly now: () => Monotonic;
  readonly random: Random;
  readonly setTimer?: SetTimer | undefined;
  readonly logger?: Logger | undefined;
  readonly onError?: ((key: string, error: unknown) => void) | undefined;
  readonly observer?: ControllerObserver | undefined;
  readonly backoff?: BackoffPolicy | undefined;
  readonly retryRate?: { readonly qps: number; readonly burst: number } | undefined;
  /** Maximum duration of a reconcile. A longer reconcile counts as stuck, and its signal aborts. Default: 5 minutes. */
  readonly reconcileTimeoutMs?: number | undefined;
  /** Time that a shutdown waits for running reconciles before they are aborted. Default: 20 s. */
  readonly drainTimeoutMs?: number | undefined;
};

export type ControllerMetrics = WorkQueueMetrics & {
  readonly maxConcurrent: number;
  readonly active: number;
  readonly reconciles: Readonly<Record<ReconcileOutcome, number>>;
  readonly terminalErrors: number;
  /**
   * Number of exceptions that indicate a bug (such as TypeError). Each of these exceptions also counts as an error.
   */
  readonly panics: number;
  readonly timeouts: number;
};

export type Controller = {
  readonly name: string;
  enqueue(key: string, options?: EnqueueOptions): void;
  /**
   * Runs until `signal` aborts. After that, the controller starts no more reconciles, and waits for running reconciles.
   * It aborts reconciles that exceed the drain timeout, and abandons reconciles that ignore the abort. The promise
   * never rejects.
   */
  start(signal: AbortSignal): Promise<void>;
  /** Number of due keys that wait for a worker. */
  waiting(): number;
  /** Number of keys that are being reconciled. */
  working(): number;
  metrics(): ControllerMetrics;
  /** Keys whose reconcile exceeded its timeout, was aborted, and is still running. For `/healthz`. */
  stuck(): readonly string[];
};

/** Maximum time that a stopping process waits for aborted reconciles. */
const abortGraceMs = 2_000;

type Completion =
  | { readonly outcome: 'success' | 'stopped' }
  | { readonly outcome: 'requeue' }
  | {
      readonly outcome: 'requeue_after';
      readonly afterMs: number;
      readonly counted: 'requeue_after' | 'error';
    }
  | { readonly outcome: 'error'; readonly error: unknown };

export function createController(options: ControllerOptions): Controller {
  const { name, reconcile, now, observer, reserved } = options;
  const concurrency = options.concurrency ?? 1;
  const setTimer = options.setTimer ?? systemTimer;
  const reconcileTimeoutMs = options.reconcileTimeoutMs ?? 300_000;
  const logger = (options.logger ?? silentLogger).with({ controller: name });
  /** An observer that throws must not stop the controller. */
  const observe = (callback: () => void): void => {
    try {
      callback();
    } catch (error) {
      logger.error('An observer failed', { error });
    }
  };
  const queue = createWorkQueue({
    now,
    random: options.random,
    setTimer,
    backoff: options.backoff,
    retryRate: options.retryRate,
    onQueued: (waitedMs) => observe(() => observer?.queued?.(waitedMs)),
    onWorked: (workedMs) => observe(() => observer?.worked?.(workedMs)),
  });
  const running = new Map<string, { readonly abort: AbortController; timedOut: boolean }>();
  const reconciles = { success: 0, requeue_after: 0, requeue: 0, error: 0, stopped: 0 };
  const counts = { terminalErrors: 0, panics: 0, timeouts: 0 };
  let started = false;
  let stopping = false;

  const run = async (key: string): Promise<Completion> => {
    const state = { abort: new AbortController(), timedOut: false };
    running.set(key, state);
    const cancelTimeout = setTimer(() => {
      state.timedOut = true;
      counts.timeouts += 1;
      logger.error('A reconcile exceeded its timeout', { key, afterMs: reconcileTimeoutMs });
      state.abort.abort(new Error(`the reconcile took longer than ${reconcileTimeoutMs} ms`));
    }, reconcileTimeoutMs);
    try {
      const result = await reconcile(key, state.abort.signal);
      if (result?.backoff) return { outcome: 'requeue' };
      if (result?.requeueAfterMs !== undefined)
        return {
          outcome: 'requeue_after',
          afterMs: result.requeueAfterMs,
          counted: result.failed ? 'error' : 'requeue_after',
        };
      return { outcome: 'success' };
    } catch (error) {
      return stopping && state.abort.signal.aborted ? { outcome: 'stopped' } : { outcome: 'error', error };
    } finally {
      cancelTimeout();
      running.delete(key);
    }
  };

  /** Decides whether and when a key is requeued. Only this function requeues keys. */
  const settle = ({ key, priority }: WorkItem, completion: Completion): void => {
    switch (completion.outcome) {
      case 'success':
        queue.forget(key);
        return;
      case 'requeue_after':
        queue.forget(key);
        queue.add(key, { afterMs: completion.afterMs, priority });
        return;
      case 'requeue':
        queue.retry(key, { priority });
        return;
      case 'error':
        reportError(key, completion.error);
        if (completion.error instanceof TerminalError) {
          counts.terminalErrors += 1;
          queue.forget(key);
          logger.error('A reconcile failed and is not retried', { key, error: completion.error });
        } else {
          const retryInMs = queue.retry(key, { priority });
          logger.error('A reconcile failed', {
            key,
            error: completion.error,
            failures: queue.failures(key),
            retryInMs: Math.round(retryInMs),
          });
        }
        return;
      case 'stopped':
        return;
      default:
        completion satisfies never;
    }
  };

  const reportError = (key: string, error: unknown): void => {
    if (isBug(error)) counts.panics += 1;
    observe(() => options.onError?.(key, error));
  };

  const work = async (atLeast?: number): Promise<void> => {
    for (let item = await queue.take({ atLeast }); item; item = await queue.take({ atLeast })) {
      const startedAt = now();
      const completion = await run(item.key);
      const outcome = completion.outcome === 'requeue_after' ? completion.counted : completion.outcome;
      reconciles[outcome] += 1;
      observe(() => observer?.reconciled?.(outcome, Math.max(0, now() - startedAt)));
      settle(item, completion);
      queue.done(item.key);
    }
  };

  return {
    name,
    enqueue: (key, enqueueOptions) => queue.add(key, enqueueOptions),
    async start(signal) {
      if (started) throw new TypeError(`the controller ${name} was started twice`);
      started = true;
      const workers = Promise.all([
        ...Array.from({ length: concurrency }, () => work()),
        ...Array.from({ length: reserved?.workers ?? 0 }, () => work(reserved?.atLeast)),
      ]);
      if (!signal.aborted)
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      stopping = true;
      queue.shutDown();
      const over = new AbortController();
      const finished = workers.then(() => over.abort());
      await sleep(setTimer, options.drainTimeoutMs ?? 20_000, over.signal);
      if (running.size === 0) return finished;
      logger.warn('Reconciles are aborted because the process stops', { keys: [...running.keys()] });
      for (const { abort } of running.values()) abort.abort(new Error('the process stops'));
      await sleep(setTimer, abortGraceMs, over.signal);
      if (running.size > 0) logger.error('Aborted reconciles did not end', { keys: [...running.keys()] });
      return undefined;
    },
    waiting: () => queue.depth(),
    working: () => running.size,
    metrics: () => ({
      ...queue.metrics(),
      ...counts,
      maxConcurrent: concurrency + (reserved?.workers ?? 0),
      active: running.size,
      reconciles: { ...reconciles },
    }),
    stuck: () => [...running].filter(([, { timedOut }]) => timedOut).map(([key]) => key),
  };
}

/** Whether the exception indicates a bug in the program, as opposed to an external failure. */
const isBug = (error: unknown): boolean =>
  error instanceof TypeError ||
  error instanceof ReferenceError ||
  error instanceof RangeError ||
  error instanceof SyntaxError;
