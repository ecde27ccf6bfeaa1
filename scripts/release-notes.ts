/**
 * Prints a release's section of CHANGELOG.md. Fails unless the tag, package.json and the chart have the same version, and the
 * changelog has a dated section for this version: `node scripts/release-notes.ts v1.2.3`. `--links URL` makes relative links
 * absolute.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { releaseNotes } from './release/notes.ts';

const root = resolve(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const chart = read('charts/konstellation/Chart.yaml');
// Uses no YAML parser, because the release runs this script without installed packages.
const stated = (field: string): string => new RegExp(`^${field}: (.+)$`, 'm').exec(chart)?.[1] ?? 'nothing';
const { values, positionals } = parseArgs({
  options: { links: { type: 'string' } },
  allowPositionals: true,
});
const result = releaseNotes({
  tag: positionals[0] ?? '',
  versions: {
    'package.json': (JSON.parse(read('package.json')) as { version: string }).version,
    'version of Chart.yaml': stated('version'),
    'appVersion of Chart.yaml': stated('appVersion'),
  },
  changelog: read('CHANGELOG.md'),
  ...(values.links === undefined ? {} : { linkBase: values.links }),
});
if ('problems' in result) {
  for (const problem of result.problems) console.error(problem);
  process.exitCode = 1;
} else console.log(result.notes);
