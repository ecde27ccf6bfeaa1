import { defineConfig } from 'vitest/config';

/** These wait for nothing but the processor, of which vitest would leave one free. */
const everyProcessor = '100%';

/**
 * How long a condition takes is the machine's affair, which others may use as well: these limits are there to end what
 * hangs. vitest's own, 5 s for a test and 1 s for `expect.poll`, are reached by sound tests on a busy machine.
 */
const patience = { testTimeout: 180_000, hookTimeout: 300_000, expect: { poll: { timeout: 15_000 } } };

/** Files which start real servers wait for these most of the time: two share two cores well, and more would crowd fewer. */
const realServers = 2;

/** What measures how long something takes, with leases of a few seconds, has the machine to itself: one file at a time. */
const timed = [
  'test/integration/cli/completion.test.ts',
  'test/integration/kube/faults.test.ts',
  'test/integration/kube/leases.test.ts',
  'test/e2e/guarantees/two-operators.test.ts',
  'test/e2e/health.test.ts',
];

/** Tests of API server behaviour: schemas, CEL, admission, server-side apply, watches, tokens, discovery. */
const apiServerTests =
  'test/integration/{access,api,apps,chart,cli,fleet,kube,simulation-conformance,upgrade}/**/*.test.ts';

/** Subset that `make test` repeats on the oldest supported Kubernetes version; `make matrix` repeats all of them. */
const repeatedApiServerTests = [
  'test/integration/access/**/*.test.ts',
  'test/integration/api/admission.test.ts',
  'test/integration/apps/app-validation.test.ts',
  'test/integration/chart/chart.test.ts',
  'test/integration/kube/client.test.ts',
  'test/integration/simulation-conformance/conformance.test.ts',
];

const onOldestKubernetes = { KON_TEST_KUBERNETES: 'oldest' };

/** Builds the executable once for all files. */
const bundle = 'test/support/bundle.ts';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...patience,
          name: 'unit',
          include: ['{src,sandbox,console/src,integrations,scripts}/**/*.test.ts'],
          setupFiles: 'test/support/property-seed.ts',
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
        // Each file starts real servers of its own.
        test: {
          ...patience,
          name: 'integration',
          globalSetup: bundle,
          include: ['test/integration/**/*.test.ts'],
          exclude: timed,
          environment: 'node',
          maxWorkers: realServers,
        },
      },
      {
        test: {
          ...patience,
          name: 'e2e',
          globalSetup: bundle,
          include: ['test/e2e/**/*.test.ts'],
          exclude: timed,
          environment: 'node',
          maxWorkers: realServers,
        },
      },
      {
        test: {
          ...patience,
          name: 'timed',
          globalSetup: bundle,
          include: timed,
          environment: 'node',
          fileParallelism: false,
        },
      },
      {
        test: {
          ...patience,
          name: 'oldest-kubernetes',
          globalSetup: bundle,
          env: onOldestKubernetes,
          include: repeatedApiServerTests,
          environment: 'node',
          maxWorkers: realServers,
        },
      },
      {
        // Not a part of `make test`, but of `make matrix`.
        test: {
          ...patience,
          name: 'matrix',
          globalSetup: bundle,
          env: onOldestKubernetes,
          include: [apiServerTests],
          exclude: timed,
          environment: 'node',
          maxWorkers: realServers,
        },
      },
      {
        test: {
          ...patience,
          name: 'matrix-timed',
          globalSetup: bundle,
          env: onOldestKubernetes,
          include: timed.filter((file) => file.startsWith('test/integration/')),
          environment: 'node',
          fileParallelism: false,
        },
      },
      {
        // A real browser, one at a time, on the built page.
        test: {
          ...patience,
          name: 'console',
          globalSetup: bundle,
          include: ['console/test/**/*.test.ts'],
          environment: 'node',
          fileParallelism: false,
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
    ],
  },
});
