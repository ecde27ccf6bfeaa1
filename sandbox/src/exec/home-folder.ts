/**
 * Creates a home folder for a program that runs as a pod. The folder contains everything in the user's home except
 * `.aws`. The AWS CLI caches credentials in `~/.aws/cli/cache`, keyed by role ARN only, so with a shared cache a pod
 * could use credentials from another sandbox or from AWS. No variable moves that cache, and many tools need the rest of
 * the home folder.
 */
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * @param path a path that does not exist yet
 * @param home the user's home; if it is undefined or unreadable, the new folder stays empty
 */
export async function createHomeFolder(path: string, home: string | undefined): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  if (home === undefined) return;
  const names = await readdir(home).catch(() => []);
  await Promise.all(
    names.filter((name) => name !== '.aws').map((name) => symlink(join(home, name), join(path, name))),
  );
}
