import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createMetrics, metricDefinitions, type MetricsView } from './metrics.ts';

const view: MetricsView = {
  accounts: { ready: 2, notReady: 1 },
  aws: [
    {
      service: 'iam',
      waiting: { edit: 0, awaited: 7, upkeep: 0, sweep: 0 },
      inFlight: 3,
      ratePerSecond: undefined,
    },
  ],
  controllers: [
    {
      name: 'accounts',
      metrics: () => ({
        depth: 4,
        delayed: 0,
        processing: 2,
        adds: 0,
        retries: 0,
        longestRunningMs: 0,
        unfinishedWorkMs: 0,
        maxConcurrent: 16,
        active: 2,
        reconciles: { success: 5, requeue_after: 1, requeue: 0, error: 0, stopped: 0 },
        terminalErrors: 0,
        panics: 0,
        timeouts: 0,
      }),
    },
  ],
};

describe('the metrics', () => {
  it('count calls by action and outcome, and those that were throttled', async () => {
    const metrics = createMetrics();
    const call = { service: 'iam', action: 'CreateRole', throttled: false, durationMs: 30 };
    metrics.countAwsCall({ ...call, outcome: 'Success' });
    metrics.countAwsCall({ ...call, outcome: 'Throttling', throttled: true });
    const text = await metrics.text(view);
    expect(text).toContain(
      'konstellation_aws_calls_total{service="iam",action="CreateRole",outcome="Success"} 1',
    );
    expect(text).toContain(
      'konstellation_aws_calls_total{service="iam",action="CreateRole",outcome="Throttling"} 1',
    );
    expect(text).toContain('konstellation_aws_throttled_total{service="iam"} 1');
    expect(text).toContain(
      'konstellation_aws_call_duration_seconds_bucket{le="0.05",service="iam",action="CreateRole"} 2',
    );
  });

  it('tell what the scheduler and the controllers say at the time, and no rate before there is one', async () => {
    const metrics = createMetrics();
    metrics.countInStep(700);
    await metrics.text(view);
    const text = await metrics.text(view);
    expect(text).toContain('konstellation_accounts{ready="true"} 2');
    expect(text).toContain('konstellation_aws_calls_waiting{service="iam",urgency="awaited"} 7');
    expect(text).toContain('konstellation_aws_calls_in_flight{service="iam"} 3');
    expect(text).toContain('konstellation_account_in_step_seconds_bucket{le="1"} 1');
    expect(text).toContain('konstellation_controller_queue_depth{controller="accounts"} 4');
    expect(text).toContain('konstellation_controller_working{controller="accounts"} 2');
    expect(text).toContain(
      'konstellation_controller_reconciles_total{controller="accounts",result="success"} 5',
    );
    expect(text).not.toContain('konstellation_aws_rate_limit{');
    const [iam] = view.aws;
    const learned = iam ? [{ ...iam, ratePerSecond: 19.5 }] : [];
    expect(await metrics.text({ ...view, aws: learned })).toContain(
      'konstellation_aws_rate_limit{service="iam"} 19.5',
    );
  });

  it('are all served, and all described in the reference', async () => {
    const reference = await readFile(new URL('../../docs/reference/metrics.md', import.meta.url), 'utf8');
    const rows = Object.entries(metricDefinitions).map(
      ([name, { type, labels, help }]) =>
        `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
    );
    expect(reference.split('\n').filter((line) => line.startsWith('| `'))).toEqual(rows);
    const text = await createMetrics().text(view);
    for (const [name, { type }] of Object.entries(metricDefinitions))
      expect(text).toContain(`# TYPE ${name} ${type}`);
  });
});
