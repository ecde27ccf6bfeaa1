/** The file that an editor opens: for the person alone, and named so that an editor knows it is YAML. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Draft } from './edit-loop.ts';

export async function createDraft(name: string): Promise<Draft> {
  // mkdtemp makes a folder that only its owner can enter.
  const path = join(await mkdtemp(join(tmpdir(), 'kon-edit-')), `${name}.yaml`);
  return {
    path,
    read: () => readFile(path, 'utf8').catch(emptyWhenGone),
    write: (text) => writeFile(path, text, { mode: 0o600 }),
    remove: () => rm(dirname(path), { recursive: true, force: true }),
  };
}

/** A person who deletes the file has emptied it. */
function emptyWhenGone(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}
