/**
 * Resync: compares AWS with the observed state, in passes at the drift interval of the ClusterConfig. Each difference
 * is suspected drift, which the account's own reconcile confirms and repairs. Accounts are reconciled only after the
 * first pass over roles has ended. If Pod Identity is used, they also wait for the first pass over associations.
 */
import {
  asIdentityError,
  clusterState,
  effectiveConfig,
  isReported,
  type ClusterFacts,
  type DriftCheck,
} from '../../identity/index.ts';
import type { Controller } from '../../kube/index.ts';
import { defined } from '../../k8s/defined.ts';
import { errorMessage } from '../../k8s/errors.ts';
import { controllerOf, type OperatorContext } from '../context.ts';

export type Resync = {
  readonly controllers: readonly Controller[];
  /**
   * Whether each pass that accounts wait for has ended, with success or failure, since the configuration of the cluster
   * last changed.
   */
  readonly hasSynced: () => boolean;
  /** Returns the outcome of each pass that has run in this process. */
  readonly checks: () => readonly DriftCheck[];
};

export type PassResult = {
  /** Accounts with suspected drift. */
  readonly suspects?: readonly string[];
  /** Error that left the pass incomplete. The pass has already logged it. */
  readonly error?: unknown;
};

export type Pass = {
  /** Name of the controller that runs the pass. */
  readonly name: string;
  readonly what: DriftCheck['what'];
  /**
   * Returns the part of the configuration that the pass depends on. After a change of this part, the next pass counts
   * as a first pass.
   */
  readonly scopeOf: (facts: ClusterFacts) => string;
  readonly run: (facts: ClusterFacts, isFirst: boolean, signal: AbortSignal) => Promise<PassResult>;
  /** Log message for an error that `run` throws. */
  readonly failure: string;
  /** Whether accounts are reconciled only after the first pass has ended. Default: accounts never wait. */
  readonly isAwaited?: () => boolean;
  /** Whether a failure of the pass is reported. Default: every failure is reported. */
  readonly isReported?: () => boolean;
  /** Returns a factor that multiplies the configured interval. Default: 1. */
  readonly factor?: () => number;
  /** Registers further triggers that start a pass at once. */
  readonly watch?: (startPass: () => void) => void;
};

export type ResyncOptions = {
  readonly context: OperatorContext;
  readonly passes: readonly Pass[];
  readonly onFailure: (error: unknown) => void;
  /** Called when the result of `checks` has changed. */
  readonly onChecked: () => void;
  /**
   * Called after a pass. `all` means that all accounts waited for the pass; otherwise the list names the accounts with
   * suspected drift.
   */
  readonly onSuspects: (accounts: readonly string[] | 'all') => void;
};

export function createResync({ passes, ...options }: ResyncOptions): Resync {
  const scheduled = passes.map((pass) => schedulePass(pass, options));
  return {
    controllers: scheduled.map(({ controller }) => controller),
    hasSynced: () => scheduled.every(({ hasSynced }) => hasSynced()),
    checks: () => scheduled.flatMap(({ check }) => check() ?? []),
  };
}

function schedulePass(
  pass: Pass,
  { context, onFailure, onChecked, onSuspects }: Omit<ResyncOptions, 'passes'>,
): { controller: Controller; hasSynced: () => boolean; check: () => DriftCheck | undefined } {
  const { name, what, scopeOf } = pass;
  const { clusterConfigs } = context.informers;
  let syncedScope: string | undefined;
  /** Whether a pass was due while the ClusterConfig was not usable; see `clusterState`. */
  let isOverdue = false;
  let check: DriftCheck | undefined;
  let reported = '';

  const record = (cause: unknown): void => {
    const lastSuccess = cause === undefined ? context.now() : check?.lastSuccess;
    const failure =
      cause !== undefined && (pass.isReported?.() ?? true)
        ? { error: asIdentityError(cause), passes: (check?.failure?.passes ?? 0) + 1 }
        : undefined;
    check = { what, ...defined({ lastSuccess, failure }) };
    const summary = failure ? `${isReported(failure)} ${failure.error.code} ${failure.error.message}` : 'ok';
    if (summary === reported) return;
    reported = summary;
    onChecked();
  };

  const run = async (facts: ClusterFacts, isFirst: boolean, signal: AbortSignal): Promise<PassResult> => {
    try {
      return await pass.run(facts, isFirst, signal);
    } catch (error) {
      if (!signal.aborted) context.logger.warn(pass.failure, { error: errorMessage(error) });
      return { error };
    }
  };

  const currentScope = (): string | undefined => {
    const state = clusterState(clusterConfigs.store.list());
    return state.ok ? scopeOf(state.facts) : undefined;
  };

  const controller = controllerOf(context, {
    name,
    concurrency: 1,
    async reconcile(_key, signal) {
      const configs = clusterConfigs.store.list();
      const config = effectiveConfig(configs);
      if (!config) return undefined;
      const intervalMs = config.spec.aws.driftIntervalSeconds * 1000;
      const state = clusterState(configs);
      isOverdue = !state.ok;
      // The pass is requeued, because the ClusterConfig may become usable without an event that starts a pass.
      if (!state.ok) return { requeueAfterMs: intervalMs };
      const scope = scopeOf(state.facts);
      const isFirst = syncedScope !== scope;
      const { suspects = [], error } = await run(state.facts, isFirst, signal);
      if (signal.aborted) return undefined;
      if (error !== undefined) onFailure(error);
      record(error);
      // A failed first pass also ends the wait of the accounts, since each account can read its own roles, although
      // with more calls.
      syncedScope = scope;
      if (!isFirst && suspects.length > 0) onSuspects(suspects);
      if (isFirst && pass.isAwaited) onSuspects('all');
      const requeueAfterMs = intervalMs * (pass.factor?.() ?? 1);
      return check?.failure ? { requeueAfterMs, failed: true } : { requeueAfterMs };
    },
  });

  const startPass = (): void => controller.enqueue(name);
  clusterConfigs.onChange((change) => {
    const interval = change.old?.spec.aws.driftIntervalSeconds !== change.new?.spec.aws.driftIntervalSeconds;
    const scope = currentScope();
    if (interval || syncedScope !== scope || (isOverdue && scope !== undefined)) startPass();
  });
  pass.watch?.(startPass);

  return {
    controller,
    // Every reconcile of an account evaluates this condition, and `isAwaited` may examine every account. Therefore the
    // cheaper test comes first.
    hasSynced: () => (syncedScope !== undefined && syncedScope === currentScope()) || !pass.isAwaited?.(),
    check: () => check,
  };
}
