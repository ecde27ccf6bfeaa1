/**
 * Executes the steps of labelled workloads: restarts for a new identity, and replacements of pods without an injected
 * identity.
 */
import { errorMessage } from '../../k8s/errors.ts';
import {
  workloadId,
  type Workload,
  type WorkloadEventReason,
  type WorkloadStep,
} from '../../workloads/index.ts';
import type { OperatorContext } from '../context.ts';
import type { DryRunBackoff } from './dry-run-backoff.ts';
import { dryRunFailure } from './dry-run-pod.ts';
import type { LabelledWorkloads } from './labelled-workloads.ts';
import { replacePod } from './replace-pod.ts';

/**
 * Outcome of a step. `failed` means a retry with back-off. A number is the delay in milliseconds before the next
 * attempt.
 */
type StepOutcome = 'done' | 'failed' | number;

export function createWorkloadExecutor({
  context,
  labelled,
  backoff,
}: {
  readonly context: OperatorContext;
  readonly labelled: LabelledWorkloads;
  readonly backoff: DryRunBackoff;
}) {
  /**
   * Message of the last Event about each workload whose restart is blocked. Each reconcile repeats the dry run that
   * decides whether the restart is blocked, but records a new Event only if the message has changed.
   */
  const reported = new Map<string, string>();

  const recordNormal = (workload: Workload, reason: WorkloadEventReason, note: string): void =>
    context.recorder.event(workload, { type: 'Normal', reason, note });

  /** Restarts the workload. Returns why the restart is blocked, or undefined if the workload was restarted. */
  async function restart(
    { identity }: Extract<WorkloadStep, { readonly kind: 'restart' }>,
    workload: Workload,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { name, namespace = '' } = workload.metadata;
    const template = workload.spec?.template;
    if (!template) throw new TypeError(`${workloadId(workload)} has no pod template`);
    const failure = await dryRunFailure({ name, namespace, template, wanted: [identity] }, context, signal);
    if (!failure) await labelled.restart(workload, identity.mark, signal);
    return failure && `the workload is restarted as soon as ${failure.message}`;
  }

  function reportBlocker(workload: Workload, note: string): void {
    const id = workloadId(workload);
    if (reported.get(id) === note) return;
    reported.set(id, note);
    const reason = 'NotInjected' satisfies WorkloadEventReason;
    context.recorder.event(workload, { type: 'Warning', reason, note });
  }

  return async (
    step: WorkloadStep,
    workload: Workload,
    account: string,
    signal: AbortSignal,
  ): Promise<StepOutcome> => {
    const id = workloadId(workload);
    try {
      if (step.kind === 'restart') {
        const blocker = await restart(step, workload, signal);
        if (blocker !== undefined) {
          reportBlocker(workload, blocker);
          return backoff.delayAfterFailure(account, id);
        }
        reported.delete(id);
        recordNormal(
          workload,
          'WorkloadRestarted',
          `restarted the workload, so that its pods get the role ${step.identity.roleArn}`,
        );
      } else {
        const replacement = await replacePod(step, context, signal);
        if (replacement.kind === 'blocked')
          return replacement.retryAfterMs ?? backoff.delayAfterFailure(account, id);
        const { name } = step.pod.metadata;
        recordNormal(
          workload,
          'PodReplaced',
          `evicted the pod ${name}, which did not have the role ${step.wanted.roleArn}`,
        );
      }
      backoff.reset(account, id);
      return 'done';
    } catch (error) {
      if (signal.aborted) throw error;
      context.logger.warn('could not restart a labelled workload or replace one of its pods', {
        account,
        workload: id,
        error: errorMessage(error),
      });
      return 'failed';
    }
  };
}
