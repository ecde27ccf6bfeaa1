/**
 * Keeps the status of each ClusterConfig up to date, and creates the namespaces of its targets. Each reconcile
 * observes, plans, executes and reports.
 */
import type { ClusterConfig } from '../../api/index.ts';
import { planCluster } from '../../identity/index.ts';
import { isConditionTrue } from '../../k8s/conditions.ts';
import { after, type Monotonic } from '../../k8s/time.ts';
import type { Controller, ReconcileResult } from '../../kube/index.ts';
import { controllerOf } from '../context.ts';
import { createWriteThroughCache } from '../observed-state/write-through-cache.ts';
import { enqueueOnChanges } from './enqueue.ts';
import { applyNamespaces } from './execute.ts';
import { requestFacts, observeCluster, type ClusterObserverOptions, type RemoteAnswers } from './observe.ts';
import { report } from './report.ts';

/**
 * Interval in milliseconds between reads of the token issuer, the AWS credentials, the OIDC provider and the quotas.
 * These facts change rarely. They are read more often while the ClusterConfig is not ready.
 */
const recheckMs = { ready: 300_000, notReady: 10_000 };

export type ClusterController = Controller & {
  /** Updates the status with the outcome of a drift pass. Makes no new AWS requests. */
  readonly driftChecked: () => void;
};

export function createClusterController(options: ClusterObserverOptions): ClusterController {
  const { context } = options;
  const { informers, monotonic } = context;
  /** Names of the ClusterConfigs whose stored AWS and API server responses are outdated. */
  const due = new Set<string>();
  /**
   * Last AWS and API server responses by name of the ClusterConfig, with the generation that they belong to and their
   * expiry.
   */
  const known = new Map<
    string,
    { readonly answers: RemoteAnswers; readonly generation: number | undefined; readonly until: Monotonic }
  >();
  const configs = createWriteThroughCache<ClusterConfig>(informers.clusterConfigs, monotonic);

  async function reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const isDue = due.delete(name);
    try {
      return await reconcileOnce(name, isDue, signal);
    } catch (error) {
      due.add(name);
      throw error;
    }
  }

  async function reconcileOnce(name: string, isDue: boolean, signal: AbortSignal): Promise<ReconcileResult> {
    const config = configs.get(name);
    if (!config || config.metadata.deletionTimestamp !== undefined) {
      known.delete(name);
      return undefined;
    }
    const { generation } = config.metadata;
    const last = known.get(name);
    const isCurrent =
      last !== undefined && !isDue && monotonic() < last.until && last.generation === generation;
    const answers = isCurrent ? last.answers : await requestFacts(options, signal);
    if (!answers) {
      due.add(name);
      return { requeueAfterMs: recheckMs.notReady };
    }
    const plan = planCluster(observeCluster(config, answers, options));
    const applied = await applyNamespaces(plan.applyNamespaces, context, signal);
    await report(config, plan.status, context, configs, signal);
    const pace = isConditionTrue(plan.status.conditions, 'Ready') ? recheckMs.ready : recheckMs.notReady;
    const until = isCurrent ? last.until : after(monotonic(), pace);
    known.set(name, { answers, generation, until });
    return applied ? { requeueAfterMs: Math.max(0, until - monotonic()) } : { backoff: true };
  }

  const controller = controllerOf(context, { name: 'clusters', reconcile, concurrency: 1 });
  const enqueue: Controller['enqueue'] = (key, enqueueOptions) => {
    due.add(key);
    controller.enqueue(key, enqueueOptions);
  };
  enqueueOnChanges(controller, enqueue, informers, configs);
  return {
    ...controller,
    enqueue,
    driftChecked: () => informers.clusterConfigs.store.keys().forEach((key) => controller.enqueue(key)),
  };
}
