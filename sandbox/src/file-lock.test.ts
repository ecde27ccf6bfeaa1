import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireLock, tryLock } from './file-lock.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kon-lock-'));
  file = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

// Process ids: process 1 always exists, and the id `dead` is higher than any process id.
const alive = '1';
const dead = '999999999';

test('a free lock is acquired, names its holder, and is released', async () => {
  const attempt = tryLock(file);
  expect(attempt.outcome).toBe('acquired');
  expect(readFileSync(file, 'utf8')).toBe(String(process.pid));
  expect(tryLock(file)).toEqual({ outcome: 'held', pid: process.pid });
  if (attempt.outcome === 'acquired') attempt.lock.release();
  expect(await readdir(folder)).toEqual([]);
});

test('a lock that a running process holds cannot be acquired', () => {
  writeFileSync(file, alive);
  expect(tryLock(file)).toEqual({ outcome: 'held', pid: 1 });
});

test('a lock whose process has ended can be acquired', () => {
  writeFileSync(file, dead);
  expect(tryLock(file).outcome).toBe('acquired');
  expect(readFileSync(file, 'utf8')).toBe(String(process.pid));
});

test('the release of a lock does not remove the lock that another process has acquired in the meantime', () => {
  const attempt = tryLock(file);
  writeFileSync(file, alive);
  if (attempt.outcome === 'acquired') attempt.lock.release();
  expect(readFileSync(file, 'utf8')).toBe(alive);
});

test('a process that waits for a lock gets the id of the holder, and continues when the lock is released', async () => {
  const first = await acquireLock(file, () => undefined);
  const waitedFor: number[] = [];
  const reported = Promise.withResolvers<void>();
  const second = acquireLock(file, (pid) => {
    waitedFor.push(pid);
    reported.resolve();
  });
  await reported.promise;
  first.release();
  (await second).release();
  expect(waitedFor).toEqual([process.pid]);
});

test('a process that waits for a lock can be aborted', async () => {
  writeFileSync(file, alive);
  const abort = new AbortController();
  const waiting = acquireLock(file, () => abort.abort(new Error('told to stop')), abort.signal);
  await expect(waiting).rejects.toThrow();
});
