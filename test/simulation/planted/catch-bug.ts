/**
 * Runs a scenario with a planted bug under the faults that reveal the bug, and then without the bug under the same
 * faults. It is a separate program, because an operator with a bug may do anything, even hang. `node catch-bug.ts NAME
 * COPY` prints a `Catch` as JSON. `COPY` is the root of the sources with the bug.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Violation } from '../oracles.ts';
import {
  crashPlansOf,
  leaderPlansOf,
  oldCachePlansOf,
  referenceOf,
  stalePlansOf,
  violationsOf,
  wordFor,
  type Plan,
} from '../plans.ts';
import { scenarios } from '../scenarios.ts';
import { plantedBugs } from './bugs/index.ts';
import { register } from './planted-bug.ts';

export type Catch = {
  /** Number of plans that were tried. */
  readonly tried: number;
  /** The plan that revealed the bug; undefined if no plan did. */
  readonly plan?: string;
  readonly violations: readonly Violation[];
  /** Violations in the same plan without the bug. */
  readonly without: readonly Violation[];
};

type PlansModule = { readonly violationsOf: typeof violationsOf };
type ScenariosModule = { readonly scenarios: typeof scenarios };

const [name, copy = ''] = process.argv.slice(2);
const bug = plantedBugs.find((planted) => planted.name === name);
const scenario = scenarios.find((known) => known.name === bug?.scenario);
if (!bug || !scenario) throw new Error(`no such bug, or no such scenario: ${name}`);
register(bug);
const patchedModule = <T>(file: string): Promise<T> =>
  import(pathToFileURL(join(copy, 'test/simulation', file)).href) as Promise<T>;
const patched = await patchedModule<PlansModule>('plans.ts');
const patchedScenario = (await patchedModule<ScenariosModule>('scenarios.ts')).scenarios.find(
  (known) => known.name === scenario.name,
);
if (!patchedScenario) throw new Error(`the copy has no scenario ${scenario.name}`);

const reference = await referenceOf(scenario);
const undisturbed: Plan = { kind: 'lag', ms: 0 };
const plans =
  bug.plans === undefined
    ? [undisturbed]
    : [
        ...crashPlansOf(reference),
        ...stalePlansOf(reference),
        ...leaderPlansOf(reference),
        ...oldCachePlansOf(reference),
      ].filter(({ kind }) => kind === bug.plans);
let found: Catch = { tried: plans.length, violations: [], without: [] };
for (const [index, plan] of plans.entries()) {
  const violations = await patched.violationsOf({ ...reference, scenario: patchedScenario }, plan);
  if (!violations.some(({ oracle }) => oracle === bug.caughtBy)) continue;
  found = {
    tried: index + 1,
    plan: wordFor(plan),
    violations,
    without: await violationsOf(reference, plan),
  };
  break;
}
console.log(JSON.stringify(found));
