/**
 * Kills the operator, in a modelled world, at every write of every scenario, and lets its view of the world be old in every
 * way; says how many plans there were and how long they took. `--scenario NAME` chooses one, `--plan WORD` one plan of it,
 * and shows what the undisturbed operator wrote and was told.
 */
import { parseArgs } from 'node:util';
import {
  commandFor,
  crashPlansOf,
  referenceOf,
  stalePlansOf,
  violationsOf,
  wordFor,
} from '../test/simulation/plans.ts';
import { scenarios } from '../test/simulation/scenarios.ts';

const { values } = parseArgs({ options: { scenario: { type: 'string' }, plan: { type: 'string' } } });
const chosen = scenarios.filter(({ name }) => values.scenario === undefined || name === values.scenario);
if (chosen.length === 0) {
  console.error(`no such scenario; there are:\n${scenarios.map(({ name }) => `  ${name}`).join('\n')}`);
  process.exit(2);
}

const startedAt = performance.now();
let plans = 0;
let failed = 0;
for (const scenario of chosen) {
  const reference = await referenceOf(scenario);
  const crashes = crashPlansOf(reference);
  const mine = [...crashes, ...stalePlansOf(reference)].filter(
    (plan) => values.plan === undefined || wordFor(plan) === values.plan,
  );
  if (values.plan !== undefined) {
    for (const [index, what] of reference.writes.entries()) console.log(`write ${index}: ${what}`);
    for (const [index, what] of reference.news.entries()) console.log(`change ${index}: ${what}`);
  }
  for (const { oracle, message } of reference.violations) {
    failed += 1;
    console.log(`${scenario.name}, undisturbed: ${oracle}: ${message}`);
  }
  for (const plan of mine) {
    const violations = await violationsOf(reference, plan);
    plans += 1;
    if (violations.length === 0) continue;
    failed += 1;
    console.log(`\n${commandFor(reference, plan)}`);
    if ('write' in plan) console.log(`  at ${reference.writes[plan.write]}`);
    if ('first' in plan) console.log(`  without ${reference.news[plan.first]}`);
    for (const { oracle, message } of violations) console.log(`  ${oracle}: ${message}`);
  }
  if (values.plan === undefined)
    console.log(
      `${scenario.name}: ${reference.writes.length} writes, ${crashes.length} crash plans, ${mine.length - crashes.length} of old views`,
    );
}
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
console.log(
  `\n${plans} plans of ${chosen.length} scenarios in ${seconds} s: ${failed === 0 ? 'all held' : `${failed} did not hold`}`,
);
process.exitCode = failed === 0 && plans > 0 ? 0 : 1;
