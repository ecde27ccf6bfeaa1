import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Wall } from '../k8s/time.ts';
import { IdentityError } from '../identity/index.ts';
import { createMetrics, metricDefinitions, type MetricsView } from './metrics.ts';

const view: MetricsView = {
  accounts: { ready: 2, notReady: 1, unknown: 4 },
  outdated: false,
  draining: [{ since: 1_700_000_000_000 as Wall }, { since: 1_700_000_050_000 as Wall }],
  now: 1_700_000_060_000 as Wall,
  drift: [
    { what: 'roles', lastSuccess: 1_700_000_000_000 },
    { what: 'associations', failure: { error: new IdentityError('AccessDenied', 'no'), passes: 2 } },
  ],
  aws: [
    {
      service: 'iam',
      waiting: { interactive: 0, 'in-progress': 0, new: 7, background: 0, resync: 0 },
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
        adds: 9,
        retries: 3,
        longestRunningMs: 1500,
        unfinishedWorkMs: 2000,
        maxConcurrent: 16,
        active: 2,
        reconciles: { success: 5, requeue_after: 1, requeue: 0, error: 6, stopped: 0 },
        terminalErrors: 1,
        panics: 2,
        timeouts: 7,
      }),
    },
  ],
  lead: { name: 'konstellation', leading: true, leaseAgeMs: 1_500 },
};

describe('the metrics', () => {
  it('count AWS calls by action and outcome, and count throttled AWS calls', async () => {
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

  it('show the current figures of the call scheduler and the controllers, and the AWS rate limit once it is known', async () => {
    const metrics = createMetrics();
    metrics.countInSync(700);
    metrics.setLeftovers({ orphan: 1, retained: 2 });
    await metrics.text(view);
    const text = await metrics.text(view);
    expect(text).toContain('konstellation_accounts{ready="true"} 2');
    expect(text).toContain('konstellation_targets_draining 2');
    expect(text).toContain('konstellation_targets_draining_oldest_seconds 60');
    expect(text).toContain('konstellation_orphan_roles{kind="orphan"} 1');
    expect(text).toContain('konstellation_orphan_roles{kind="retained"} 2');
    expect(text).toContain('konstellation_accounts{ready="false"} 1');
    expect(text).toContain('konstellation_accounts{ready="unknown"} 4');
    expect(text).toContain('konstellation_drift_last_success_timestamp_seconds{pass="roles"} 1700000000');
    expect(text).toContain('konstellation_drift_failing{pass="roles"} 0');
    expect(text).toContain('konstellation_drift_failing{pass="associations"} 1');
    expect(text).not.toContain('konstellation_drift_last_success_timestamp_seconds{pass="associations"}');
    expect(text).toContain('konstellation_aws_calls_waiting{service="iam",priority="new"} 7');
    expect(text).toContain('konstellation_aws_calls_in_flight{service="iam"} 3');
    expect(text).toContain('konstellation_account_in_step_seconds_bucket{le="1"} 1');
    expect(text).not.toContain('konstellation_aws_rate_limit{');
    const [iam] = view.aws;
    const learned = iam ? [{ ...iam, ratePerSecond: 19.5 }] : [];
    expect(await metrics.text({ ...view, aws: learned })).toContain(
      'konstellation_aws_rate_limit{service="iam"} 19.5',
    );
  });

  it('describe the controllers under the names that controller-runtime uses', async () => {
    const metrics = createMetrics();
    const observer = metrics.observerOf('accounts');
    observer.reconciled?.('success', 30);
    observer.queued?.(50);
    observer.worked?.(31);
    const host = '127.0.0.1:6443';
    metrics.countRequest({ method: 'GET', host, path: '/api', ms: 1, status: 200 });
    metrics.countRequest({ method: 'GET', host, path: '/api', ms: 1 });
    await metrics.text(view);
    const lines = (await metrics.text(view)).split('\n');
    const queue = '{name="accounts",controller="accounts"}';
    for (const line of [
      'controller_runtime_reconcile_total{controller="accounts",result="success"} 5',
      'controller_runtime_reconcile_errors_total{controller="accounts"} 6',
      'controller_runtime_terminal_reconcile_errors_total{controller="accounts"} 1',
      'controller_runtime_reconcile_panics_total{controller="accounts"} 2',
      'controller_runtime_reconcile_timeouts_total{controller="accounts"} 7',
      'controller_runtime_reconcile_time_seconds_bucket{le="0.025",controller="accounts"} 0',
      'controller_runtime_reconcile_time_seconds_bucket{le="0.05",controller="accounts"} 1',
      'controller_runtime_max_concurrent_reconciles{controller="accounts"} 16',
      'controller_runtime_active_workers{controller="accounts"} 2',
      `workqueue_depth${queue} 4`,
      `workqueue_adds_total${queue} 9`,
      `workqueue_retries_total${queue} 3`,
      `workqueue_unfinished_work_seconds${queue} 2`,
      `workqueue_longest_running_processor_seconds${queue} 1.5`,
      `workqueue_queue_duration_seconds_sum${queue} 0.05`,
      `workqueue_work_duration_seconds_sum${queue} 0.031`,
      `rest_client_requests_total{code="200",method="GET",host="${host}"} 1`,
      `rest_client_requests_total{code="<error>",method="GET",host="${host}"} 1`,
      'leader_election_master_status{name="konstellation"} 1',
      'konstellation_lease_age_seconds{name="konstellation"} 1.5',
    ])
      expect(lines).toContain(line);
    expect(lines.some((line) => line.startsWith('process_resident_memory_bytes '))).toBe(true);
    const alone = await createMetrics().text({ ...view, lead: undefined });
    expect(alone).not.toContain('leader_election_master_status{');
    expect(alone).not.toContain('konstellation_lease_age_seconds{');
  });

  it('are all contained in the response, and docs/reference/metrics.md lists all of them', async () => {
    const reference = await readFile(new URL('../../docs/reference/metrics.md', import.meta.url), 'utf8');
    const rows = Object.entries(metricDefinitions).map(
      ([name, { type, labels, help }]) =>
        `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
    );
    expect(reference.split('\n').filter((line) => /^\| `[a-z_]+` \|/.test(line))).toEqual(rows);
    const text = await createMetrics().text(view);
    for (const [name, { type }] of Object.entries(metricDefinitions))
      expect(text).toContain(`# TYPE ${name} ${type}`);
  });
});
