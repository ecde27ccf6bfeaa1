/** Extracts one program from a release archive with the system's tar. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Extracts the file with this name from any folder of the archive.
 * @returns the path of the extracted file below `folder`
 * @throws Error if the archive has no such file, or tar fails
 */
export async function extractMember(archive: string, name: string, folder: string): Promise<string> {
  const { stdout } = await run('tar', ['-tzf', archive], { maxBuffer: 16 * 1024 * 1024 });
  const member = stdout.split('\n').find((path) => path === name || path.endsWith(`/${name}`));
  if (member === undefined) throw new Error(`${archive} does not contain ${name}`);
  await run('tar', ['-xzf', archive, '-C', folder, member]);
  return join(folder, member);
}
