/**
 * Makes a folder and those that it lies in, one after the other. Node's own recursion goes on for ever where the system says of
 * a folder's child that it does not exist, as `/proc` does.
 */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SandboxError } from './error.ts';

/** What is to be kept has no place. */
export class NoFolderError extends SandboxError {
  override readonly name = 'NoFolderError';
}

/** @param mode of those that are made @throws NoFolderError */
export async function makeFolder(folder: string, mode = 0o777): Promise<void> {
  if (await isFolder(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) await makeFolder(parent, mode);
  try {
    await mkdir(folder, { mode });
  } catch (error) {
    if (await isFolder(folder)) return;
    const { message } = error as Error;
    throw new NoFolderError(`the folder ${folder} cannot be made:\n${message}`, { cause: error });
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
