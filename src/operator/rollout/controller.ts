/**
 * Takes the workloads of an account to a new identity in turn: Apps are looked at when their turn comes, and labelled
 * workloads are restarted here.
 */
import { appLabel } from '../../api/index.ts';
import {
  createController,
  type Controller,
  type KubeObject,
  type ReconcileResult,
} from '../../kube/index.ts';
import {
  assignSlots,
  recoveredAt,
  deployedAccount,
  planWorkload,
  serviceAccountOf,
  workloadId,
  type Workload,
  type WorkloadEventReason,
  type WorkloadStep,
} from '../../workloads/index.ts';
import { replacePod } from './replace-pod.ts';
import type { OperatorContext } from '../context.ts';
import type { RolloutGroups } from './observe.ts';
import { errorMessage } from '../../k8s/errors.ts';

/** Pods come and go in bursts; they are looked at together. Milliseconds. */
const podDelayMs = 100;

/** How long until the webhook is asked again. */
const retryAfterMs = 5_000;

export type RolloutControllerOptions = {
  readonly groups: RolloutGroups;
  readonly enqueueApp: (name: string) => void;
  readonly enqueueAccount: (name: string) => void;
};

/** Its keys are names of accounts. */
export function createRolloutController(
  context: OperatorContext,
  options: RolloutControllerOptions,
): Controller {
  const { recorder } = context;
  const { groups } = options;
  /** So that an account is looked at again only when it has something else to say of its workloads. */
  const pauses = new Map<string, string>();
  /** Latest message of each labelled workload that waits for the webhook, by workload. */
  const heldBack = new Map<string, string>();

  async function reconcile(account: string, signal: AbortSignal): Promise<ReconcileResult> {
    for (const app of groups.changedApps(account)) options.enqueueApp(app);
    const members = groups.members(account);
    lookForPause(account);
    const slots = assignSlots(members);
    const work = groups.labelled.ofAccount(account).flatMap((observation) => {
      const { workload } = observation;
      const hasSlot = slots.get(workloadId(workload))?.kind === 'go';
      return planWorkload(observation, hasSlot).map((step) => ({ workload, step }));
    });
    const restarted = work
      .filter(({ step }) => step.kind === 'restart')
      .map(({ workload }) => workloadId(workload));
    // Nothing comes between the look at the others and this, so no two of them go at once.
    groups.hold(restarted);
    const results = await Promise.all(
      work.map(({ workload, step }) => attempt(workload, step, account, signal)),
    ).finally(() => groups.release(restarted));
    const mended = groups.labelled
      .ofAccount(account)
      .flatMap(({ pods, now: seenAt }) => (recoveredAt(pods, seenAt) ?? seenAt) - seenAt)
      .filter((wait) => wait > 0);
    const waits = [...results.filter((result) => typeof result === 'number'), ...mended];
    if (results.includes('failed')) return { backoff: true };
    return waits.length === 0 ? undefined : { requeueAfterMs: Math.min(...waits) };
  }

  function lookForPause(account: string): void {
    const { rolloutBlocker, unsettledWorkload, replacing } = groups.rollouts(account);
    const seen = [rolloutBlocker?.message, unsettledWorkload, ...replacing].filter(
      (part) => part !== undefined,
    );
    const message = seen.length === 0 ? undefined : seen.join('; ');
    if (pauses.get(account) === message) return;
    if (message === undefined) pauses.delete(account);
    else pauses.set(account, message);
    options.enqueueAccount(account);
  }

  /** Gives the milliseconds until it is to be tried again, if it could not be done yet. */
  async function attempt(
    workload: Workload,
    step: WorkloadStep,
    account: string,
    signal: AbortSignal,
  ): Promise<'done' | 'failed' | number> {
    try {
      if (step.kind === 'restart') {
        const obstacle = await groups.labelled.restart(workload, step.identity, signal);
        if (obstacle !== undefined) {
          reportHeldBack(workload, `its pods are restarted once ${obstacle}`);
          return retryAfterMs;
        }
        heldBack.delete(workloadId(workload));
        tell(workload, 'WorkloadRestarted', `its pods take up ${step.identity.roleArn}`);
        return 'done';
      }
      const outcome = await replacePod(step, context, signal);
      if (outcome.kind === 'waits') return outcome.retryAfterMs;
      const { name } = step.pod.metadata;
      tell(workload, 'PodReplaced', `evicted pod ${name}, which did not hold ${step.wanted.roleArn}`);
      return 'done';
    } catch (error) {
      if (signal.aborted) throw error;
      context.logger.warn('a labelled workload could not be taken to its identity', {
        account,
        workload: workloadId(workload),
        error: errorMessage(error),
      });
      return 'failed';
    }
  }

  function tell(workload: Workload, reason: WorkloadEventReason, note: string): void {
    recorder.event(workload, { type: 'Normal', reason, note });
  }

  /** Records the Event once for each message, as the dry run is repeated every few seconds. */
  function reportHeldBack(workload: Workload, note: string): void {
    const id = workloadId(workload);
    if (heldBack.get(id) === note) return;
    heldBack.set(id, note);
    recorder.event(workload, {
      type: 'Warning',
      reason: 'NotInjected' satisfies WorkloadEventReason,
      note,
    });
  }

  const controller = createController({
    name: 'rollouts',
    observer: context.observerOf?.('rollouts'),
    reconcile,
    concurrency: 4,
    now: context.monotonic,
    random: context.random,
    setTimer: context.setTimer,
    logger: context.logger,
  });
  enqueueOnChanges(controller, context, groups);
  return controller;
}

function enqueueOnChanges(
  controller: Pick<Controller, 'enqueue'>,
  { informers }: OperatorContext,
  fleet: RolloutGroups,
): void {
  const enqueue = (account: string | undefined, afterMs = 0): void => {
    if (account !== undefined && informers.accounts.store.get(account))
      controller.enqueue(account, { afterMs });
  };
  const accountOfApp = (object: KubeObject): string | undefined =>
    informers.apps.store.get(object.metadata.labels?.[appLabel] ?? '')?.spec.serviceAccount;
  const enqueueAll = (): void => {
    for (const account of informers.accounts.store.keys()) enqueue(account);
  };

  informers.apps.onChange(({ old, new: present }) => {
    for (const account of new Set([old?.spec.serviceAccount, present?.spec.serviceAccount])) enqueue(account);
  });
  informers.accounts.onChange(({ key }) => enqueue(key));
  informers.clusterConfigs.onChange(enqueueAll);
  informers.namespaces.onChange(({ old, new: present }) => {
    if (old?.metadata.deletionTimestamp !== present?.metadata.deletionTimestamp || !old || !present)
      enqueueAll();
  });
  informers.deployments.onChange(({ old, new: present }) => {
    for (const object of [old, present])
      if (object) for (const account of [deployedAccount(object), accountOfApp(object)]) enqueue(account);
  });
  for (const informer of fleet.labelled.informers)
    informer.onChange(({ old, new: present }) => {
      for (const object of [old, present]) if (object) enqueue(deployedAccount(object));
    });
  informers.pods.onChange(({ old, new: present }) => {
    const pod = present ?? old;
    if (pod) for (const account of [serviceAccountOf(pod), accountOfApp(pod)]) enqueue(account, podDelayMs);
  });
}
