/**
 * Runs the crash plans of the simulation: kills the operator at every write of every scenario, serves stale reads of every kind,
 * pauses the leader, and generates random schedules from seeds. Prints the number of plans and their duration.
 *
 *   --scenario NAME [--plan WORD]   one scenario, or one plan of it with the writes and changes of the undisturbed run
 *   --seeds N [--from N]            N seeds, starting with `--from` (default: 2,000 from 0); --only-seeds omits the plans
 *   --seed N                        one seed, with its acts and faults
 *   --chains N                      N chains of 1,000 specs (default: 2)
 *   --chain N                       one chain
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import type { Violation } from '../test/simulation/oracles.ts';
import {
  commandFor,
  crashPlansOf,
  leaderPlansOf,
  referenceOf,
  stalePlansOf,
  violationsOf,
  wordFor,
} from '../test/simulation/plans.ts';
import { chainOf, violationsOfChain } from '../test/simulation/chains.ts';
import { scenarios, type Scenario } from '../test/simulation/scenarios.ts';
import { commandForSeed, runSeed } from '../test/simulation/schedules.ts';

type Task =
  | { readonly kind: 'scenario'; readonly name: string; readonly plan?: string }
  | { readonly kind: 'seeds'; readonly first: number; readonly count: number }
  | { readonly kind: 'chain'; readonly seed: number };
type Report = {
  readonly plans: number;
  readonly seeds: number;
  readonly chains: number;
  readonly failed: number;
  readonly lines: readonly string[];
};

/** Number of seeds in one task: a multiple of eight, because eight consecutive seeds share one run without faults. */
const seedsPerTask = 64;
const specsPerChain = 1_000;

const nothing = { plans: 0, seeds: 0, chains: 0 };

const port = parentPort;
if (isMainThread || !port) await main();
else
  port.on('message', (task: Task) => {
    // An error in a worker ends the worker and the whole run.
    void carryOut(task).then((report) => send(port, report));
  });

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string' },
      plan: { type: 'string' },
      seed: { type: 'string' },
      seeds: { type: 'string', default: '2000' },
      from: { type: 'string', default: '0' },
      chain: { type: 'string' },
      chains: { type: 'string', default: '2' },
      'only-seeds': { type: 'boolean', default: false },
    },
  });
  if (values.seed !== undefined) return showSeed(Number(values.seed));
  const { scenario: chosen, plan } = values;
  if (chosen !== undefined && !scenarios.some(({ name }) => name === chosen)) {
    console.error(
      `no such scenario; the scenarios are:\n${scenarios.map(({ name }) => `  ${name}`).join('\n')}`,
    );
    process.exitCode = 2;
    return undefined;
  }
  const isWhole = chosen === undefined && values.chain === undefined;
  const seeds = isWhole ? Number(values.seeds) : 0;
  const chains = isWhole ? Array.from({ length: Number(values.chains) }, (_, seed) => seed) : [];
  if (values.chain !== undefined) chains.push(Number(values.chain));
  const tasks: Task[] = [
    ...chains.map((seed) => ({ kind: 'chain', seed }) as const),
    ...(values['only-seeds'] || values.chain !== undefined ? [] : scenarios)
      .filter(({ name }) => chosen === undefined || name === chosen)
      .map(({ name }) => ({ kind: 'scenario', name, ...(plan === undefined ? {} : { plan }) }) as const),
    ...Array.from({ length: Math.ceil(seeds / seedsPerTask) }, (_, index) => {
      const done = index * seedsPerTask;
      const count = Math.min(seedsPerTask, seeds - done);
      return { kind: 'seeds', first: Number(values.from) + done, count } as const;
    }),
  ];

  const startedAt = performance.now();
  const total = { plans: 0, seeds: 0, chains: 0, failed: 0 };
  const note = (report: Report): void => {
    total.plans += report.plans;
    total.seeds += report.seeds;
    total.chains += report.chains;
    total.failed += report.failed;
    for (const line of report.lines) console.log(line);
  };
  await Promise.all(
    Array.from({ length: Math.min(availableParallelism(), tasks.length) }, () => work(tasks, note)),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const parts = [
    ...(total.plans > 0 ? [`${total.plans} plans`] : []),
    ...(total.seeds > 0 ? [`${total.seeds} seeds`] : []),
    ...(total.chains > 0 ? [`${total.chains} chains of ${specsPerChain} specs`] : []),
  ];
  const verdict = total.failed === 0 ? 'all held' : `${total.failed} did not hold`;
  console.log(`\n${parts.join(', ') || 'nothing'} in ${seconds.toFixed(1)} s: ${verdict}`);
  process.exitCode = total.failed === 0 && parts.length > 0 ? 0 : 1;
  return undefined;
}

/** Starts a worker thread, and runs tasks in it until none are left. */
async function work(tasks: Task[], note: (report: Report) => void): Promise<void> {
  const worker = new Worker(new URL(import.meta.url));
  await new Promise<void>((resolve, reject) => {
    const next = (): void => {
      const task = tasks.shift();
      if (task) send(worker, task);
      else resolve();
    };
    worker.on('error', reject);
    worker.on('message', (report: Report) => {
      note(report);
      next();
    });
    next();
  });
  await worker.terminate();
}

function send(to: Pick<Worker, 'postMessage'>, message: Task | Report): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
  to.postMessage(message);
}

async function carryOut(task: Task): Promise<Report> {
  if (task.kind === 'seeds') return trySeeds(task.first, task.count);
  if (task.kind === 'chain') return tryChain(task.seed);
  const scenario = scenarios.find(({ name }) => name === task.name);
  if (!scenario) throw new Error(`no such scenario: ${task.name}`);
  return tryScenario(scenario, task.plan);
}

async function tryScenario(scenario: Scenario, word: string | undefined): Promise<Report> {
  const lines: string[] = [];
  const reference = await referenceOf(scenario);
  const sorts = [crashPlansOf(reference), stalePlansOf(reference), leaderPlansOf(reference)] as const;
  const plans = sorts.flat().filter((plan) => word === undefined || wordFor(plan) === word);
  if (word !== undefined) {
    lines.push(...reference.writes.map((what, index) => `write ${index}: ${what}`));
    lines.push(...reference.news.map((what, index) => `change ${index}: ${what}`));
  }
  let failed = reference.violations.length > 0 ? 1 : 0;
  lines.push(...reported(`${scenario.name}, undisturbed`, reference.violations));
  for (const plan of plans) {
    const violations = await violationsOf(reference, plan);
    if (violations.length === 0) continue;
    failed += 1;
    lines.push(...reported(commandFor(reference, plan), violations));
    if ('write' in plan) lines.push(`  at: ${reference.writes[plan.write]}`);
    if ('first' in plan) lines.push(`  without: ${reference.news[plan.first]}`);
  }
  const [crashes, views, leaders] = sorts.map(({ length }) => length);
  if (word === undefined)
    lines.push(`${scenario.name}: ${crashes} plans of crashes, ${views} of old views, ${leaders} of leaders`);
  return { ...nothing, plans: plans.length, failed, lines };
}

async function trySeeds(first: number, count: number): Promise<Report> {
  const lines: string[] = [];
  let failed = 0;
  for (let seed = first; seed < first + count; seed += 1) {
    const { violations } = await runSeed(seed);
    if (violations.length === 0) continue;
    failed += 1;
    lines.push(...reported(commandForSeed(seed), violations));
  }
  return { ...nothing, seeds: count, failed, lines };
}

async function tryChain(seed: number): Promise<Report> {
  const violations = await violationsOfChain(chainOf(seed, specsPerChain));
  const lines = reported(`npx node scripts/crash-plans.ts --chain ${seed}`, violations);
  return { ...nothing, chains: 1, failed: lines.length > 0 ? 1 : 0, lines };
}

function reported(what: string, violations: readonly Violation[]): readonly string[] {
  return violations.length === 0
    ? []
    : ['', what, ...violations.map(({ oracle, message }) => `  ${oracle}: ${message}`)];
}

async function showSeed(seed: number): Promise<void> {
  const { words, simulation, violations } = await runSeed(seed);
  for (const line of words) console.log(line);
  const { writes, failures, time } = simulation;
  const start = writes[0]?.at ?? time.now();
  const all = [...writes, ...failures.map((sent) => ({ ...sent, what: `(not carried out) ${sent.what}` }))];
  for (const { at, process: by, what } of all.toSorted((a, b) => a.at - b.at))
    console.log(`${((at - start) / 1000).toFixed(3).padStart(9)} s  ${by}  ${what}`);
  for (const line of reported(`seed ${seed}`, violations)) console.log(line);
  console.log(violations.length === 0 ? '\neverything held' : '');
  process.exitCode = violations.length === 0 ? 0 : 1;
}
