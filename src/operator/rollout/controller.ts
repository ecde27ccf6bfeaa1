/**
 * Assigns the rollout slot of an account to one workload at a time. If the slot of an App has changed, this controller
 * enqueues the App. It restarts labelled workloads itself. Its keys are account names.
 */
import type { Controller, ReconcileResult } from '../../kube/index.ts';
import { assignSlots, recoveredAt, planWorkload, workloadId } from '../../workloads/index.ts';
import { controllerOf, type OperatorContext } from '../context.ts';
import { createDryRunBackoff } from './dry-run-backoff.ts';
import { enqueueOnChanges } from './enqueue.ts';
import { createWorkloadExecutor } from './execute.ts';
import type { RolloutGroups } from './observe.ts';

export function createRolloutController(
  context: OperatorContext,
  {
    groups,
    enqueueApp,
    enqueueAccount,
  }: {
    readonly groups: RolloutGroups;
    readonly enqueueApp: (name: string) => void;
    readonly enqueueAccount: (name: string) => void;
  },
): Controller {
  const { labelled } = groups;
  const backoff = createDryRunBackoff(context.random);
  const execute = createWorkloadExecutor({ context, labelled, backoff });
  /**
   * Last fingerprint of each account's rollouts. The account is reconciled again only if the fingerprint has changed.
   */
  const reported = new Map<string, string>();

  async function reconcile(account: string, signal: AbortSignal): Promise<ReconcileResult> {
    for (const app of groups.changedApps(account)) enqueueApp(app);
    const slots = assignSlots(groups.members(account));
    enqueueAccountOnChange(account);
    const work = labelled.ofAccount(account).flatMap((observation) => {
      const { workload } = observation;
      const hasSlot = slots.get(workloadId(workload))?.kind === 'go';
      return planWorkload(observation, hasSlot).map((step) => ({ workload, step }));
    });
    const restarted = work
      .filter(({ step }) => step.kind === 'restart')
      .map(({ workload }) => workloadId(workload));
    // There is no await between the assignment of slots and this call. Otherwise two workloads could get the rollout
    // slot at the same time.
    const outcomes = await groups.whileRolling(restarted, () =>
      Promise.all(work.map(({ workload, step }) => execute(step, workload, account, signal))),
    );
    if (outcomes.includes('failed')) return { backoff: true };
    const recoveries = labelled
      .ofAccount(account)
      .flatMap(({ pods, now }) => (recoveredAt(pods, now) ?? now) - now)
      .filter((wait) => wait > 0);
    const waits = [...outcomes.filter((outcome) => typeof outcome === 'number'), ...recoveries];
    return waits.length === 0 ? undefined : { requeueAfterMs: Math.min(...waits) };
  }

  function enqueueAccountOnChange(account: string): void {
    const { rolloutBlocker, unsettledWorkload, replacing } = groups.rollouts(account);
    const fingerprint = [rolloutBlocker?.message, unsettledWorkload, ...replacing]
      .filter((part) => part !== undefined)
      .join('; ');
    if ((reported.get(account) ?? '') === fingerprint) return;
    if (fingerprint === '') reported.delete(account);
    else reported.set(account, fingerprint);
    enqueueAccount(account);
  }

  const controller = controllerOf(context, { name: 'rollouts', reconcile, concurrency: 4 });
  enqueueOnChanges(controller, context.informers, labelled, backoff);
  return controller;
}
