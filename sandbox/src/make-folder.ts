/**
 * Creates a folder and its parents one by one. Node's recursive mkdir loops forever if the system reports that a child
 * of an existing folder does not exist, as in `/proc`.
 */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SandboxError } from './error.ts';

/** A folder cannot be created. */
export class NoFolderError extends SandboxError {
  override readonly name = 'NoFolderError';
}

/**
 * @param mode permissions of the created folders
 * @throws NoFolderError
 */
export async function makeFolder(folder: string, mode = 0o777): Promise<void> {
  if (await isFolder(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) await makeFolder(parent, mode);
  try {
    await mkdir(folder, { mode });
  } catch (error) {
    if (await isFolder(folder)) return;
    const { message } = error as Error;
    throw new NoFolderError(`cannot create folder "${folder}":\n${message}`, { cause: error });
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
