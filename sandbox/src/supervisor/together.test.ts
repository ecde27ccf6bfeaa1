import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { together } from './together.ts';

it('`together` returns the results of all tasks', async () => {
  const never = new AbortController().signal;
  expect(await together(never, () => [Promise.resolve(1), delay(1, 'a')])).toEqual([1, 'a']);
});

it('`together` waits until all tasks have ended, and then fails with the first failure', async () => {
  const never = new AbortController().signal;
  let ended = false;
  const starting = together(never, (signal) => [
    Promise.reject(new Error('no port')),
    (async () => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      // Simulates a task that cannot be interrupted.
      await delay(5);
      ended = true;
      signal.throwIfAborted();
    })(),
  ]);
  await expect(starting).rejects.toThrow('no port');
  expect(ended).toBe(true);
});

it('`together` rejects when the caller aborts', async () => {
  const abort = new AbortController();
  const starting = together(abort.signal, (signal) => [
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    }),
  ]);
  abort.abort(new Error('enough'));
  await expect(starting).rejects.toThrow('enough');
});
