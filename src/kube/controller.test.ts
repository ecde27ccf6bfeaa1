import { describe, expect, test } from 'vitest';
import {
  createController,
  TerminalError,
  type ControllerOptions,
  type ReconcileResult,
} from './controller.ts';
import { createSimulatedTime } from './testing/simulated-time.ts';

function setUp(
  reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult>,
  options: Partial<ControllerOptions> = {},
) {
  const time = createSimulatedTime();
  const controller = createController({
    name: 'test',
    reconcile,
    now: time.now,
    setTimer: time.setTimer,
    random: () => 1,
    ...options,
  });
  const stop = new AbortController();
  const state = { stopped: false };
  const run = async (): Promise<void> => {
    await controller.start(stop.signal);
    state.stopped = true;
  };
  const start = (): void => void run();
  return { time, controller, stop, start, state };
}

describe('work', () => {
  test('is limited to `concurrency` keys at a time, and two workers never reconcile the same key', async () => {
    const running: string[] = [];
    const releases = new Map<string, () => void>();
    let most = 0;
    const { time, controller, start } = setUp(
      async (key) => {
        expect(running).not.toContain(key);
        running.push(key);
        most = Math.max(most, running.length);
        await new Promise<void>((resolve) => releases.set(key, resolve));
        running.splice(running.indexOf(key), 1);
      },
      { concurrency: 2 },
    );
    for (const key of ['a', 'b', 'c']) controller.enqueue(key);
    start();
    await time.settle();
    expect(running).toEqual(['a', 'b']);
    controller.enqueue('a');
    releases.get('b')?.();
    await time.settle();
    expect(running).toEqual(['a', 'c']);
    releases.get('a')?.();
    await time.settle();
    expect(running).toEqual(['c', 'a']);
    expect(most).toBe(2);
    expect(controller.metrics()).toMatchObject({ active: 2, maxConcurrent: 2, reconciles: { success: 2 } });
  });

  test('with a high priority runs on the reserved workers, and does not wait for other work', async () => {
    const running: string[] = [];
    const releases = new Map<string, () => void>();
    const { time, controller, start } = setUp(
      async (key) => {
        running.push(key);
        await new Promise<void>((resolve) => releases.set(key, resolve));
        running.splice(running.indexOf(key), 1);
      },
      { concurrency: 2, reserved: { atLeast: 10, workers: 1 } },
    );
    start();
    for (const key of ['a', 'b', 'c']) controller.enqueue(key, { priority: 5 });
    await time.settle();
    expect(running).toEqual(['a', 'b']);
    controller.enqueue('urgent', { priority: 10 });
    controller.enqueue('urgent too', { priority: 10 });
    await time.settle();
    expect(running).toEqual(['a', 'b', 'urgent']);
    releases.get('a')?.();
    await time.settle();
    expect(running).toEqual(['b', 'urgent', 'urgent too']);
    releases.get('urgent')?.();
    await time.settle();
    expect(running).toEqual(['b', 'urgent too']);
    expect(controller.metrics().maxConcurrent).toBe(3);
  });

  test('that returns `requeueAfterMs` is repeated after exactly that time, without backoff', async () => {
    const times: number[] = [];
    const { time, start, controller } = setUp(async () => {
      times.push(time.now());
      return times.length < 4 ? { requeueAfterMs: 1000 } : undefined;
    });
    controller.enqueue('a');
    start();
    await time.advance(10_000);
    expect(times).toEqual([0, 1000, 2000, 3000]);
    expect(controller.metrics().reconciles).toMatchObject({ requeue_after: 3, success: 1 });
  });

  test('that returns `failed` with `requeueAfterMs` counts as an error, and is repeated after that time without backoff', async () => {
    const times: number[] = [];
    const { time, start, controller } = setUp(async () => {
      times.push(time.now());
      return times.length < 4 ? { requeueAfterMs: 1000, failed: true } : undefined;
    });
    controller.enqueue('a');
    start();
    await time.advance(10_000);
    expect(times).toEqual([0, 1000, 2000, 3000]);
    expect(controller.metrics().reconciles).toMatchObject({ requeue_after: 0, error: 3, success: 1 });
  });

  test('that throws is retried with growing delays until it succeeds, while other keys continue', async () => {
    const times: number[] = [];
    const seen: string[] = [];
    const errors: unknown[] = [];
    const { time, start, controller } = setUp(
      async (key) => {
        if (key === 'other') seen.push(key);
        else {
          times.push(time.now());
          if (times.length < 5) throw new Error(`no ${times.length}`);
        }
      },
      { onError: (key, error) => errors.push([key, (error as Error).message]) },
    );
    controller.enqueue('bad');
    controller.enqueue('other');
    start();
    await time.advance(1000);
    expect(times).toEqual([0, 5, 15, 35, 75]);
    expect(seen).toEqual(['other']);
    expect(errors).toEqual([1, 2, 3, 4].map((index) => ['bad', `no ${index}`]));
    expect(controller.metrics()).toMatchObject({
      reconciles: { error: 4, success: 2 },
      panics: 0,
      retries: 4,
    });
    // The successful reconcile reset the key's backoff, so the next failure counts as the first.
    times.length = 0;
    controller.enqueue('bad');
    await time.advance(1000);
    expect(times.map((at) => at - (times[0] ?? 0))).toEqual([0, 5, 15, 35, 75]);
  });

  test('that returns `backoff` is repeated with backoff, and does not count as an error', async () => {
    const times: number[] = [];
    const { time, start, controller } = setUp(async () => {
      times.push(time.now());
      return times.length < 4 ? { backoff: true } : undefined;
    });
    controller.enqueue('a');
    start();
    await time.advance(1000);
    expect(times).toEqual([0, 5, 15, 35]);
    expect(controller.metrics().reconciles).toMatchObject({ requeue: 3, error: 0 });
  });

  test('that throws a TypeError counts as a panic, and work that throws a TerminalError is counted separately and not repeated', async () => {
    const calls: string[] = [];
    const { time, start, controller } = setUp(async (key) => {
      calls.push(key);
      if (key === 'terminal') throw new TerminalError('never');
      if (calls.filter((call) => call === key).length === 1) (undefined as unknown as { x: () => void }).x();
    });
    controller.enqueue('bug');
    controller.enqueue('terminal');
    start();
    await time.advance(60_000);
    expect(calls).toEqual(['bug', 'terminal', 'bug']);
    expect(controller.metrics()).toMatchObject({ panics: 1, terminalErrors: 1, reconciles: { error: 2 } });
  });

  test('continues after a reconcile that throws synchronously, and after handlers and observers that throw', async () => {
    const seen: string[] = [];
    const fail = (): never => {
      throw new Error('handler');
    };
    const { time, start, controller } = setUp(
      (key) => {
        seen.push(key);
        if (seen.length === 1) throw new Error('synchronous');
        return Promise.resolve();
      },
      { onError: fail, observer: { reconciled: fail, queued: fail, worked: fail } },
    );
    controller.enqueue('a');
    start();
    await time.advance(1000);
    expect(seen).toEqual(['a', 'a']);
  });

  test('reports outcome, waiting time and duration to the observer', async () => {
    const reported: [string, number | string][] = [];
    const { time, start, controller } = setUp(
      async () => {
        await new Promise<void>((resolve) => void time.setTimer(resolve, 30));
      },
      {
        observer: {
          reconciled: (outcome, durationMs) => reported.push([outcome, durationMs]),
          queued: (waitedMs) => reported.push(['queued', waitedMs]),
          worked: (workedMs) => reported.push(['worked', workedMs]),
        },
      },
    );
    controller.enqueue('a');
    controller.enqueue('b');
    start();
    await time.advance(1000);
    expect(reported).toEqual([
      ['queued', 0],
      ['success', 30],
      ['worked', 30],
      ['queued', 30],
      ['success', 30],
      ['worked', 30],
    ]);
  });

  test('with a higher priority runs first, and keeps its priority when it is retried', async () => {
    const seen: string[] = [];
    const { time, start, controller } = setUp(async (key) => {
      seen.push(key);
      if (key === 'edit' && seen.length === 1) throw new Error('again');
      await new Promise<void>((resolve) => void time.setTimer(resolve, 5));
    });
    for (const key of ['background-1', 'background-2', 'background-3'])
      controller.enqueue(key, { priority: -10 });
    controller.enqueue('edit', { priority: 10 });
    start();
    await time.advance(1000);
    expect(seen).toEqual(['edit', 'background-1', 'edit', 'background-2', 'background-3']);
  });
});

describe('a reconcile that does not end', () => {
  test('is aborted through its signal, and its key is reported as stuck while the reconcile occupies a worker', async () => {
    let release = (): void => {};
    const reasons: unknown[] = [];
    const { time, start, controller } = setUp(
      async (key, signal) => {
        if (key === 'other') return;
        signal.addEventListener('abort', () => reasons.push((signal.reason as Error).message));
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      },
      { reconcileTimeoutMs: 1000, concurrency: 2 },
    );
    controller.enqueue('stuck');
    start();
    await time.advance(1000);
    expect(reasons).toEqual(['the reconcile took longer than 1000 ms']);
    expect(controller.stuck()).toEqual(['stuck']);
    controller.enqueue('stuck');
    controller.enqueue('other');
    await time.advance(1);
    expect(controller.metrics()).toMatchObject({ active: 1, timeouts: 1, reconciles: { success: 1 } });
    release();
    await time.settle();
    expect(controller.stuck()).toEqual([]);
    expect(controller.metrics()).toMatchObject({ active: 1, reconciles: { success: 2 } });
  });
});

describe('a stop', () => {
  test('waits for running reconciles, and starts no new reconciles', async () => {
    const seen: string[] = [];
    let release = (): void => {};
    const { time, start, stop, controller, state } = setUp(async (key, signal) => {
      seen.push(key);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      expect(signal.aborted).toBe(false);
    });
    controller.enqueue('a');
    controller.enqueue('b');
    start();
    await time.settle();
    stop.abort();
    await time.advance(1000);
    expect(state.stopped).toBe(false);
    release();
    await time.settle();
    expect(state.stopped).toBe(true);
    expect(seen).toEqual(['a']);
    controller.enqueue('c');
    await time.advance(1000);
    expect(seen).toEqual(['a']);
    expect(time.pending()).toBe(0);
  });

  test('aborts reconciles that exceed the drain timeout, and does not count aborted reconciles as errors', async () => {
    const { time, start, stop, controller, state } = setUp(
      (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
      { drainTimeoutMs: 3000 },
    );
    controller.enqueue('a');
    start();
    await time.settle();
    stop.abort();
    await time.advance(2999);
    expect(state.stopped).toBe(false);
    await time.advance(1);
    expect(state.stopped).toBe(true);
    expect(controller.metrics().reconciles).toMatchObject({ stopped: 1, error: 0 });
  });

  test('abandons, after the drain timeout, work that does not finish', async () => {
    const { time, start, stop, controller, state } = setUp(() => new Promise(() => {}), {
      drainTimeoutMs: 1000,
    });
    controller.enqueue('a');
    start();
    await time.settle();
    stop.abort();
    await time.advance(3000);
    expect(state.stopped).toBe(true);
  });

  test('of an idle controller returns immediately, even if the controller was never started', async () => {
    const { time, start, stop, state } = setUp(async () => undefined);
    stop.abort();
    start();
    await time.settle();
    expect(state.stopped).toBe(true);
  });
});
