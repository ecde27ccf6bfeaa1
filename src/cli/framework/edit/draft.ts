/** File that an editor opens. Only its owner can read it, and the extension .yaml lets the editor recognize YAML. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Draft } from './edit-loop.ts';

export async function createDraft(name: string): Promise<Draft> {
  // mkdtemp creates a folder that only its owner can enter.
  const path = join(await mkdtemp(join(tmpdir(), 'kon-edit-')), `${name}.yaml`);
  return {
    path,
    read: () => readFile(path, 'utf8').catch(emptyWhenGone),
    write: (text) => writeFile(path, text, { mode: 0o600 }),
    remove: () => rm(dirname(path), { recursive: true, force: true }),
  };
}

/** Treats a deleted file as an empty one. */
function emptyWhenGone(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}
