/**
 * Private folder for the tokens of a program that runs as a pod. This process removes the folder when it exits. If this
 * process is killed, the next process removes the folder.
 */
import { readdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';

export type TokenFolder = { readonly path: string; readonly remove: () => void };

/** @param parent folder for temporary files */
export async function createTokenFolder(parent: string): Promise<TokenFolder> {
  removeStaleFolders(parent);
  const path = await mkdtemp(join(parent, `kon-exec-${process.pid}-`));
  // Also runs on an immediate exit, for example after a second Ctrl-C or when the reader of a pipe closes the pipe.
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

/**
 * Removes the folders of killed processes. Skips folders of other users, and folders that were removed in the meantime.
 */
function removeStaleFolders(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = /^kon-exec-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {
      // A folder that cannot be removed remains.
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
