/**
 * Measures speed, calls and memory, and prints each figure next to its upper bound. `--only TEXT` runs the scenarios
 * whose names contain the text. `--list` lists the scenarios. Writes bench/results.json.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { table, within, type Figure } from './figure.ts';
import type { Scenario } from './scenario.ts';
import { commandLine } from './scenarios/command-line.ts';
import {
  hundredLimited,
  hundredUnlimited,
  thousandLimited,
  thousandUnlimited,
} from './scenarios/converge.ts';
import { webConsole } from './scenarios/web-console.ts';
import { create } from './scenarios/create.ts';
import { edit } from './scenarios/edit.ts';
import { restart } from './scenarios/restart.ts';
import { sandbox } from './scenarios/sandbox.ts';
import { scale } from './scenarios/scale.ts';
import { sweep, sweepMemory } from './scenarios/drift-detection.ts';

const scenarios: readonly Scenario[] = [
  create,
  sweep,
  sweepMemory,
  edit,
  hundredUnlimited,
  hundredLimited,
  thousandUnlimited,
  restart,
  thousandLimited,
  commandLine,
  sandbox,
  webConsole,
  scale,
];

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, list: { type: 'boolean' } },
});
if (values.list) {
  for (const { name, summary } of scenarios) console.log(`${name}\n    ${summary}`);
  process.exit(0);
}
const wanted = scenarios.filter(
  ({ name }) => values.only === undefined || values.only.some((text) => name.includes(text)),
);
if (wanted.length === 0) {
  console.error(`no scenario's name contains ${values.only?.join(' or ')}; see --list`);
  process.exit(2);
}

const load = loadavg()[0] ?? 0;
console.log(`${cpus().length} processors, load ${load.toFixed(2)} before the start`);
// Builds a separate bundle to measure, because a concurrent build could change the bundle in dist/.
const dist = await mkdtemp(join(tmpdir(), 'kon-bench-'));
await promisify(execFile)(process.execPath, [
  resolve(import.meta.dirname, '../scripts/build.ts'),
  '--outdir',
  join(dist, 'dist'),
]);
const kon = join(dist, 'dist', 'kon.js');
const figures: Figure[] = [];
let failed = false;
for (const scenario of wanted) {
  console.log(`\n== ${scenario.name}: ${scenario.summary}`);
  const startedAt = performance.now();
  try {
    const found = await scenario.run({ kon, note: (text) => console.log(`   ${text}`) });
    figures.push(...found);
    console.log(table(found));
  } catch (error) {
    failed = true;
    console.error(`   failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  console.log(
    `   (${((performance.now() - startedAt) / 1000).toFixed(0)} s, load ${(loadavg()[0] ?? 0).toFixed(2)})`,
  );
}
await rm(dist, { recursive: true, force: true });

const file = join(import.meta.dirname, 'results.json');
const earlier = values.only === undefined ? [] : await readEarlier();
const names = new Set(figures.map((figure) => figure.name));
const all = [...earlier.filter((figure) => !names.has(figure.name)), ...figures];
const entries = all.map(({ name, value, unit, bound = null, peer = null }) => ({
  name,
  value,
  unit,
  bound,
  peer,
}));
await writeFile(file, `${JSON.stringify(entries, null, 2)}\n`);

if (wanted.length > 1) console.log(`\n${table(figures)}`);
const over = figures.filter((figure) => !within(figure));
console.log(`\n${figures.length - over.length} of ${figures.length} figures within their bounds`);
process.exitCode = failed ? 1 : 0;

/**
 * Reads the earlier results, because a run of selected scenarios replaces only the figures of the selected scenarios.
 */
async function readEarlier(): Promise<readonly Figure[]> {
  try {
    const entries = JSON.parse(await readFile(file, 'utf8')) as (Omit<Figure, 'bound' | 'peer'> & {
      bound: number | null;
      peer: number | null;
    })[];
    return entries.map(({ bound, peer, ...entry }) => ({
      ...entry,
      ...(bound === null ? {} : { bound }),
      ...(peer === null ? {} : { peer }),
    }));
  } catch {
    return [];
  }
}
