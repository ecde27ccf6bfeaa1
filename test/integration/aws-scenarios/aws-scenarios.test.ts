import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compare, runScenario, type Observed } from '../../../sandbox/src/conformance/run-scenario.ts';
import type { Scenario, Step } from '../../../sandbox/src/conformance/scenario.ts';
import { monotonicClock } from '../../../src/k8s/testing/clocks.ts';
import { areasOf, startMotoBackend, startEmulatorBackend } from './backends.ts';
import type { RunningBackend } from './backends.ts';

test('the list contains at least the expected number of scenarios, each with a unique name', () => {
  const names = Object.values(areasOf('emulator')).flatMap((scenarios) => scenarios.map(({ name }) => name));
  expect(names.length).toBeGreaterThanOrEqual(40);
  expect(new Set(names).size).toBe(names.length);
});

for (const start of [startEmulatorBackend, startMotoBackend]) {
  const name = start === startMotoBackend ? 'moto' : 'emulator';
  describe(name === 'moto' ? 'moto' : 'the emulator', () => {
    let backend: RunningBackend;
    beforeAll(async () => {
      backend = await start();
    }, 300_000);
    afterAll(async () => {
      backend.clients.close();
      await backend.stop();
    });

    for (const [area, scenarios] of Object.entries(areasOf(name))) {
      describe(area, () => {
        for (const scenario of scenarios) {
          test(scenario.name, async () => {
            const outcomes = await outcomesOf(scenario, backend);
            expect(outcomes).toHaveLength(scenario.steps.length);
            for (const [index, { step, observed }] of outcomes.entries()) {
              const label = `step ${index + 1}: ${JSON.stringify(observed)}`;
              const difference = name === 'moto' ? step.moto : undefined;
              if (difference)
                expect(compare(observed, step.gives), `moto no longer differs; ${label}`).not.toEqual([]);
              expect(compare(observed, difference?.gives ?? step.gives), label).toEqual([]);
            }
          });
        }
      });
    }
  });
}

/** Returns the outcome of each step that was not skipped. */
async function outcomesOf(
  scenario: Scenario,
  { clients, given }: RunningBackend,
): Promise<readonly { readonly step: Step; readonly observed: Observed }[]> {
  const outcomes: { step: Step; observed: Observed }[] = [];
  const settling = { timeoutMs: 0, now: monotonicClock, pause: (ms: number) => delay(ms) };
  await runScenario(scenario, { clients, given, settling }, (_result, step, observed) => {
    if (observed) outcomes.push({ step, observed });
  });
  return outcomes;
}
