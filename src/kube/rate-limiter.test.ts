import { expect, it } from 'vitest';
import { createRateLimiter } from './rate-limiter.ts';
import { createSimulatedTime } from './testing/simulated-time.ts';

it('the rate limiter allows a burst, and then the given number of requests per second', async () => {
  const time = createSimulatedTime();
  const limiter = createRateLimiter({ qps: 10, burst: 2, now: time.now, setTimer: time.setTimer });
  const startedAt = time.now();
  const went: number[] = [];
  for (let index = 0; index < 4; index += 1)
    void limiter.take().then(() => went.push(time.now() - startedAt));
  await time.advance(1_000);
  expect(went).toEqual([0, 0, 100, 200]);
});

it('aborted requests do not delay requests that wait behind them', async () => {
  const time = createSimulatedTime();
  const limiter = createRateLimiter({ qps: 10, burst: 1, now: time.now, setTimer: time.setTimer });
  const startedAt = time.now();
  await limiter.take();
  const calledOff = new AbortController();
  const waiting = Array.from({ length: 100 }, () => limiter.take(calledOff.signal));
  calledOff.abort();
  await Promise.all(waiting);
  let wentAt: number | undefined;
  void limiter.take().then(() => (wentAt = time.now() - startedAt));
  await time.advance(10_000);
  expect(wentAt).toBe(100);
});
