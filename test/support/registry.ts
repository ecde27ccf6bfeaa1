/** A container registry on loopback that stores images in a folder: the registry that crane includes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';

export type Registry = {
  /** `localhost:PORT`. Clients use plain HTTP for this name. */
  readonly host: string;
  stop(): Promise<void>;
};

/** @param crane path of the crane program */
export async function startRegistry(crane: string, folder: string): Promise<Registry> {
  await mkdir(folder, { recursive: true });
  const server = spawn(crane, ['registry', 'serve', '--address=127.0.0.1:0', `--disk=${folder}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(server, 'exit');
  for await (const line of createInterface(server.stderr)) {
    const port = /serving on port (\d+)/.exec(line)?.[1];
    if (port !== undefined) {
      server.stderr.resume();
      return {
        host: `localhost:${port}`,
        async stop() {
          server.kill('SIGTERM');
          await exited;
        },
      };
    }
  }
  throw new Error('the registry did not report its port');
}
