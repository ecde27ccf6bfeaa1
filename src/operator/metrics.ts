/** What the operator counts. The names and labels are contract; they are listed in docs/reference/metrics.md. */
import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { CallOutcome } from '../aws/index.ts';

export type Metrics = {
  readonly countAwsCall: (call: CallOutcome) => void;
  readonly setAccounts: (counts: { readonly ready: number; readonly notReady: number }) => void;
  readonly text: () => Promise<string>;
};

export function createMetrics(): Metrics {
  const registry = new Registry();
  const calls = new Counter({
    name: 'konstellation_aws_calls_total',
    help: 'Calls to AWS, by service, action and outcome (Success or the name of the error).',
    labelNames: ['service', 'action', 'outcome'],
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'konstellation_aws_call_duration_seconds',
    help: 'How long calls to AWS took.',
    labelNames: ['service', 'action'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  const accounts = new Gauge({
    name: 'konstellation_accounts',
    help: 'LinkedServiceAccounts, by whether they are ready.',
    labelNames: ['ready'],
    registers: [registry],
  });
  return {
    countAwsCall({ service, action, outcome, durationMs }) {
      calls.inc({ service, action, outcome });
      durations.observe({ service, action }, durationMs / 1000);
    },
    setAccounts({ ready, notReady }) {
      accounts.set({ ready: 'true' }, ready);
      accounts.set({ ready: 'false' }, notReady);
    },
    text: async () => registry.metrics(),
  };
}
