/**
 * Metrics of the operator. Metric names and labels are a public contract. docs/reference/metrics.md lists them, and a
 * test compares the list with this file.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';
import type { CallOutcome, SchedulerFigures } from '../aws/index.ts';
import type { Wall } from '../k8s/time.ts';
import type { DriftCheck, LeftoverKind } from '../identity/index.ts';
import {
  counter,
  createRuntimeMetrics,
  definer,
  gauge,
  histogram,
  runtimeMetricDefinitions,
  type MetricDefinitions,
  type RuntimeMetrics,
  type RuntimeView,
} from './runtime-metrics.ts';

/** Values that the metrics read at each scrape. */
export type MetricsView = RuntimeView & {
  readonly accounts: { readonly ready: number; readonly notReady: number; readonly unknown: number };
  readonly drift: readonly DriftCheck[];
  /** Draining targets, which wait for their pods to end. The longest wait comes first. */
  readonly draining: readonly { readonly since: Wall }[];
  readonly now: Wall;
  readonly aws: readonly SchedulerFigures[];
  /** Whether the CRDs are newer than this operator. */
  readonly outdated: boolean;
};

export type Metrics = Omit<RuntimeMetrics, 'refresh'> & {
  readonly countAwsCall: (call: CallOutcome) => void;
  /** Called when an account becomes ready with a changed spec, with the milliseconds since the change was seen. */
  readonly countInSync: (tookMs: number) => void;
  /** Sets the number of IAM roles without a LinkedServiceAccount, by kind, as of the last listing. */
  readonly setLeftovers: (counts: Readonly<Record<LeftoverKind, number>>) => void;
  /** Returns all metrics in the text format of Prometheus. */
  readonly text: (view: MetricsView) => Promise<string>;
};

/**
 * Definitions of the operator's own metrics. The default metrics `process_…` and `nodejs_…` cover the Node.js process.
 */
export const metricDefinitions = {
  konstellation_aws_calls_total: counter(
    'AWS calls, by service, action and outcome: Success, Aborted, or the name of the error. Each attempt counts as a call.',
    ['service', 'action', 'outcome'],
  ),
  konstellation_aws_call_duration_seconds: histogram(
    'Duration of an AWS call, without the time that the call waited to be sent.',
    ['service', 'action'],
  ),
  konstellation_aws_throttled_total: counter('AWS calls that were throttled.', ['service']),
  konstellation_aws_calls_waiting: gauge(
    'AWS calls that wait to be sent, by service and priority: interactive, in-progress, new, background, resync.',
    ['service', 'priority'],
  ),
  konstellation_aws_calls_in_flight: gauge('AWS calls that were sent and have no response yet.', ['service']),
  konstellation_aws_rate_limit: gauge(
    'Measured rate limit of AWS calls per second. Absent until AWS has throttled a call.',
    ['service'],
  ),
  konstellation_accounts: gauge(
    'LinkedServiceAccounts, by readiness: true, false, or unknown. Unknown means that only the first pod of the account can prove its identity.',
    ['ready'],
  ),
  konstellation_targets_draining: gauge(
    'Targets that were removed from an account or the ClusterConfig and stay linked until their pods have ended (StillInUse).',
    [],
  ),
  konstellation_targets_draining_oldest_seconds: gauge(
    'Seconds since all targets of an account with a draining target (removed, but still used by pods) were last linked; the maximum over these accounts. 0 if no target is draining.',
    [],
  ),
  konstellation_orphan_roles: gauge(
    'IAM roles of this cluster without a LinkedServiceAccount, as of the last listing of the AWS account. Kind: orphan (the LinkedServiceAccount was deleted while no operator could delete the role) or retained (deletionPolicy Retain kept the role). Absent before the first listing.',
    ['kind'],
  ),
  konstellation_drift_last_success_timestamp_seconds: gauge(
    'Unix time of the last successful pass of drift detection, by the kind of pass (over roles or over associations). Absent before the first successful pass, and while the operator does not lead.',
    ['pass'],
  ),
  konstellation_drift_failing: gauge(
    '1 if the last pass of drift detection over roles, or the last pass over associations, failed, else 0. Absent while the operator does not lead.',
    ['pass'],
  ),
  konstellation_account_in_step_seconds: histogram(
    'Time from the observation of a new or changed account until it was ready: role, attachments, links and proofs.',
    [],
  ),
  konstellation_operator_outdated: gauge(
    '1 while the CRDs are newer than this operator, else 0. While the value is 1, the operator changes nothing.',
    [],
  ),
  konstellation_lease_age_seconds: gauge(
    'Seconds since this operator last observed a change of the Lease, by the name of the Lease. Absent without leader election, and before the first observation.',
    ['name'],
  ),
  ...runtimeMetricDefinitions,
} satisfies MetricDefinitions;

const buckets = {
  call: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  inSync: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600],
};

export function createMetrics(): Metrics {
  const registry = new Registry();
  const define = definer(registry, metricDefinitions);
  const calls = new Counter(define('konstellation_aws_calls_total'));
  const throttled = new Counter(define('konstellation_aws_throttled_total'));
  const durations = new Histogram({
    ...define('konstellation_aws_call_duration_seconds'),
    buckets: buckets.call,
  });
  const inSync = new Histogram({
    ...define('konstellation_account_in_step_seconds'),
    buckets: buckets.inSync,
  });
  const waiting = new Gauge(define('konstellation_aws_calls_waiting'));
  const inFlight = new Gauge(define('konstellation_aws_calls_in_flight'));
  const rate = new Gauge(define('konstellation_aws_rate_limit'));
  const accounts = new Gauge(define('konstellation_accounts'));
  const leftovers = new Gauge(define('konstellation_orphan_roles'));
  const draining = new Gauge(define('konstellation_targets_draining'));
  const drainingOldest = new Gauge(define('konstellation_targets_draining_oldest_seconds'));
  const leaseAge = new Gauge(define('konstellation_lease_age_seconds'));
  const outdated = new Gauge(define('konstellation_operator_outdated'));
  const driftSuccess = new Gauge(define('konstellation_drift_last_success_timestamp_seconds'));
  const driftFailing = new Gauge(define('konstellation_drift_failing'));
  const runtime = createRuntimeMetrics(registry);
  collectDefaultMetrics({ register: registry });

  return {
    observerOf: runtime.observerOf,
    countRequest: runtime.countRequest,
    countAwsCall({ service, action, outcome, throttled: wasThrottled, durationMs }) {
      calls.inc({ service, action, outcome });
      durations.observe({ service, action }, durationMs / 1000);
      if (wasThrottled) throttled.inc({ service });
    },
    countInSync(tookMs) {
      inSync.observe(tookMs / 1000);
    },
    setLeftovers(counts) {
      for (const [kind, count] of Object.entries(counts)) leftovers.set({ kind }, count);
    },
    async text(view) {
      outdated.set(view.outdated ? 1 : 0);
      accounts.set({ ready: 'true' }, view.accounts.ready);
      accounts.set({ ready: 'false' }, view.accounts.notReady);
      accounts.set({ ready: 'unknown' }, view.accounts.unknown);
      draining.set(view.draining.length);
      const oldest = view.draining[0]?.since ?? view.now;
      drainingOldest.set(Math.max(0, view.now - oldest) / 1000);
      for (const { what: pass, lastSuccess, failure } of view.drift) {
        if (lastSuccess !== undefined) driftSuccess.set({ pass }, lastSuccess / 1000);
        driftFailing.set({ pass }, failure ? 1 : 0);
      }
      for (const { service, waiting: byPriority, inFlight: now, ratePerSecond } of view.aws) {
        for (const [priority, count] of Object.entries(byPriority)) waiting.set({ service, priority }, count);
        inFlight.set({ service }, now);
        if (ratePerSecond !== undefined) rate.set({ service }, ratePerSecond);
      }
      if (view.lead?.leaseAgeMs !== undefined)
        leaseAge.set({ name: view.lead.name }, view.lead.leaseAgeMs / 1000);
      runtime.refresh(view);
      return registry.metrics();
    },
  };
}
