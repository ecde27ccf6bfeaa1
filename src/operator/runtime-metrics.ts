/**
 * Metrics of the controller runtime. They have the names, labels and buckets of controller-runtime and client-go, so
 * that existing dashboards and alerts work.
 * Source: https://book.kubebuilder.io/reference/metrics-reference/
 */
import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client';
import type { Controller, ControllerObserver, RequestOutcome } from '../kube/index.ts';

type MetricDefinition = { readonly type: string; readonly help: string; readonly labels: readonly string[] };
export type MetricDefinitions = Readonly<Record<string, MetricDefinition>>;

const metric =
  (type: string) =>
  (help: string, labels: readonly string[]): MetricDefinition => ({ type, help, labels });
export const counter = metric('counter');
export const gauge = metric('gauge');
export const histogram = metric('histogram');

export const runtimeMetricDefinitions = {
  controller_runtime_reconcile_total: counter(
    'Reconciles, by controller and result: success, requeue_after, requeue, error, stopped.',
    ['controller', 'result'],
  ),
  controller_runtime_reconcile_errors_total: counter('Reconciles that failed.', ['controller']),
  controller_runtime_terminal_reconcile_errors_total: counter(
    'Reconciles that failed with an error that a retry cannot fix.',
    ['controller'],
  ),
  controller_runtime_reconcile_panics_total: counter(
    'Reconciles that failed because of a bug in the operator, such as a TypeError.',
    ['controller'],
  ),
  controller_runtime_reconcile_timeouts_total: counter(
    'Reconciles that exceeded their timeout and were aborted.',
    ['controller'],
  ),
  controller_runtime_reconcile_time_seconds: histogram('Duration of reconciles.', ['controller']),
  controller_runtime_max_concurrent_reconciles: gauge(
    'Maximum number of objects that a controller reconciles at a time.',
    ['controller'],
  ),
  controller_runtime_active_workers: gauge('Objects that a controller is reconciling.', ['controller']),
  workqueue_depth: gauge('Objects that are due and wait for a worker.', ['name', 'controller']),
  workqueue_adds_total: counter('Additions to the queue, including objects that were queued already.', [
    'name',
    'controller',
  ]),
  workqueue_retries_total: counter('Objects that were queued again because their reconcile failed.', [
    'name',
    'controller',
  ]),
  workqueue_queue_duration_seconds: histogram('Time for which due objects waited for a worker.', [
    'name',
    'controller',
  ]),
  workqueue_work_duration_seconds: histogram('Duration of one reconcile of an object.', [
    'name',
    'controller',
  ]),
  workqueue_unfinished_work_seconds: gauge(
    'Sum of the times for which the current reconciles have been running.',
    ['name', 'controller'],
  ),
  workqueue_longest_running_processor_seconds: gauge(
    'Time for which the longest of the current reconciles has been running.',
    ['name', 'controller'],
  ),
  rest_client_requests_total: counter(
    'Requests to the API server, by the status code of the response; `<error>` without a response. Each attempt counts as a request.',
    ['code', 'method', 'host'],
  ),
  leader_election_master_status: gauge(
    'Whether this operator leads: 1 or 0. Absent without leader election.',
    ['name'],
  ),
} satisfies MetricDefinitions;

/** Values that the runtime metrics read at each scrape. */
export type RuntimeView = {
  readonly controllers: readonly Pick<Controller, 'name' | 'metrics'>[];
  /** Name of the operators' Lease, and whether this operator holds the Lease. Absent without leader election. */
  readonly lead:
    | {
        readonly name: string;
        readonly leading: boolean;
        /** Milliseconds since this process last observed a change of the Lease. */
        readonly leaseAgeMs?: number | undefined;
      }
    | undefined;
};

/** Returns a function that converts a metric definition to the options of the client library. */
export function definer<T extends MetricDefinitions>(registry: Registry, definitions: T) {
  return (name: keyof T & string) => ({
    name,
    help: definitions[name]?.help ?? '',
    labelNames: [...(definitions[name]?.labels ?? [])],
    registers: [registry],
  });
}

export type RuntimeMetrics = {
  readonly observerOf: (controller: string) => ControllerObserver;
  readonly countRequest: (request: RequestOutcome) => void;
  /** Updates the metrics from the current figures of the controllers. */
  readonly refresh: (view: RuntimeView) => void;
};

const buckets = {
  /** Source of the buckets: controller-runtime, pkg/internal/controller/metrics. */
  reconcile: [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25,
    1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
  ],
  /**
   * Source of the buckets: controller-runtime, pkg/internal/metrics/workqueue.go. They range from ten nanoseconds to a
   * thousand seconds, each ten times the previous one.
   */
  queue: [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000],
};

export function createRuntimeMetrics(registry: Registry): RuntimeMetrics {
  const define = definer(registry, runtimeMetricDefinitions);
  const counters = {
    reconciles: new Counter(define('controller_runtime_reconcile_total')),
    errors: new Counter(define('controller_runtime_reconcile_errors_total')),
    terminal: new Counter(define('controller_runtime_terminal_reconcile_errors_total')),
    panics: new Counter(define('controller_runtime_reconcile_panics_total')),
    timeouts: new Counter(define('controller_runtime_reconcile_timeouts_total')),
    adds: new Counter(define('workqueue_adds_total')),
    retries: new Counter(define('workqueue_retries_total')),
  };
  const gauges = {
    most: new Gauge(define('controller_runtime_max_concurrent_reconciles')),
    active: new Gauge(define('controller_runtime_active_workers')),
    depth: new Gauge(define('workqueue_depth')),
    unfinished: new Gauge(define('workqueue_unfinished_work_seconds')),
    longest: new Gauge(define('workqueue_longest_running_processor_seconds')),
  };
  const lead = new Gauge(define('leader_election_master_status'));
  const requests = new Counter(define('rest_client_requests_total'));
  const reconcileTime = new Histogram({
    ...define('controller_runtime_reconcile_time_seconds'),
    buckets: buckets.reconcile,
  });
  const waited = new Histogram({ ...define('workqueue_queue_duration_seconds'), buckets: buckets.queue });
  const worked = new Histogram({ ...define('workqueue_work_duration_seconds'), buckets: buckets.queue });

  return {
    observerOf: (controller) => {
      const ofQueue = { name: controller, controller };
      return {
        reconciled: (_outcome, durationMs) => reconcileTime.observe({ controller }, durationMs / 1000),
        queued: (waitedMs) => waited.observe(ofQueue, waitedMs / 1000),
        worked: (workedMs) => worked.observe(ofQueue, workedMs / 1000),
      };
    },
    countRequest({ method, host, status }) {
      requests.inc({ code: status === undefined ? '<error>' : String(status), method, host });
    },
    refresh(view) {
      // The controllers report totals. A reset followed by adding the totals has the same result as adding the
      // differences.
      for (const counter of Object.values(counters)) counter.reset();
      for (const { name: controller, metrics } of view.controllers) {
        const figures = metrics();
        const ofQueue = { name: controller, controller };
        for (const [result, count] of Object.entries(figures.reconciles))
          counters.reconciles.inc({ controller, result }, count);
        counters.errors.inc({ controller }, figures.reconciles.error);
        counters.terminal.inc({ controller }, figures.terminalErrors);
        counters.panics.inc({ controller }, figures.panics);
        counters.timeouts.inc({ controller }, figures.timeouts);
        counters.adds.inc(ofQueue, figures.adds);
        counters.retries.inc(ofQueue, figures.retries);
        gauges.most.set({ controller }, figures.maxConcurrent);
        gauges.active.set({ controller }, figures.processing);
        gauges.depth.set(ofQueue, figures.depth);
        gauges.unfinished.set(ofQueue, figures.unfinishedWorkMs / 1000);
        gauges.longest.set(ofQueue, figures.longestRunningMs / 1000);
      }
      if (view.lead) lead.set({ name: view.lead.name }, view.lead.leading ? 1 : 0);
    },
  };
}
