/**
 * Free TCP ports on 127.0.0.1, for programs that are unable to choose a free port and report it. Another process could
 * take a port between the check and the program's bind. Two measures prevent such a conflict. Ports are below the
 * ephemeral range (from 32768 on Linux, 49152 on macOS), so no outgoing connection takes one. A reservation file, held
 * while this process lives, excludes other sandboxes and test files of the same user.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { isProcessAlive } from '../file-lock.ts';

export type PortReservation = {
  readonly ports: readonly number[];
  release(): void;
};

const firstPort = 20_000;
const lastPort = 32_000;

/** @param random like `Math.random`: returns at least 0 and less than 1 */
export async function reservePorts(count: number, random: () => number): Promise<PortReservation> {
  const folder = join(tmpdir(), `konstellation-ports-${userInfo().uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const ports: number[] = [];
  const release = (): void => {
    for (const port of ports) rmSync(join(folder, String(port)), { force: true });
  };
  for (let attempt = 0; ports.length < count; attempt += 1) {
    if (attempt > 1000) {
      release();
      throw new Error(`no ${count} free TCP ports between ${firstPort} and ${lastPort} on 127.0.0.1`);
    }
    const port = firstPort + Math.floor(random() * (lastPort - firstPort));
    if (!reserve(join(folder, String(port)))) continue;
    if (await isFree(port)) ports.push(port);
    else rmSync(join(folder, String(port)), { force: true });
  }
  return { ports, release };
}

function reserve(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  // If the owner died without removing its file, this process removes the file, so that a later attempt, possibly by
  // another process, can use the port.
  const owner = Number(readOrEmpty(file));
  if (owner > 0 && !isProcessAlive(owner)) rmSync(file, { force: true });
  return false;
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
