/**
 * The executable of an earlier revision of this repository, built from its own sources with the packages of the present
 * revision. `test/e2e/upgrade.test.ts` upgrades from it. `previous-version.json` records the revision, and each release updates
 * it.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { baseEnvironment } from '../../sandbox/src/environment.ts';
import previous from './previous-version.json' with { type: 'json' };

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Returns whether this clone has the revision. A shallow clone lacks it: git fetch --unshallow. */
export function hasPreviousVersion(): boolean {
  const { status } = spawnSync('git', ['cat-file', '-e', `${previous.revision}^{commit}`], { cwd: root });
  return status === 0;
}

/**
 * @param folder receives the sources in `source` and the executable in `dist`
 * @returns path of `kon.js`
 */
export async function buildPreviousVersion(folder: string): Promise<string> {
  const { revision, version } = previous;
  const env = baseEnvironment(process.env);
  const source = join(folder, 'source');
  await mkdir(source);
  const archive = spawn('git', ['archive', revision, 'src', 'scripts', 'package.json'], { cwd: root, env });
  const extract = spawn('tar', ['-x', '-C', source], { env });
  const extracted = new Promise<void>((done, fail) =>
    extract
      .once('error', fail)
      .once('close', (code) => (code === 0 ? done() : fail(new Error(`tar failed with exit code ${code}`)))),
  );
  await Promise.all([pipeline(archive.stdout, extract.stdin), extracted]);
  await symlink(join(root, 'node_modules'), join(source, 'node_modules'));
  const dist = join(folder, 'dist');
  const build = [join(source, 'scripts/build.ts'), '--outdir', dist, '--version', version];
  await run(process.execPath, build, { env });
  return join(dist, 'kon.js');
}
