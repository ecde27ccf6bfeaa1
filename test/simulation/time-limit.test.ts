import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { inTime } from './time-limit.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('the time limit ends a run that hangs, and the error names that run', async () => {
  const hanging = inTime('crash-plans --seed 7', () => new Promise(() => undefined));
  const reported = expect(hanging).rejects.toThrow('it does not come to an end: crash-plans --seed 7');
  await vi.advanceTimersByTimeAsync(600_000);
  await reported;
});

it('the time limit does not affect a run that ends in time', async () => {
  expect(await inTime('', async () => 7)).toBe(7);
  await expect(inTime('', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(vi.getTimerCount()).toBe(0);
});
