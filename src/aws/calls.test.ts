import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callsOf } from './calls.ts';
import { failure } from './testing/simulated-service.ts';
import { createTimedScheduler } from './testing/timed-scheduler.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a call whose last attempt AWS refuses', () => {
  const setUp = () => callsOf('iam', createTimedScheduler(), { owner: 'a', priority: 'interactive' });
  const endOf = async (...outcomes: readonly Error[]): Promise<unknown> => {
    const left = [...outcomes];
    const call = setUp()({ action: 'AttachRolePolicy' }, () =>
      Promise.reject(left.shift() ?? new Error('no more')),
    );
    const reported = call.catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(60_000);
    return reported;
  };
  const reset = (): Error => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });

  it('is reported as possibly executed if an earlier attempt got no response', async () => {
    const reported = await endOf(reset(), failure('AccessDenied'));
    expect(reported).toMatchObject({ code: 'AccessDenied', mayBeDone: true });
    expect(await endOf(failure('ServiceFailure'), failure('LimitExceededException'))).toMatchObject({
      code: 'QuotaExceeded',
      mayBeDone: true,
    });
  });

  it('is reported as not executed if AWS refused every attempt', async () => {
    expect(await endOf(failure('AccessDenied'))).toMatchObject({ mayBeDone: false });
    const reported = await endOf(failure('ConcurrentModificationException'), failure('AccessDenied'));
    expect(reported).toMatchObject({ code: 'AccessDenied', mayBeDone: false });
  });
});

describe('the guard of writes', () => {
  const setUp = () => {
    const scheduler = createTimedScheduler();
    const state = { leads: true };
    const calls = callsOf(
      'iam',
      scheduler,
      { owner: 'a', priority: 'interactive' },
      {
        beforeWrite: () => {
          if (!state.leads) throw new Error('does not lead');
        },
      },
    );
    return { calls, state };
  };

  it('stops writes that were waiting when the operator lost leadership, and does not stop reads', async () => {
    const { calls, state } = setUp();
    const sent: string[] = [];
    const send = (action: string, read?: true) =>
      calls({ action, ...(read ? { read } : {}) }, async () => {
        sent.push(action);
        await new Promise((resolve) => setTimeout(resolve, 100));
      });
    // The number of calls exceeds the maximum of calls in flight.
    const all = Promise.allSettled(Array.from({ length: 50 }, (_, index) => send(`Create${index}`)));
    await vi.advanceTimersByTimeAsync(50);
    const before = sent.length;
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(50);
    state.leads = false;
    const look = send('GetRole', true);
    await vi.advanceTimersByTimeAsync(60_000);
    await look;
    expect(sent.slice(before)).toEqual(['GetRole']);
    const outcomes = await all;
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(before);
    expect(outcomes.at(-1)).toMatchObject({ reason: { message: expect.stringContaining('does not lead') } });
  });

  it('is called again before each retry', async () => {
    const { calls, state } = setUp();
    let attempts = 0;
    const creating = calls({ action: 'CreateRole' }, async () => {
      attempts += 1;
      throw failure('ServiceFailure');
    });
    const reported = expect(creating).rejects.toThrow('does not lead');
    await vi.advanceTimersByTimeAsync(1);
    state.leads = false;
    await vi.advanceTimersByTimeAsync(60_000);
    await reported;
    expect(attempts).toBe(1);
  });
});
