/** Controller of LinkedServiceAccounts: observes, plans, executes and reports until a plan has no steps. */
import type { LinkedServiceAccount } from '../../api/index.ts';
import { planAccount, type AccountWorld } from '../../identity/index.ts';
import { isConditionTrue } from '../../k8s/conditions.ts';
import type { Monotonic } from '../../k8s/time.ts';
import { limitInFlight, type Controller, type KubeClient, type ReconcileResult } from '../../kube/index.ts';
import { controllerOf } from '../context.ts';
import { createAccountMemory, type AccountMemory } from './account-memory.ts';
import { enqueueOnChange } from './enqueue.ts';
import { createExecutor, type ExecutorOptions } from './execute.ts';
import { observeAccount } from './observe.ts';
import type { AccountRollouts } from '../rollout/observe.ts';
import { priorities, callPriorityOf } from './priority.ts';
import { createAccountReporter } from './report.ts';
import { createYieldingAccounts, withoutNewRole } from './yield.ts';

/**
 * Maximum number of plans per reconcile. The steps of each plan provide facts that the next plan needs. A new account
 * needs five plans until its identity is proven.
 */
const mostPasses = 20;

/** Number of workers that stay free for edits by a person while all other workers wait for AWS. */
const workersForEdits = 4;

/**
 * Maximum number of concurrent API server requests for accounts without a new edit. A higher limit would not raise
 * the throughput of a small API server, but edits would wait longer.
 */
const mostInFlight = 5;

export type AccountControllerOptions = Omit<ExecutorOptions, 'clientFor'> & {
  /**
   * Whether the roles in IAM and the associations in EKS have been listed at least once. Until then, all of them would
   * seem to be missing.
   */
  readonly hasSynced: () => boolean;
  readonly rolloutsOf: (account: string) => AccountRollouts;
  readonly concurrency: number;
  /** Whether the call scheduler has found that IAM throttles the operator's calls. */
  readonly isLimited?: (() => boolean) | undefined;
  /**
   * Called when an account becomes ready with a new or changed spec. `tookMs` is the time since that spec was first
   * seen.
   */
  readonly onInSync?: ((tookMs: number) => void) | undefined;
};

export function createAccountController(options: AccountControllerOptions): Controller {
  const { context, observed } = options;
  const { informers, monotonic: now } = context;
  const unhurried = limitInFlight(context.client, mostInFlight);
  const clientFor = (account: LinkedServiceAccount): KubeClient =>
    callPriorityOf(account) === 'interactive' ? context.client : unhurried;
  const execute = createExecutor({ ...options, clientFor });
  const report = createAccountReporter({ context, accounts: observed.accounts, clientFor });
  const sources = { ...context, observed, rolloutsOf: options.rolloutsOf };
  const memories = new Map<string, AccountMemory>();
  /**
   * Time when this process first saw the current spec, by account. Only for accounts that are not ready with that spec
   * yet.
   */
  const changedAt = new Map<string, Monotonic>();

  const memoryOf = (name: string): AccountMemory => {
    const memory =
      memories.get(name) ?? createAccountMemory(now, context.random, observed.accounts.get(name));
    memories.set(name, memory);
    return memory;
  };

  const forget = (name: string): void => {
    memories.delete(name);
    observed.roles.accountDeleted(name);
    observed.associations.accountDeleted(name);
  };

  const countInSync = (name: string): void => {
    const since = changedAt.get(name);
    if (since === undefined) return;
    changedAt.delete(name);
    options.onInSync?.(now() - since);
  };

  /** Whether the account is new and not quarantined, and other accounts wait for a worker. */
  const othersWait = ({ account, quarantines }: AccountWorld): boolean =>
    callPriorityOf(account) === 'new' && quarantines.length === 0 && controller.waiting() > 0;

  async function reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    yielding.reconciling(name);
    const memory = memoryOf(name);
    for (let pass = 0; pass < mostPasses; pass += 1) {
      const world = observeAccount(name, sources, memory);
      if (!world) return forget(name);
      const { account, cluster } = world;
      if (cluster.ok && !options.hasSynced()) return undefined;
      memory.startGeneration(account.metadata.generation ?? 0);
      if (cluster.ok && cluster.facts.providerProblem) memory.forgetTokenProofs();
      const plan = planAccount({ ...world, now: now() });
      if (plan.drift.length === 0) memory.reportedDrift = undefined;
      if (plan.steps.length === 0) {
        memory.synced(plan.lastSynced);
        await report.status(world, plan.status, memory, signal);
        report.events(account, memory);
        if (isConditionTrue(plan.status.conditions, 'Ready')) countInSync(name);
        return requeueAfter(plan.requeueAt, name);
      }
      if (plan.drift.length > 0) {
        report.drift(account, plan.drift, memory);
        await report.status(world, plan.status, memory, signal);
      }
      const first = withoutNewRole(plan.steps);
      // An account never yields in the first pass of a reconcile. Otherwise, a resumed account could yield again
      // without any progress.
      const yields = pass > 0 && othersWait(world);
      if (yields && first.length === 0) {
        yielding.add(name);
        controller.enqueue(name, { priority: priorities.yielded });
        return undefined;
      }
      const steps = yields ? first : plan.steps;
      const outcomes = await Promise.all(steps.map((step) => execute(step, world, memory, signal)));
      memory.pendingEvents.push(...outcomes.flatMap(({ event }) => event ?? []));
      // After the finalizer is removed, the account no longer exists, so its status is not written.
      const isDeleted = outcomes.some(({ done }, index) => done && steps[index]?.kind === 'RemoveFinalizer');
      if (signal.aborted || isDeleted) {
        report.events(account, memory);
        return isDeleted ? undefined : { backoff: true };
      }
    }
    // An account that has not converged after `mostPasses` plans is retried with back-off.
    return { backoff: true };
  }

  function requeueAfter(requeueAt: number | undefined, name: string): ReconcileResult {
    const { serviceAccounts } = observed;
    const unseenMs = serviceAccounts.unseenForMs(serviceAccounts.recentOf(name)) ?? Infinity;
    const requeueAfterMs = Math.min(Math.max(0, (requeueAt ?? Infinity) - now()), unseenMs);
    return requeueAfterMs === Infinity ? undefined : { requeueAfterMs };
  }

  const controller = controllerOf(context, {
    name: 'accounts',
    reconcile,
    concurrency: options.concurrency,
    reserved: { atLeast: priorities.edited, workers: workersForEdits },
  });
  const yielding = createYieldingAccounts({
    now,
    isLimited: () => options.isLimited?.() === true,
    resume: (name) => controller.enqueue(name, { priority: priorities.resumed }),
  });
  enqueueOnChange({
    informers,
    observed,
    enqueue: (name, how) => controller.enqueue(name, how),
    onAccountChange(name, account, isEdited) {
      if (!account) changedAt.delete(name);
      else if (isEdited && callPriorityOf(account) !== 'background') changedAt.set(name, now());
    },
    onTargetOpened: (name, target) => memories.get(name)?.targetOpened(target),
  });
  return controller;
}
