/**
 * The executable as it ships, bundled once for all test files of a run. vitest builds it for the projects that run the
 * executable; tests that need another version build their own.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { baseEnvironment } from '../../sandbox/src/environment.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Folder that contains `kon.js`. Test files must not change this folder. */
    readonly bundle: string;
  }
}

const script = resolve(import.meta.dirname, '../../scripts/build.ts');

/** @param version replaces the version from package.json */
export async function buildBundle(folder: string, version?: string): Promise<void> {
  const as = version === undefined ? [] : ['--version', version];
  const env = baseEnvironment(process.env);
  await promisify(execFile)(process.execPath, [script, '--outdir', folder, ...as], { env });
}

/** @returns a function that removes the bundle */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'kon-bundle-'));
  const bundle = join(folder, 'dist');
  await buildBundle(bundle);
  project.onTestsRerun(() => buildBundle(bundle));
  project.provide('bundle', bundle);
  return () => rm(folder, { recursive: true, force: true });
}
