import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CallOutcome, CallScheduler, Caller } from './scheduler.ts';
import { createSimulatedService, failure, type SimulatedService } from './testing/simulated-service.ts';
import { createTimedScheduler } from './testing/timed-scheduler.ts';
import { monotonicClock } from '../k8s/testing/clocks.ts';

const person: Caller = { owner: 'a', priority: 'interactive' };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Makes `count` calls at once. Returns the seconds until all calls have ended. */
async function run(scheduler: CallScheduler, service: SimulatedService, count: number): Promise<number> {
  const startedAt = Date.now();
  const seconds = Promise.all(
    Array.from({ length: count }, (_, index) =>
      scheduler.run({ action: 'X', caller: { owner: `a${index % 50}`, priority: 'new' } }, (signal) =>
        service.call(signal),
      ),
    ),
  ).then(() => (Date.now() - startedAt) / 1000);
  await vi.advanceTimersByTimeAsync(600_000);
  return seconds;
}

describe('a scheduler that does not know the rate limit', () => {
  it.each([
    { ratePerSecond: 20, burst: 40, latencyMs: 30, calls: 300, refused: 9 },
    { ratePerSecond: 20, burst: 40, latencyMs: 5, calls: 300, refused: 9 },
    // All 24 calls in flight are refused at the first throttle.
    { ratePerSecond: 100, burst: 100, latencyMs: 30, calls: 1500, refused: 28 },
  ])(
    'needs at most 10 % more time than the rate limit requires, with few throttled calls, at $ratePerSecond calls/s, burst $burst and latency $latencyMs ms',
    async ({ ratePerSecond, burst, latencyMs, calls, refused }) => {
      const service = createSimulatedService({
        now: monotonicClock,
        latencyMs,
        limit: { ratePerSecond, burst },
      });
      const seconds = await run(createTimedScheduler(), service, calls);
      expect(seconds).toBeLessThanOrEqual(((calls - burst) / ratePerSecond) * 1.1);
      expect(service.throttled).toBeLessThanOrEqual(refused);
      expect(service.accepted).toBe(calls);
    },
  );

  it('soon has the maximum number of calls in flight if AWS throttles no call', async () => {
    const service = createSimulatedService({ now: monotonicClock, latencyMs: 30 });
    // With 24 calls in flight from the start, 300 calls would take 0.375 s, and 1,000 calls would take 1.25 s.
    expect(await run(createTimedScheduler(), service, 300)).toBeLessThanOrEqual(0.75);
    expect(await run(createTimedScheduler(), service, 1000)).toBeLessThanOrEqual(2);
    expect(service.accepted).toBe(1300);
  });

  it('stays close to the rate limit for minutes', async () => {
    const service = createSimulatedService({
      now: monotonicClock,
      latencyMs: 30,
      limit: { ratePerSecond: 20, burst: 40 },
    });
    const seconds = await run(createTimedScheduler(), service, 3000);
    expect(seconds).toBeLessThanOrEqual(150 * 1.1);
    expect(service.throttled / service.arrived).toBeLessThan(0.01);
  });

  it('stays close to the rate limit even if AWS allows only a small burst', async () => {
    const service = createSimulatedService({
      now: monotonicClock,
      latencyMs: 30,
      limit: { ratePerSecond: 20, burst: 2 },
    });
    const seconds = await run(createTimedScheduler(), service, 3000);
    expect(seconds).toBeLessThanOrEqual(150 * 1.25);
    expect(service.throttled / service.arrived).toBeLessThan(0.03);
  });

  it('keeps the learned rate while no call is made', async () => {
    const service = createSimulatedService({
      now: monotonicClock,
      latencyMs: 30,
      limit: { ratePerSecond: 20, burst: 40 },
    });
    const scheduler = createTimedScheduler();
    await run(scheduler, service, 200);
    expect(scheduler.figures().ratePerSecond).toBeGreaterThan(17);
    expect(scheduler.figures().ratePerSecond).toBeLessThan(21);
    await vi.advanceTimersByTimeAsync(600_000);
    const before = service.throttled;
    await run(scheduler, service, 200);
    expect(service.throttled - before).toBeLessThanOrEqual(2);
    expect(scheduler.figures().ratePerSecond).toBeGreaterThan(17);
  });

  it('makes calls faster after AWS raises the rate limit', async () => {
    const service = createSimulatedService({
      now: monotonicClock,
      latencyMs: 30,
      limit: { ratePerSecond: 10, burst: 10 },
    });
    const scheduler = createTimedScheduler();
    await run(scheduler, service, 100);
    expect(scheduler.figures().ratePerSecond).toBeLessThan(12);
    service.setLimit(undefined);
    const seconds = await run(scheduler, service, 3000);
    expect(seconds).toBeLessThan(90);
  });

  it('makes calls more slowly after AWS lowers the rate limit', async () => {
    const service = createSimulatedService({
      now: monotonicClock,
      latencyMs: 30,
      limit: { ratePerSecond: 100, burst: 50 },
    });
    const scheduler = createTimedScheduler();
    await run(scheduler, service, 1000);
    service.setLimit({ ratePerSecond: 10, burst: 10 });
    const before = service.arrived;
    const throttledBefore = service.throttled;
    await run(scheduler, service, 600);
    expect((service.throttled - throttledBefore) / (service.arrived - before)).toBeLessThan(0.05);
    expect(scheduler.figures().ratePerSecond).toBeLessThan(12);
  });
});

describe('a scheduler', () => {
  it('reaches a high rate within seconds if there is no rate limit', async () => {
    const service = createSimulatedService({ now: monotonicClock, latencyMs: 30 });
    expect(await run(createTimedScheduler(), service, 3000)).toBeLessThan(8);
    expect(service.throttled).toBe(0);
  });

  it('starts with `firstInFlight` calls in flight', async () => {
    const service = createSimulatedService({ now: monotonicClock, latencyMs: 30 });
    expect(await run(createTimedScheduler({ firstInFlight: 24 }), service, 2400)).toBeCloseTo(3, 1);
  });

  it('slows down when the service throttles calls, even if `firstInFlight` is high', async () => {
    const service = createSimulatedService({
      now: monotonicClock,
      latencyMs: 30,
      limit: { ratePerSecond: 20, burst: 40 },
    });
    expect(await run(createTimedScheduler({ firstInFlight: 24 }), service, 1000)).toBeLessThan(
      (960 / 20) * 1.1,
    );
    expect(service.throttled).toBeLessThan(40);
  });

  it('never has more calls in flight than the maximum', async () => {
    let inFlight = 0;
    let most = 0;
    const scheduler = createTimedScheduler({ mostInFlight: 8 });
    const calls = Array.from({ length: 1000 }, () =>
      scheduler.run({ action: 'X', caller: person }, async () => {
        inFlight += 1;
        most = Math.max(most, inFlight);
        await new Promise((resolve) => setTimeout(resolve, 10));
        inFlight -= 1;
      }),
    );
    await vi.advanceTimersByTimeAsync(60_000);
    await Promise.all(calls);
    expect(most).toBe(8);
  });
});

describe('the order of calls', () => {
  const order = async (scheduler: CallScheduler, calls: readonly Caller[]): Promise<string[]> => {
    const sent: string[] = [];
    const all = calls.map((caller) =>
      scheduler.run({ action: 'X', caller }, async () => {
        sent.push(`${caller.priority} ${caller.owner}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }),
    );
    await vi.advanceTimersByTimeAsync(10_000);
    await Promise.all(all);
    return sent;
  };

  it('puts a call for an interactive edit before all waiting calls', async () => {
    const sent = await order(createTimedScheduler({ mostInFlight: 1 }), [
      { owner: 'first', priority: 'resync' },
      { owner: 'fleet', priority: 'resync' },
      { owner: 'b', priority: 'background' },
      { owner: 'c', priority: 'new' },
      { owner: 'd', priority: 'in-progress' },
      { owner: 'e', priority: 'interactive' },
    ]);
    expect(sent).toEqual([
      'resync first',
      'interactive e',
      'in-progress d',
      'new c',
      'background b',
      'resync fleet',
    ]);
  });

  it('alternates between the accounts whose calls have the same priority', async () => {
    const many = Array.from({ length: 10 }, (): Caller => ({ owner: 'a', priority: 'new' }));
    const sent = await order(createTimedScheduler({ mostInFlight: 1 }), [
      ...many,
      { owner: 'b', priority: 'new' },
    ]);
    expect(sent.indexOf('new b')).toBe(2);
  });

  it('follows their priority, and the metrics count the waiting calls of each priority', async () => {
    const scheduler = createTimedScheduler({ mostInFlight: 1 });
    const all = order(scheduler, [person, person, { owner: 'fleet', priority: 'resync' }]);
    expect(scheduler.figures()).toMatchObject({
      inFlight: 1,
      waiting: { interactive: 1, 'in-progress': 0, new: 0, background: 0, resync: 1 },
      ratePerSecond: undefined,
    });
    await all;
    expect(scheduler.figures()).toMatchObject({ inFlight: 0, waiting: { interactive: 0, resync: 0 } });
  });
});

describe('calls that fail', () => {
  const failing = (names: readonly string[]): { attempt: () => Promise<string>; calls: () => number } => {
    let calls = 0;
    return {
      calls: () => calls,
      attempt: async () => {
        const name = names[calls];
        calls += 1;
        if (name !== undefined) throw failure(name);
        return 'done';
      },
    };
  };
  const settled = async (promise: Promise<unknown>): Promise<unknown> => {
    const outcome = promise.catch((error: unknown) => (error instanceof Error ? error.name : error));
    await vi.advanceTimersByTimeAsync(60_000);
    return outcome;
  };

  it.each(['ServiceFailure', 'TimeoutError', 'ConcurrentModificationException', 'Throttling'])(
    'are retried after %s',
    async (name) => {
      const { attempt, calls } = failing([name, name]);
      expect(await settled(createTimedScheduler().run({ action: 'X', caller: person }, attempt))).toBe(
        'done',
      );
      expect(calls()).toBe(3);
    },
  );

  it('are retried when the connection breaks', async () => {
    let calls = 0;
    const attempt = async (): Promise<string> => {
      calls += 1;
      if (calls === 1) throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
      return 'done';
    };
    expect(await settled(createTimedScheduler().run({ action: 'X', caller: person }, attempt))).toBe('done');
  });

  it('reject with an error when every attempt fails', async () => {
    const { attempt, calls } = failing(Array.from({ length: 20 }, () => 'ServiceFailure'));
    expect(await settled(createTimedScheduler().run({ action: 'X', caller: person }, attempt))).toBe(
      'ServiceFailure',
    );
    expect(calls()).toBe(4);
  });

  it('reject with an error when AWS throttles them for minutes', async () => {
    const service = createSimulatedService({
      now: monotonicClock,
      latencyMs: 10,
      limit: { ratePerSecond: 0, burst: 0 },
    });
    const call = createTimedScheduler().run({ action: 'X', caller: person }, () => service.call());
    const outcome = call.catch((error: unknown) => (error instanceof Error ? error.name : error));
    await vi.advanceTimersByTimeAsync(300_000);
    expect(await outcome).toBe('Throttling');
    expect(service.arrived).toBeLessThan(60);
  });

  it.each(['NoSuchEntityException', 'AccessDenied', 'MalformedPolicyDocumentException'])(
    'are not retried after %s',
    async (name) => {
      const { attempt, calls } = failing([name]);
      expect(await settled(createTimedScheduler().run({ action: 'X', caller: person }, attempt))).toBe(name);
      expect(calls()).toBe(1);
    },
  );

  it('are reported with the outcome of each attempt', async () => {
    const reported: CallOutcome[] = [];
    const { attempt } = failing(['ServiceFailure']);
    const scheduler = createTimedScheduler({ onCall: (call) => reported.push(call) });
    await settled(scheduler.run({ action: 'GetRole', caller: person }, attempt));
    expect(reported).toEqual([
      { service: 'iam', action: 'GetRole', outcome: 'ServiceFailure', throttled: false, durationMs: 0 },
      { service: 'iam', action: 'GetRole', outcome: 'Success', throttled: false, durationMs: 0 },
    ]);
  });
});

describe('reads with the same key', () => {
  it('are merged into one call until that call is sent', async () => {
    const scheduler = createTimedScheduler({ mostInFlight: 1 });
    let calls = 0;
    const read = (priority: Caller['priority']): Promise<number> =>
      scheduler.run(
        { action: 'GetRole', sameAs: 'GetRole x', caller: { owner: 'a', priority } },
        async () => {
          calls += 1;
          await new Promise((resolve) => setTimeout(resolve, 10));
          return calls;
        },
      );
    const blocking = read('resync');
    const joined = [read('resync'), read('interactive'), read('background')];
    expect(scheduler.figures().waiting).toMatchObject({ interactive: 1, resync: 0, background: 0 });
    await vi.advanceTimersByTimeAsync(100);
    expect(await blocking).toBe(1);
    expect(await Promise.all(joined)).toEqual([2, 2, 2]);
  });

  it('are not merged with a call in flight, because the response to that call may be older than a write', async () => {
    const scheduler = createTimedScheduler();
    let calls = 0;
    const read = (): Promise<void> =>
      scheduler.run({ action: 'GetRole', sameAs: 'GetRole x', caller: person }, async () => {
        calls += 1;
        await new Promise((resolve) => setTimeout(resolve, 10));
      });
    const all = [read(), read()];
    await vi.advanceTimersByTimeAsync(100);
    await Promise.all(all);
    expect(calls).toBe(2);
  });

  it('continue for the other callers when one of them aborts', async () => {
    const scheduler = createTimedScheduler({ mostInFlight: 1 });
    const block = scheduler.run({ action: 'X', caller: person }, () => new Promise((r) => setTimeout(r, 10)));
    const abort = new AbortController();
    const read = (signal?: AbortSignal): Promise<string> =>
      scheduler.run({ action: 'GetRole', sameAs: 'GetRole x', caller: person, signal }, async () => 'role');
    const one = read(abort.signal);
    const other = read();
    abort.abort(failure('Stopped'));
    await expect(one).rejects.toThrow('Stopped');
    await vi.advanceTimersByTimeAsync(100);
    await block;
    expect(await other).toBe('role');
  });
});

describe('an abort', () => {
  it('removes a waiting call from the queue, and aborts a call in flight', async () => {
    const scheduler = createTimedScheduler({ mostInFlight: 1 });
    const service = createSimulatedService({ now: monotonicClock, latencyMs: 1_000 });
    const abort = new AbortController();
    const { signal } = abort;
    const call = (): Promise<void> =>
      scheduler.run({ action: 'X', caller: person, signal }, (inner) => service.call(inner));
    const all = [call(), call()].map((promise) =>
      promise.catch((error: unknown) => (error instanceof Error ? error.message : error)),
    );
    await vi.advanceTimersByTimeAsync(10);
    abort.abort(new Error('the process stops'));
    expect(await Promise.all(all)).toEqual(['the process stops', 'the process stops']);
    await vi.advanceTimersByTimeAsync(10);
    expect(service.arrived).toBe(1);
    expect(scheduler.figures()).toMatchObject({ inFlight: 0, waiting: { interactive: 0 } });
  });

  it('prevents further attempts', async () => {
    const scheduler = createTimedScheduler();
    const abort = new AbortController();
    let calls = 0;
    const call = scheduler.run({ action: 'X', caller: person, signal: abort.signal }, async () => {
      calls += 1;
      throw failure('ServiceFailure');
    });
    const outcome = call.catch((error: unknown) => (error instanceof Error ? error.message : error));
    await vi.advanceTimersByTimeAsync(10);
    abort.abort(new Error('enough'));
    expect(await outcome).toBe('enough');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(calls).toBe(1);
  });
});
