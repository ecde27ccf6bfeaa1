/**
 * Looks at what AWS holds for the cluster, again and again, at the pace that the ClusterConfig sets. Whatever is looked at:
 * accounts wait for the first look at a cluster, and are told of suspicions after any other.
 */
import {
  asIdentityError,
  clusterState,
  effectiveConfig,
  isReported,
  type ClusterFacts,
  type DriftCheck,
} from '../../identity/index.ts';
import { createController, type Controller } from '../../kube/index.ts';
import type { OperatorContext } from '../context.ts';
import { errorMessage } from '../../k8s/errors.ts';

export type Resync = {
  readonly controller: Controller;
  /** Looks as soon as may be, whatever the pace. */
  readonly soon: () => void;
  /** Whether the cluster as it is configured now has been looked at, or could not be. */
  readonly surveyed: () => boolean;
  /** Outcome of the passes of this process; undefined before the first. */
  readonly check: () => DriftCheck | undefined;
};

/** The failure that kept a pass from seeing everything. */
export type PassProblem = { readonly error: unknown };

export type ResyncOptions = {
  /** Of the controller. */
  readonly name: string;
  readonly what: DriftCheck['what'];
  readonly context: OperatorContext;
  /** What has to be the same for the last look to count. */
  readonly scopeOf: (facts: ClusterFacts) => string;
  /**
   * Looks once.
   *
   * @param first nothing was looked at in this scope before
   * @returns the accounts to which something seems to have happened
   */
  readonly sweep: (facts: ClusterFacts, first: boolean, signal: AbortSignal) => Promise<readonly string[]>;
  /** The log's message for a sweep that threw. */
  readonly failure: string;
  /** Told of what a sweep threw. */
  readonly onFailure?: (error: unknown) => void;
  /** Asked after each sweep that did not throw. */
  readonly problem?: () => PassProblem | undefined;
  /** Whether anything depends on the passes, so that a failure is worth reporting; always by default. */
  readonly matters?: () => boolean;
  /** Called when `check` has something new to report. */
  readonly onChecked: () => void;
  /** By how much seldomer than configured it is looked; 1 unless told otherwise. */
  readonly factor?: () => number;
  /** Called after the first sweep of a scope, and with the accounts that seem changed after any. */
  readonly onSuspicion: (accounts: readonly string[] | 'all') => void;
};

export function createResync(options: ResyncOptions): Resync {
  const { name, context, scopeOf, onSuspicion, factor = () => 1 } = options;
  const { clusterConfigs } = context.informers;
  let surveyed: string | undefined;
  /** It was time to look, but the cluster was not fit for it. */
  let isOverdue = false;
  let check: DriftCheck | undefined;
  let reported = '';

  /** Counts a pass, and notifies the reporter when the outcome changed. */
  const record = (problem: PassProblem | undefined): void => {
    const lastSuccess = problem ? check?.lastSuccess : context.now();
    const failure =
      problem && (options.matters?.() ?? true)
        ? { error: asIdentityError(problem.error), passes: (check?.failure?.passes ?? 0) + 1 }
        : undefined;
    check = {
      what: options.what,
      ...(lastSuccess === undefined ? {} : { lastSuccess }),
      ...(failure ? { failure } : {}),
    };
    const news = failure ? `${isReported(failure)} ${failure.error.code} ${failure.error.message}` : 'ok';
    if (news === reported) return;
    reported = news;
    options.onChecked();
  };

  const currentScope = (): string | undefined => {
    const state = clusterState(clusterConfigs.store.list());
    return state.ok ? scopeOf(state.facts) : undefined;
  };

  const controller = createController({
    name,
    observer: context.observerOf?.(name),
    concurrency: 1,
    now: context.monotonic,
    random: context.random,
    setTimer: context.setTimer,
    logger: context.logger,
    async reconcile(_key, signal) {
      const configs = clusterConfigs.store.list();
      const config = effectiveConfig(configs);
      if (!config) return undefined;
      const intervalMs = config.spec.aws.driftIntervalSeconds * 1000;
      const state = clusterState(configs);
      isOverdue = !state.ok;
      // What ails the cluster may pass without any change that would bring us here again.
      if (!state.ok) return { requeueAfterMs: intervalMs };
      const scope = scopeOf(state.facts);
      const first = surveyed !== scope;
      let problem: PassProblem | undefined;
      try {
        const suspects = await options.sweep(state.facts, first, signal);
        if (!first && suspects.length > 0) onSuspicion(suspects);
        problem = options.problem?.();
      } catch (error) {
        if (signal.aborted) return undefined;
        context.logger.warn(options.failure, { error: errorMessage(error) });
        options.onFailure?.(error);
        problem = { error };
      }
      if (signal.aborted) return undefined;
      record(problem);
      // Also after a failure: accounts can be looked up one by one, which takes more calls.
      if (first) {
        surveyed = scope;
        onSuspicion('all');
      }
      const requeueAfterMs = intervalMs * factor();
      return check?.failure ? { requeueAfterMs, failed: true } : { requeueAfterMs };
    },
  });

  const soon = (): void => controller.enqueue(name);

  clusterConfigs.onChange((change) => {
    const interval = change.old?.spec.aws.driftIntervalSeconds !== change.new?.spec.aws.driftIntervalSeconds;
    const scope = currentScope();
    if (interval || surveyed !== scope || (isOverdue && scope !== undefined)) soon();
  });

  return {
    controller,
    soon,
    surveyed: () => surveyed !== undefined && surveyed === currentScope(),
    check: () => check,
  };
}
