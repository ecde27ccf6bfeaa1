/**
 * Writes every generated file of the repository from the registries and schemas. With `--check`, it writes nothing, and fails if
 * a file is outdated.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { apiReference } from './generate/api-reference.ts';
import { argoCdHealthChecks } from './generate/argo-cd.ts';
import { chartFiles } from './generate/chart-files.ts';
import { crdManifests } from './generate/crd-manifests.ts';
import { helpTexts } from './generate/help-texts.ts';
import { manFolder, manPages } from './generate/man-pages.ts';
import { mustNotFaults } from './generate/must-not.ts';
import { peopleTables } from './generate/people-tables.ts';
import { reasonsReference } from './generate/reasons-reference.ts';

const root = resolve(import.meta.dirname, '..');
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });

/** Scripts that accept the option `--check`. */
const scripts = ['generate-managed-policies.ts', 'generate-iam-actions.ts', 'generate-cli-reference.ts'];

const files = new Map([
  ...crdManifests(),
  ...chartFiles(),
  ...argoCdHealthChecks(),
  ...apiReference(),
  ...reasonsReference(),
  ...peopleTables(root),
  ...manPages(),
  ...(await helpTexts()),
]);
const faults: string[] = [];
for (const [path, content] of files) {
  const full = join(root, path);
  const current = existsSync(full) ? readFileSync(full, 'utf8') : undefined;
  if (current === content) continue;
  if (values.check) faults.push(`${path} does not match its source`);
  else {
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
    console.log(`wrote ${path}`);
  }
}
/** Folders that contain only generated files. Other files in them are faults. */
for (const folder of ['charts/konstellation/crds', 'charts/konstellation/files/admission', manFolder]) {
  for (const name of readdirSync(join(root, folder))) {
    if (files.has(`${folder}/${name}`)) continue;
    if (values.check) faults.push(`${folder}/${name} has no source and must be deleted`);
    else rmSync(join(root, folder, name));
  }
}
for (const script of scripts) {
  const args = [join(import.meta.dirname, script), ...(values.check ? ['--check'] : [])];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) faults.push(`scripts/${script} ${values.check ? 'found a difference' : 'failed'}`);
}

// Checks docs/must-not.md, which is written by hand: the tests that the page names must exist.
faults.push(...mustNotFaults(root));

for (const fault of faults) console.error(fault);
if (faults.length > 0) {
  if (values.check) console.error('run: npm run generate');
  process.exit(1);
}
if (values.check) console.log('generated files: all files match their sources');
