/**
 * A home folder for a program that runs as a pod: everything in the person's own but `.aws`. The AWS CLI caches credentials in
 * `~/.aws/cli/cache` by the ARN of the role alone, so a shared cache would give a pod what another sandbox or AWS itself had
 * given before. No variable moves that cache, and a home without the rest would lack what tools keep there.
 */
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';

/** @param path does not exist yet @param home of the person; undefined or unreadable: the folder stays empty */
export async function createHomeFolder(path: string, home: string | undefined): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  if (home === undefined) return;
  const names = await readdir(home).catch(() => []);
  await Promise.all(
    names.filter((name) => name !== '.aws').map((name) => symlink(join(home, name), join(path, name))),
  );
}
