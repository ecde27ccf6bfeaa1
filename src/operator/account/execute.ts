/** Executes the steps of a plan. A failed step does not stop the other steps. */
import type { LinkedServiceAccount } from '../../api/index.ts';
import type { Caller } from '../../aws/index.ts';
import {
  asIdentityError,
  clusterState,
  eventOf,
  IdentityError,
  type AccountWorld,
  type IdentityErrorCode,
  type IdentityProver,
  type RoleStore,
  type Step,
  type StepEvent,
} from '../../identity/index.ts';
import type { KubeClient } from '../../kube/index.ts';
import type { OperatorContext } from '../context.ts';
import type { ObservedState } from '../observed-state/index.ts';
import type { AccountMemory } from './account-memory.ts';
import { applyStep } from './apply-step.ts';
import { callPriorityOf } from './priority.ts';
import type { StepTools } from './step-tools.ts';

/** Codes of failures that get no Event, because the next plan resolves them or a condition reports them. */
const withoutEvent: ReadonlySet<IdentityErrorCode> = new Set([
  'KubernetesConflict',
  'RoleAlreadyExists',
  'AssociationExists',
  'RoleNotAccepted',
]);

export type ExecutorOptions = {
  readonly context: OperatorContext;
  readonly observed: ObservedState;
  /** Access to AWS in the region of the ClusterConfig. */
  readonly aws: (caller: Caller) => {
    readonly roles: RoleStore;
    readonly prover: IdentityProver;
    readonly podIdentity?: (clusterName: string) => ReturnType<StepTools['podIdentity']>;
  };
  readonly clientFor: (account: LinkedServiceAccount) => KubeClient;
  /** See `StepTools`. Creates a dry-run pod for each workload of the account. */
  readonly replacementBlocker: StepTools['replacementBlocker'];
  /** Called with the error of each failed step. */
  readonly onFailure: (error: IdentityError) => void;
};

export type ExecuteStep = (
  step: Step,
  world: AccountWorld,
  memory: AccountMemory,
  signal: AbortSignal,
) => Promise<{ readonly done: boolean; readonly event?: StepEvent | undefined }>;

export function createExecutor(options: ExecutorOptions): ExecuteStep {
  const { context, observed } = options;

  const toolsFor = ({ account, cluster: planned, quarantines }: AccountWorld, step: Step): StepTools => {
    const priority = quarantines.length > 0 ? 'interactive' : callPriorityOf(account);
    const { podIdentity, ...aws } = options.aws({
      owner: account.metadata.name,
      priority: priority === 'new' && step.kind !== 'CreateRole' ? 'in-progress' : priority,
      ...(planned.ok ? { accountId: planned.facts.accountId } : {}),
    });
    return {
      client: options.clientFor(account),
      ...aws,
      podIdentity() {
        const cluster = clusterState(context.informers.clusterConfigs.store.list());
        if (!podIdentity || !cluster.ok)
          throw new IdentityError(
            'ClusterUnknown',
            'the EKS cluster is unknown, because the ClusterConfig is missing or not ready',
          );
        return podIdentity(cluster.facts.name);
      },
      roleCache: observed.roles,
      associationCache: observed.associations,
      accounts: observed.accounts,
      serviceAccounts: observed.serviceAccounts,
      nodes: observed.nodes,
      replacementBlocker: options.replacementBlocker,
      now: context.monotonic,
    };
  };

  /** Whether a read step found its object; false for all other steps. */
  const hasFound = (step: Step, { metadata: { name } }: LinkedServiceAccount): boolean => {
    if (step.kind === 'ReadRole') return observed.roles.roleOf(step.role) !== undefined;
    return step.kind === 'ReadAssociation' && observed.associations.namespacesOf(name).includes(step.target);
  };

  return async (step, world, memory, signal) => {
    const { account } = world;
    const log = context.logger.with({ account: account.metadata.name, step: step.kind });
    try {
      context.assertLeading();
      await applyStep(step, account, toolsFor(world, step), signal);
      memory.applied(step, hasFound(step, account));
      const event = eventOf(step, account.metadata.name);
      if (event) log.info('step done', event);
      else log.debug('step done');
      return { done: true, event };
    } catch (cause) {
      // The operator is stopping and aborted the step. This does not count as a failure of the step.
      if (signal.aborted) return { done: false };
      const error = asIdentityError(cause);
      const failure = memory.failed(step, error);
      options.onFailure(error);
      log.warn('step failed', {
        code: error.code,
        // An unclassified error may be a bug, so its stack is logged too.
        error: error.code === 'Unexpected' ? error : error.message,
        attempts: failure.attempts,
        retryInMs: Math.round(failure.retryAt - failure.at),
      });
      const isProof = step.kind === 'ProveIdentity' || step.kind === 'ConfirmAssociation';
      if (isReported(failure.attempts) && !withoutEvent.has(error.code) && !isProof)
        context.recorder.event(account, { type: 'Warning', reason: error.code, note: error.message });
      return { done: false };
    }
  };
}

/**
 * Whether the operator records an Event about this failed attempt of a step. Events are kept for an hour. The delay
 * between attempts is at most five minutes, so with an Event at every eighth attempt, a lasting failure always has an
 * Event that has not expired.
 */
function isReported(attempts: number): boolean {
  return Number.isInteger(Math.log2(attempts)) || attempts % 8 === 0;
}
