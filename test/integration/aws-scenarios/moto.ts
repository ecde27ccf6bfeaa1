/** A moto server on loopback: another implementation of AWS, with which the tests compare the emulator. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pythonPrograms } from '../../support/sdks/programs.ts';

export type RunningMoto = { readonly endpoint: string; readonly stop: () => Promise<void> };

/** Starts a separate moto on a free port on 127.0.0.1. Call `ensurePython` first. */
export async function startMoto(): Promise<RunningMoto> {
  const child = spawn(join(pythonPrograms, 'moto_server'), ['-H', '127.0.0.1', '-p', '0'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      MOTO_IAM_LOAD_MANAGED_POLICIES: 'true',
      PYTHONDONTWRITEBYTECODE: '1',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
  };
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    const address = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
    if (address === undefined) continue;
    // Discards the log of moto: moto logs every request, and a full pipe would block it.
    child.stderr.resume();
    return { endpoint: address, stop };
  }
  await stop();
  throw new Error(`moto ended before it listened:\n${said.join('\n')}`);
}
