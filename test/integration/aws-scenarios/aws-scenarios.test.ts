import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startMotoBackend, startEmulatorBackend } from './backends.ts';
import type { RunningBackend } from './backends.ts';
import { runScenario } from '../../../sandbox/src/conformance/scenario.ts';
import { areas } from '../../../sandbox/src/conformance/table/table.ts';

test('there are at least the expected number of scenarios, and their names are unique', () => {
  const names = Object.values(areas).flatMap((scenarios) => scenarios.map(({ name }) => name));
  expect(names.length).toBeGreaterThanOrEqual(40);
  expect(new Set(names).size).toBe(names.length);
});

for (const start of [startEmulatorBackend, startMotoBackend]) {
  describe(start === startMotoBackend ? 'moto' : 'the emulator', () => {
    let backend: RunningBackend;
    beforeAll(async () => {
      backend = await start();
    }, 300_000);
    afterAll(async () => {
      await backend.stop();
    });

    for (const [area, scenarios] of Object.entries(areas)) {
      describe(area, () => {
        for (const scenario of scenarios) {
          test(scenario.name, async () => {
            await runScenario(scenario, backend);
          });
        }
      });
    }
  });
}
