/**
 * Kills the operator, in a modelled world, at every write of every scenario, and says how many plans there were and how long
 * they took. `--scenario NAME --write N --how killedBefore|killedAfter|answerLost|cutOff` runs one and shows its writes.
 */
import { parseArgs } from 'node:util';
import {
  commandFor,
  crashes,
  plansOf,
  referenceOf,
  violationsOf,
  type Plan,
} from '../test/simulation/crash-plans.ts';
import { scenarios } from '../test/simulation/scenarios.ts';

const { values } = parseArgs({
  options: {
    scenario: { type: 'string' },
    write: { type: 'string' },
    how: { type: 'string' },
  },
});
const chosen = scenarios.filter(({ name }) => values.scenario === undefined || name === values.scenario);
if (chosen.length === 0) {
  console.error(`no such scenario; there are:\n${scenarios.map(({ name }) => `  ${name}`).join('\n')}`);
  process.exit(2);
}
const isChosen = ({ write, how }: Plan): boolean =>
  (values.write === undefined || write === Number(values.write)) &&
  (values.how === undefined || how === values.how);

const startedAt = performance.now();
let plans = 0;
let failed = 0;
for (const scenario of chosen) {
  const reference = await referenceOf(scenario);
  const mine = plansOf(reference).filter(isChosen);
  if (values.write !== undefined)
    for (const [index, what] of reference.writes.entries())
      console.log(`${index === Number(values.write) ? '>' : ' '} ${index} ${what}`);
  for (const { oracle, message } of reference.violations) {
    failed += 1;
    console.log(`${scenario.name}, undisturbed: ${oracle}: ${message}`);
  }
  for (const plan of mine) {
    const violations = await violationsOf(reference, plan);
    plans += 1;
    if (violations.length === 0) continue;
    failed += 1;
    console.log(`\n${commandFor(reference, plan)}\n  at ${reference.writes[plan.write]}`);
    for (const { oracle, message } of violations) console.log(`  ${oracle}: ${message}`);
  }
  console.log(`${scenario.name}: ${reference.writes.length} writes, ${mine.length} plans`);
}
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
console.log(
  `\n${plans} plans (${crashes.length} ways at every write of ${chosen.length} scenarios) in ${seconds} s: ${failed === 0 ? 'all held' : `${failed} did not hold`}`,
);
process.exitCode = failed === 0 && plans > 0 ? 0 : 1;
