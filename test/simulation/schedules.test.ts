/** Some random schedules with fixed seeds; `make soak SEEDS=n` runs any number of them. */
import { expect, it } from 'vitest';
import { inTime, noLimit } from './time-limit.ts';
import { commandForSeed, runSeed } from './schedules.ts';

/** First seed of each block of eight. The seeds of a block share their acts, and differ in the faults. */
const blocks = Array.from({ length: 24 }, (_, index) => index * 8);

it.each(blocks)(
  'a run with faults reaches the end state of a run without faults in the eight seeds from %i on',
  noLimit,
  async (first) => {
    for (let seed = first; seed < first + 8; seed += 1) {
      const command = commandForSeed(seed);
      const { violations } = await inTime(command, () => runSeed(seed));
      expect(violations, command).toEqual([]);
    }
  },
);

/**
 * Seeds whose runs must report no violation, although the world changed in ways that the operator could not know or
 * prevent:
 *
 * - a role was changed out of band, or by the previous process, too recently for the operator to know;
 * - a policy existed again before the operator retried it;
 * - the operator had not seen the deletion of an account yet;
 * - an app named an account again during the account's deletion;
 * - a policy had been detached unnoticed, which left more room than the operator knew;
 * - STS exchanged a token under a trust policy that had just been changed;
 * - the deletion of an account waited for pods that a slower operator would not have deployed, in a namespace that was
 * no longer a target.
 */
it.each([
  1_423, 1_556, 1_000_250, 1_000_541, 1_001_401, 2_022_065, 9_106_025, 9_202_438, 9_215_739, 9_237_408,
  9_237_413, 9_282_134,
])('a run with out-of-band changes reports no violation with seed %i', async (seed) => {
  expect((await runSeed(seed)).violations, commandForSeed(seed)).toEqual([]);
});

/** Seeds that once revealed a bug, each with the behavior that the bug violated. */
it.each([
  [
    'a role is not left behind when the next operator deletes its account before IAM shows the role',
    1_001_272,
  ],
  ['an account gets its role once the foreign role of that name is deleted', 1_757],
  ['a namespace that an earlier process created stays annotated as created by the operator', 2_000_131],
  ['an association that a listing shows after a restart keeps its place in the trust policy', 1_001_284],
  [
    'a Deployment that was deleted with its namespace before the response to its write is created again',
    2_021_901,
  ],
  ['no ServiceAccount is created for an account whose deletion the previous process completed', 9_002_712],
  ['an app is not deployed with an account that was unlinked from the target during the dry run', 9_018_027],
  ['an association that the status does not mention yet keeps its place in the trust policy', 9_029_540],
  [
    'a ServiceAccount in a namespace that was deleted and created again is deleted with its account',
    9_241_359,
  ],
  ['a ServiceAccount that was created again without a watch event is deleted with its account', 9_239_850],
])('%s', async (_, seed) => {
  expect((await runSeed(seed)).violations, commandForSeed(seed)).toEqual([]);
});

it('two runs of the same seed have the same result', async () => {
  const [one, other] = [await runSeed(3), await runSeed(3)];
  expect(one.simulation.writes.length).toBeGreaterThan(0);
  expect(other.simulation.writes).toEqual(one.simulation.writes);
});
