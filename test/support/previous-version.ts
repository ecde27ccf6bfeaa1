/**
 * The executable of an earlier revision of this repository, built from the sources of that revision with the packages
 * in its lockfile. `test/e2e/upgrade.test.ts` and `test/integration/upgrade/helm.test.ts` upgrade from it.
 * `previous-version.json` records the revision, and each release updates that file.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { baseEnvironment } from '../../sandbox/src/environment.ts';
import previous from './previous-version.json' with { type: 'json' };

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/**
 * Whether this clone contains the revision. A shallow clone does not contain the revision until `git fetch --unshallow`
 * has run.
 */
export function hasPreviousVersion(): boolean {
  const { status } = spawnSync('git', ['cat-file', '-e', `${previous.revision}^{commit}`], { cwd: root });
  return status === 0;
}

/**
 * Builds the executable unless an earlier run has already built it. Packages come from the npm registry.
 * @returns path of `kon.js`
 */
export async function buildPreviousVersion(): Promise<string> {
  const { revision, version } = previous;
  const built = join(root, 'node_modules/.cache/konstellation', `kon-${revision}`);
  if (existsSync(built)) return join(built, 'kon.js');
  const source = await mkdtemp(join(tmpdir(), 'kon-previous-'));
  try {
    await extractPreviousVersion(source);
    const options = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];
    await run('npm', ['install', ...options], { cwd: source });
    const dist = join(source, 'dist');
    const build = [join(source, 'scripts/build.ts'), '--outdir', dist, '--version', version];
    await run(process.execPath, build, { env: baseEnvironment(process.env) });
    await cp(dist, `${built}.${process.pid}`, { recursive: true });
    await rename(`${built}.${process.pid}`, built);
  } finally {
    await rm(source, { recursive: true, force: true });
  }
  return join(built, 'kon.js');
}

/** Writes files of the previous version's revision to a folder. Default: all files. */
export async function extractPreviousVersion(folder: string, ...paths: readonly string[]): Promise<void> {
  // The archive is not piped to tar: tar stops reading at the end of the archive, before git has written the padding
  // that follows, so git would fail on the closed pipe.
  const archive = join(folder, 'previous-version.tar');
  await run('git', ['archive', `--output=${archive}`, previous.revision, ...paths], { cwd: root });
  await run('tar', ['-xf', archive, '-C', folder]);
  await rm(archive);
}
