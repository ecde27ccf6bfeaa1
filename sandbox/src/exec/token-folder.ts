/**
 * The private folder in which a program that runs as a pod finds its tokens. It goes with the program, however this
 * process ends; one that was killed leaves it, and the next one takes it away.
 */
import { readdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';

export type TokenFolder = { readonly path: string; readonly remove: () => void };

/** @param parent where temporary files are kept */
export async function createTokenFolder(parent: string): Promise<TokenFolder> {
  sweep(parent);
  const path = await mkdtemp(join(parent, `kon-exec-${process.pid}-`));
  // An exit that nothing waits for: an impatient second Ctrl-C, a reader that has gone.
  const removeAtExit = (): void => rmSync(path, { recursive: true, force: true });
  process.once('exit', removeAtExit);
  return {
    path,
    remove: () => {
      process.off('exit', removeAtExit);
      removeAtExit();
    },
  };
}

/** What belongs to another user, or is gone meanwhile, is none of ours to take away. */
function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = /^kon-exec-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {
      // It stays.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
