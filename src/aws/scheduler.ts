/**
 * Scheduler of the calls to one AWS service. It sends calls by priority, alternates between accounts, keeps to the rate
 * that AWS accepts, and retries after transient errors. The SDK's own retries are off, because the SDK ignores
 * priorities, and its retry delays would add to those of the scheduler.
 */
import { createAdaptiveRate } from './adaptive-rate.ts';
import { retryClassOf, type RetryClass } from './errors.ts';
import { createFairQueue } from './fair-queue.ts';
import type { Monotonic } from '../k8s/time.ts';

/**
 * Priorities of calls, highest first. `interactive`: a person edited an account that was in sync, or runs a command.
 * `in-progress`: a call for a new account that is partly created. It precedes `new`, so that new accounts become ready
 * one after the other instead of all at the end. `background`: a call for an account that is ready. `resync`: drift
 * detection.
 */
export const callPriorities = ['interactive', 'in-progress', 'new', 'background', 'resync'] as const;
export type CallPriority = (typeof callPriorities)[number];

/** Caller on whose behalf a call is made. The calls of different owners alternate. */
export type Caller = {
  readonly owner: string;
  readonly priority: CallPriority;
  /** AWS account that the credentials must belong to. With other credentials, the calls fail. Default: any account. */
  readonly accountId?: string | undefined;
};

export type CallOutcome = {
  readonly service: string;
  readonly action: string;
  /** Outcome of the call: `Success`, `Aborted`, or the name of the error. */
  readonly outcome: string;
  /** Whether AWS throttled the call. */
  readonly throttled: boolean;
  readonly durationMs: number;
};

export type SchedulerFigures = {
  /** Name of the scheduler: the service, or the option `queue`. */
  readonly service: string;
  /** Calls that wait to be sent. */
  readonly waiting: Readonly<Record<CallPriority, number>>;
  readonly inFlight: number;
  /** Learned rate in calls per second. Undefined until AWS has throttled a call. */
  readonly ratePerSecond: number | undefined;
};

export type ScheduledCall = {
  readonly action: string;
  readonly caller: Caller;
  /** Key of a read. Waiting reads with the same key are merged into one call. */
  readonly sameAs?: string;
  readonly signal?: AbortSignal | undefined;
};

export type CallScheduler = {
  /**
   * Makes the call. Rejects with the error of the last attempt, or with the signal's reason. `attempt` has to be
   * idempotent, because a response may be lost, and `attempt` is then called again.
   */
  run<T>(call: ScheduledCall, attempt: (signal: AbortSignal) => Promise<T>): Promise<T>;
  figures(): SchedulerFigures;
};

export type SchedulerOptions = {
  readonly service: string;
  /** Name of the scheduler in metrics. Default: `service`. */
  readonly queue?: string;
  /** Milliseconds. */
  readonly now: () => Monotonic;
  /** Returns a random number that is at least 0 and less than 1. */
  readonly random: () => number;
  /** Calls `callback` once, after the delay. Returns a function that cancels the timer. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  /** Called after each attempt of a call. */
  readonly onCall?: ((call: CallOutcome) => void) | undefined;
  /** Maximum number of calls in flight. Default: 24. */
  readonly mostInFlight?: number;
  /** Initial maximum of calls in flight. It should be small, unless the service is known to accept more calls. */
  readonly firstInFlight?: number;
};

/**
 * Default maximum of calls in flight. With this number of calls, the processor time of this process limits the
 * throughput. A higher maximum would therefore only delay calls for interactive edits.
 */
export const mostInFlight = 24;
/**
 * Maximum number of attempts of a call with transient errors, the first delay between attempts, and the maximum time
 * for all attempts.
 */
const transient = { attempts: 4, firstDelayMs: 100, mostMs: 20_000 };
/** Time in milliseconds after which a call that is still throttled fails. */
const longestThrottledMs = 120_000;

type Waiter = { readonly settle: (outcome: Outcome) => void };
type Outcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown };

type Job = {
  readonly call: ScheduledCall;
  readonly attempt: (signal: AbortSignal) => Promise<unknown>;
  readonly abort: AbortController;
  readonly waiters: Set<Waiter>;
  priority: CallPriority;
  state: 'queued' | 'sent' | 'backingOff' | 'settled';
  failures: number;
  firstSentAt: number | undefined;
  wake: (() => void) | undefined;
};

export function createCallScheduler(options: SchedulerOptions): CallScheduler {
  const { service, now, random, setTimer } = options;
  const rate = createAdaptiveRate({
    mostInFlight: options.mostInFlight ?? mostInFlight,
    firstInFlight: options.firstInFlight,
  });
  const queue = createFairQueue<Job>(callPriorities.length);
  /** Waiting reads that other callers can join, by key. */
  const joinable = new Map<string, Job>();
  let cancelTimer: (() => void) | undefined;

  const levelOf = (job: Job): number => callPriorities.indexOf(job.priority);

  /** Sends as many calls as the rate allows. */
  const pump = (): void => {
    cancelTimer?.();
    cancelTimer = undefined;
    while (queue.size > 0) {
      const waitMs = rate.waitMs(now());
      if (waitMs > 0) {
        if (waitMs !== Infinity) cancelTimer = setTimer(pump, waitMs);
        return;
      }
      const job = queue.take();
      if (job) void send(job);
    }
    rate.idle(now());
  };

  const send = async (job: Job): Promise<void> => {
    if (job.call.sameAs !== undefined) joinable.delete(job.call.sameAs);
    const sentAt = now();
    job.state = 'sent';
    job.firstSentAt ??= sentAt;
    rate.sent(sentAt);
    const reportOutcome = (outcome: string, throttled = false): void =>
      options.onCall?.({ service, action: job.call.action, outcome, throttled, durationMs: now() - sentAt });
    try {
      const value = await job.attempt(job.abort.signal);
      rate.accepted();
      reportOutcome('Success');
      settle(job, { ok: true, value });
    } catch (error) {
      if (job.abort.signal.aborted) {
        rate.abandoned();
        reportOutcome('Aborted');
        settle(job, { ok: false, error });
      } else {
        const kind = retryClassOf(error);
        reportOutcome(error instanceof Error ? error.name : 'Unknown', kind === 'throttled');
        failed(job, error, kind, sentAt);
      }
    }
    pump();
  };

  /** Handles a failed attempt. */
  const failed = (job: Job, error: unknown, kind: RetryClass, sentAt: number): void => {
    const time = now();
    const sinceFirst = time - (job.firstSentAt ?? time);
    if (kind === 'throttled') rate.throttled(time, sentAt);
    else rate.accepted();
    switch (kind) {
      case 'throttled':
        if (sinceFirst > longestThrottledMs) break;
        // The throttled job becomes the next job of its priority level. The rate limit determines when it is sent.
        enqueue(job, 'front');
        return;
      case 'transient': {
        job.failures += 1;
        if (job.failures >= transient.attempts || sinceFirst > transient.mostMs) break;
        const delayMs = transient.firstDelayMs * 2 ** (job.failures - 1) * (0.5 + random());
        job.state = 'backingOff';
        job.wake = setTimer(() => {
          job.wake = undefined;
          enqueue(job, 'front');
          pump();
        }, delayMs);
        return;
      }
      case 'final':
        break;
    }
    settle(job, { ok: false, error });
  };

  const enqueue = (job: Job, where: 'back' | 'front'): void => {
    job.state = 'queued';
    const { owner } = job.call.caller;
    if (where === 'front') queue.pushFront(job, levelOf(job), owner);
    else queue.push(job, levelOf(job), owner);
  };

  const settle = (job: Job, outcome: Outcome): void => {
    job.state = 'settled';
    for (const waiter of job.waiters) waiter.settle(outcome);
    job.waiters.clear();
  };

  /** Drops a job that no caller waits for any longer. */
  const abandon = (job: Job, reason: unknown): void => {
    if (job.call.sameAs !== undefined && joinable.get(job.call.sameAs) === job)
      joinable.delete(job.call.sameAs);
    if (job.state === 'queued') {
      queue.remove(job, levelOf(job), job.call.caller.owner);
      job.state = 'settled';
    } else if (job.state === 'backingOff') {
      job.wake?.();
      job.state = 'settled';
    }
    job.abort.abort(reason);
  };

  const join = (job: Job, priority: CallPriority): void => {
    if (callPriorities.indexOf(priority) >= levelOf(job)) return;
    queue.remove(job, levelOf(job), job.call.caller.owner);
    job.priority = priority;
    enqueue(job, 'back');
  };

  const wait = <T>(job: Job, signal: AbortSignal | undefined): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const onAbort = (): void => {
        job.waiters.delete(waiter);
        reject(signal?.reason as Error);
        if (job.waiters.size === 0) abandon(job, signal?.reason);
      };
      const waiter: Waiter = {
        settle(outcome) {
          signal?.removeEventListener('abort', onAbort);
          // Calls with the same key have results of the same type, so the cast is safe.
          if (outcome.ok) resolve(outcome.value as T);
          else reject(outcome.error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      job.waiters.add(waiter);
    });

  return {
    run<T>(call: ScheduledCall, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
      const { sameAs, signal, caller } = call;
      if (signal?.aborted) return Promise.reject(signal.reason as Error);
      const known = sameAs === undefined ? undefined : joinable.get(sameAs);
      if (known) {
        join(known, caller.priority);
        return wait<T>(known, signal);
      }
      const job: Job = {
        call,
        attempt,
        abort: new AbortController(),
        waiters: new Set(),
        priority: caller.priority,
        state: 'queued',
        failures: 0,
        firstSentAt: undefined,
        wake: undefined,
      };
      if (sameAs !== undefined) joinable.set(sameAs, job);
      const answer = wait<T>(job, signal);
      enqueue(job, 'back');
      pump();
      return answer;
    },

    figures() {
      const { inFlight, ratePerSecond } = rate.figures();
      const waiting = Object.fromEntries(
        callPriorities.map((priority, level) => [priority, queue.sizeOf(level)]),
      ) as Record<CallPriority, number>;
      return { service: options.queue ?? service, waiting, inFlight, ratePerSecond };
    },
  };
}
