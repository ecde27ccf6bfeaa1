import { spawn, type ChildProcess } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { startWatchdog } from '../../../sandbox/src/processes/watchdog.ts';

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** Starts a process group: a shell that ignores SIGTERM, SIGINT and SIGHUP, and its child processes. */
function stubbornGroup(): { child: ChildProcess; group: number; exited: Promise<NodeJS.Signals | null> } {
  const child = spawn('/bin/sh', ['-c', "trap '' TERM INT HUP; cat & cat"], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  started.push(child);
  const exited = new Promise<NodeJS.Signals | null>((resolve) => {
    child.once('exit', (_code, signal) => resolve(signal));
  });
  return { child, group: child.pid ?? 0, exited };
}

test('closing the watchdog kills every registered process group, and spares groups that were removed', async () => {
  const watchdog = await startWatchdog();
  const [kept, dropped, other] = [stubbornGroup(), stubbornGroup(), stubbornGroup()];
  await watchdog.add(kept.group);
  await watchdog.add(dropped.group);
  await watchdog.add(other.group);
  watchdog.drop(dropped.group);
  await watchdog.close();
  expect(await kept.exited).toBe('SIGKILL');
  expect(await other.exited).toBe('SIGKILL');
  expect(dropped.child.exitCode).toBeNull();
  expect(dropped.child.signalCode).toBeNull();
});

test('the watchdog ignores the signals that a terminal sends', async () => {
  const watchdog = await startWatchdog();
  const kept = stubbornGroup();
  await watchdog.add(kept.group);
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.kill(watchdog.pid, signal);
  await watchdog.add(kept.group);
  expect(kept.child.signalCode).toBeNull();
  await watchdog.close();
  expect(await kept.exited).toBe('SIGKILL');
});

test('adding a process group to a watchdog that has ended is an error', async () => {
  const watchdog = await startWatchdog();
  await watchdog.close();
  await expect(watchdog.add(1)).rejects.toThrow('the watchdog of the sandbox has ended');
});
