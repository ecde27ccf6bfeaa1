import { defineConfig } from 'vitest/config';

/** These wait for nothing but the processor, of which vitest would leave one free. */
const everyProcessor = '100%';

/**
 * How long a condition takes is the machine's affair, which others may use as well: these limits are there to end what
 * hangs. vitest's own, 5 s for a test and 1 s for `expect.poll`, are reached by sound tests on a busy machine.
 */
const patience = { testTimeout: 60_000, hookTimeout: 120_000, expect: { poll: { timeout: 15_000 } } };

/** Builds the executable once for all files. */
const bundle = 'test/support/bundle.ts';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...patience,
          name: 'unit',
          include: ['src/**/*.test.ts', 'src/**/*.property.test.ts'],
          environment: 'node',
          maxWorkers: everyProcessor,
        },
      },
      {
        // The operator's real engine in a modelled world, with a clock of its own.
        test: {
          ...patience,
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          environment: 'node',
          maxWorkers: everyProcessor,
        },
      },
      {
        // Each file starts (or shares, through a global setup) real servers.
        test: {
          ...patience,
          name: 'integration',
          globalSetup: bundle,
          // Real servers on few cores: one file at a time keeps what is timed (leases, completion) honest.
          fileParallelism: false,
          include: ['test/integration/**/*.test.ts'],
          environment: 'node',
        },
      },
      {
        // What takes minutes by its nature. Not a part of `make test`, but of `make soak`.
        test: {
          ...patience,
          name: 'soak',
          fileParallelism: false,
          include: ['test/soak/**/*.test.ts'],
          environment: 'node',
        },
      },
      {
        test: {
          ...patience,
          name: 'e2e',
          globalSetup: bundle,
          include: ['test/e2e/**/*.test.ts'],
          environment: 'node',
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
