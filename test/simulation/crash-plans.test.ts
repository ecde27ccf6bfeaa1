/**
 * Every write of every scenario, to Kubernetes and to AWS, is once the last thing the operator did, once the last thing it
 * tried, and once one whose answer it never heard. Each run has to end where the undisturbed one ends. The plans are not
 * picked: they are the writes that the undisturbed run was seen to make.
 *
 * `CRASH_SCENARIO=… CRASH_WRITE=… CRASH_HOW=…` runs one plan.
 */
import { describe, expect, it } from 'vitest';
import { perform, scenarios } from './scenarios.ts';
import { endState } from './simulation.ts';

/** Twenty sweeps of the ClusterConfig's 60 seconds. */
const restMs = 20 * 60_000;

const ways = ['killedBefore', 'killedAfter', 'answerLost'] as const;

/** How often each thing was made and removed. */
function counts(writes: readonly string[]): ReadonlyMap<string, number> {
  const result = new Map<string, number>();
  for (const write of writes) {
    if (
      !/^(kube (create|delete)|iam (Create|Delete|Attach|Detach))/.test(write) ||
      write.includes(' events ')
    )
      continue;
    result.set(write, (result.get(write) ?? 0) + 1);
  }
  return result;
}

const only = process.env['CRASH_SCENARIO'];

describe.each(scenarios.filter((scenario) => only === undefined || scenario.name === only))(
  '$name',
  (scenario) => {
    it('ends the same, whichever write was the last', { timeout: 240_000 }, async () => {
      const reference = await perform(scenario);
      const wanted = endState(reference);
      const undisturbed = counts(reference.effects);
      const writes = reference.writes.length;
      expect(writes).toBeGreaterThan(0);
      let plans = 0;
      for (let write = 0; write < writes; write += 1) {
        if (process.env['CRASH_WRITE'] !== undefined && Number(process.env['CRASH_WRITE']) !== write)
          continue;
        for (const how of ways) {
          if (process.env['CRASH_HOW'] !== undefined && process.env['CRASH_HOW'] !== how) continue;
          const simulation = await perform(scenario, { fault: { write, how } });
          const plan = `CRASH_SCENARIO='${scenario.name}' CRASH_WRITE=${write} CRASH_HOW=${how} (${reference.writes[write]})`;
          expect(simulation.starts(), plan).toBe(how === 'answerLost' ? 1 : 2);
          expect(endState(simulation), plan).toEqual(wanted);
          // One more of what was cut off is its repetition; more than that would be a loop.
          for (const [what, count] of counts(simulation.effects))
            expect(count, `${plan}: ${what}`).toBeLessThanOrEqual((undisturbed.get(what) ?? 0) + 1);
          const atRest = simulation.writes.length;
          await simulation.time.pass(restMs);
          expect(simulation.writes.slice(atRest), `${plan}: at rest`).toEqual([]);
          plans += 1;
        }
      }
      console.log(`${scenario.name}: ${writes} writes, ${plans} plans`);
    });
  },
);
