/**
 * Compares the packages that npm installed with package-lock.json: each package must have the version and the hash in
 * the lock file. `npm ci` makes the same check, but rejects a lock file that lacks optional packages of other
 * platforms, and some registries do not have all of these packages.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

type Package = {
  readonly version?: string;
  readonly integrity?: string;
  /** Set for a workspace, which is part of this repository. */
  readonly link?: boolean;
};
type Lock = { readonly packages: Readonly<Record<string, Package>> };

const root = join(import.meta.dirname, '..');
const read = (path: string): Lock => JSON.parse(readFileSync(join(root, path), 'utf8')) as Lock;
const locked = read('package-lock.json').packages;
const installed = Object.entries(read('node_modules/.package-lock.json').packages).filter(
  ([path, { link }]) => path.startsWith('node_modules/') && !link,
);

const problems = installed.flatMap(([path, { version, integrity }]) => {
  const expected = locked[path];
  if (!expected) return `${path} ${version}: not in package-lock.json`;
  return expected.integrity !== undefined && expected.version === version && expected.integrity === integrity
    ? []
    : `${path} ${version} (${integrity}): package-lock.json has ${expected.version} (${expected.integrity})`;
});
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else
  console.log(`installed: ${installed.length} packages, all with the version and hash in package-lock.json`);
