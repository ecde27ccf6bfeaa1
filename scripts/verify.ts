/**
 * Runs all checks and test projects, and prints a summary line at the end. `--only NAME` runs one check or project, `--list`
 * lists them. In the summary, a check counts as one test.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { TestReport } from './test-report.ts';

type Check = { readonly name: string; readonly command: readonly string[] };
type Outcome = {
  readonly passed: number;
  readonly failed: number;
  /** Failed tests with their reasons. These tests are repeated at the end, because logs can be truncated. */
  readonly failures?: readonly string[];
};

const root = resolve(import.meta.dirname, '..');
// The shebang lines of the tools run `node`, which must be the version that the project pins.
const env = {
  ...process.env,
  PATH: [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter),
};

const checks: readonly Check[] = [
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'types of the console', command: ['tsc', '--noEmit', '-p', 'console'] },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'format', command: ['oxfmt', '--check', '.'] },
  { name: 'layers', command: ['node', 'scripts/check-layers.ts'] },
  { name: 'unused', command: ['knip', '--no-progress'] },
  { name: 'language', command: ['node', 'scripts/check-language.ts'] },
  { name: 'generated', command: ['node', 'scripts/generate.ts', '--check'] },
  { name: 'build', command: ['node', 'scripts/build.ts'] },
  { name: 'docs site', command: ['node', 'scripts/build-site.ts'] },
  { name: 'dependencies', command: ['node', 'scripts/check-dependencies.ts'] },
  { name: 'programs', command: ['node', 'scripts/setup-programs.ts'] },
  { name: 'workflows', command: ['node', 'scripts/run-program.ts', 'actionlint'] },
  { name: 'browser', command: ['node', 'scripts/setup-browser.ts'] },
];
const testProjects = [
  'unit',
  'simulation',
  'integration',
  'oldest-kubernetes',
  'e2e',
  'console',
  'timed',
] as const;
/** Test projects that run only if `--only` names them. */
const matrixProjects = ['matrix', 'matrix-timed'] as const;

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, list: { type: 'boolean' } },
});
const all = [...checks.map((check) => check.name), ...testProjects, ...matrixProjects];
if (values.list) {
  console.log(all.join('\n'));
  process.exit(0);
}
const unknown = (values.only ?? []).filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`no such check: ${unknown.join(', ')}; the checks are: ${all.join(', ')}`);
  process.exit(2);
}
const wanted = (name: string): boolean =>
  values.only?.includes(name) ?? !(matrixProjects as readonly string[]).includes(name);

const scratch = await mkdtemp(join(tmpdir(), 'konstellation-verify-'));
const outcomes = new Map<string, Outcome & { seconds: number }>();
try {
  for (const { name, command } of checks) {
    if (wanted(name))
      await record(name, async () =>
        (await run(command)) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 },
      );
  }
  for (const project of [...testProjects, ...matrixProjects])
    if (wanted(project)) await record(project, () => runTests(project));
} finally {
  await rm(scratch, { recursive: true, force: true });
}

for (const { failures = [] } of outcomes.values())
  for (const failure of failures) console.log(`\nFAILED ${firstLines(failure)}`);

console.log('');
for (const [name, { passed, failed, seconds }] of outcomes) {
  console.log(
    `${failed === 0 ? 'ok  ' : 'FAIL'} ${name.padEnd(20)} ${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed  ${seconds.toFixed(1).padStart(7)} s`,
  );
}
const total = [...outcomes.values()].reduce(
  (sum, { passed, failed }) => ({ passed: sum.passed + passed, failed: sum.failed + failed }),
  { passed: 0, failed: 0 },
);
console.log('');
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

async function record(name: string, work: () => Promise<Outcome>): Promise<void> {
  console.log(`\n== ${name}`);
  const startedAt = performance.now();
  const outcome = await work();
  outcomes.set(name, { ...outcome, seconds: (performance.now() - startedAt) / 1000 });
}

async function runTests(project: string): Promise<Outcome> {
  const file = join(scratch, `${project}.json`);
  const exitCode = await run(
    ['vitest', 'run', '--project', project, '--reporter=default', '--reporter=./scripts/test-report.ts'],
    { KONSTELLATION_TEST_REPORT: file },
  );
  let report: TestReport;
  try {
    report = JSON.parse(await readFile(file, 'utf8')) as TestReport;
  } catch {
    return { passed: 0, failed: 1, failures: [`${project}: no report was written`] };
  }
  const failures = [...report.failures];
  if (exitCode !== 0 && failures.length === 0) failures.push(`${project}: vitest ended with ${exitCode}`);
  return { passed: report.passed, failed: failures.length, failures };
}

function firstLines(text: string): string {
  const lines = text.split('\n');
  const shown = 40;
  return lines.length > shown ? [...lines.slice(0, shown), '…'].join('\n') : text;
}

function run(command: readonly string[], settings: Record<string, string> = {}): Promise<number> {
  const [program = '', ...args] = command;
  return new Promise((resolveCode, reject) => {
    const child = spawn(join(root, 'node_modules', '.bin', program), args, {
      cwd: root,
      stdio: 'inherit',
      env: { ...env, ...settings },
    });
    child.once('error', reject);
    child.once('exit', (code) => resolveCode(code ?? 1));
  });
}
