import { expect, test } from 'vitest';
import { createSlots } from './limited-client.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('calls wait for a free slot in the order in which they were made, and a failed call frees its slot', async () => {
  const slots = createSlots(2);
  const started: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const results = [0, 1, 2, 3].map((index) =>
    slots
      .run(() => {
        started.push(index);
        return new Promise<number>((resolve, reject) => {
          ends[index] = (error) => (error ? reject(error) : resolve(index));
        });
      })
      .catch((error: Error) => error.message),
  );
  await settle();
  expect(started).toEqual([0, 1]);
  ends[1]?.(new Error('broke'));
  await settle();
  expect(started).toEqual([0, 1, 2]);
  ends[0]?.();
  await settle();
  expect(started).toEqual([0, 1, 2, 3]);
  ends[2]?.();
  ends[3]?.();
  expect(await Promise.all(results)).toEqual([0, 'broke', 2, 3]);
});

test('a caller that aborts while it waits takes no slot', async () => {
  const slots = createSlots(1);
  let end = (): void => {};
  const first = slots.run(() => new Promise<void>((resolve) => (end = resolve)));
  const abort = new AbortController();
  const second = slots.run(async () => 'never', abort.signal);
  const third = slots.run(async () => 'third');
  abort.abort(new Error('enough'));
  await expect(second).rejects.toThrow('enough');
  end();
  await first;
  expect(await third).toBe('third');
  expect(await slots.run(async () => 'fourth')).toBe('fourth');
  await expect(slots.run(async () => 'late', abort.signal)).rejects.toThrow('enough');
});
