/** Status of one target of an App. */
import type { App, AppTargetStatus } from '../api/index.ts';
import { defined } from '../k8s/defined.ts';
import { deployedMark, hasReplicas, imageOf, revisionOf, type Deployment } from './deployment.ts';
import { roleOfMark, type IdentityFinding, type Identity } from './identity-gate.ts';
import type { TargetPlan } from './plan.ts';
import { describeHeld, givenIdentity, isCurrent, podIdentity } from './pod-identity.ts';
import { isActive, serviceAccountOf, type Pod } from './pod.ts';
import { isSpecReason } from './halt.ts';
import { slotReasons, type RolloutReason, type TargetReason } from './reasons.ts';
import { rolloutOf, type Rollout } from './rollout.ts';
import type { SlotBlocker } from './rollout-group.ts';
import type { Wall } from '../k8s/time.ts';

/** Outcome of executing the steps of one target. */
export type TargetOutcome = {
  /** Failed step; the steps after it were not executed. */
  readonly failure?: { readonly reason: TargetReason; readonly message: string };
  /**
   * Reason why no new pods are created yet. Either new pods would not get their identity, or the dry run could not
   * check this, or the identity gate was closed after the plan was made.
   */
  readonly heldBack?: IdentityFinding;
  /** Reason why a pod without the wanted identity has not been replaced yet. */
  readonly replacementWaits?: string;
};

export type TargetReport = {
  readonly row: AppTargetStatus & { readonly reason: string };
  /** Whether the wanted number of pods is available, whatever template the pods have. */
  readonly available: boolean;
  /**
   * Whether the target's identity was evaluated. It is not evaluated if the target is halted, or if another problem
   * blocks the target.
   */
  readonly identityEvaluated: boolean;
  /** Finding about the identity of a target. The target waits because of the finding, or runs in spite of it. */
  readonly finding?: IdentityFinding | SlotBlocker;
};

export type TargetReportInput = {
  readonly app: App;
  readonly plan: TargetPlan;
  readonly outcome: TargetOutcome;
  /** State of the Deployment after the steps were executed. */
  readonly deployment: Deployment | undefined;
  /** Pods of the App on this target. */
  readonly pods: readonly Pod[];
  /** Current time in milliseconds since the epoch. */
  readonly now: Wall;
};

export function reportTarget(input: TargetReportInput): TargetReport {
  const { plan, deployment } = input;
  const { state, reason, message } = stateOf(input);
  const identity = plan.kind === 'deploy' ? plan.identity : undefined;
  return {
    row: {
      name: plan.target.name,
      state,
      reason,
      ...defined({
        replicas: deployment && (deployment.status?.replicas ?? 0),
        readyReplicas: deployment && (deployment.status?.readyReplicas ?? 0),
        identityCurrent:
          deployment && plan.kind === 'deploy'
            ? notCurrent(input).length === 0 && !unexpectedIdentity(input)
            : undefined,
        image: deployment && imageOf(deployment),
        revision: deployment && revisionOf(deployment),
        roleArn: identity?.roleArn ?? roleOfMark(deployedMark(deployment)),
      }),
      message,
    },
    available: isAvailable(deployment),
    identityEvaluated: plan.kind !== 'blocked' && plan.target.deployMode !== 'halt',
    ...defined({ finding: findingOf(input) }),
  };
}

function findingOf(input: TargetReportInput): TargetReport['finding'] {
  const { plan, outcome } = input;
  if (outcome.heldBack) return outcome.heldBack;
  if (plan.kind === 'held') return plan.blocker;
  return (plan.kind === 'deploy' ? plan.warning : undefined) ?? unexpectedIdentity(input);
}

/**
 * Finding about pods that hold an AWS identity although their app names no account. The cause is an annotation or an
 * EKS Pod Identity association of their ServiceAccount.
 */
function unexpectedIdentity({ app, plan, pods }: TargetReportInput): IdentityFinding | undefined {
  if (app.spec.serviceAccount !== undefined) return undefined;
  const holders = pods.flatMap((pod) => {
    // Pods with a ServiceAccount other than `default` still use the account that the app named before. The rollout
    // replaces these pods, so they are not reported.
    if (!isActive(pod) || serviceAccountOf(pod) !== 'default') return [];
    const held = givenIdentity(pod);
    return held ? [{ pod, held }] : [];
  });
  const [first] = holders;
  if (!first) return undefined;
  const { name } = app.metadata;
  const count = holders.length === 1 ? '1 pod holds' : `${holders.length} pods hold`;
  return {
    reason: 'UnexpectedIdentity',
    message: `the app names no account, but ${count} an AWS identity through the ServiceAccount ${plan.target.name}/default (${first.pod.metadata.name}: ${describeHeld(first.held)}); remove the annotation or EKS Pod Identity association of the ServiceAccount, then run: kon app restart ${name} --target ${plan.target.name}`,
  };
}

type ReportedState = Pick<Rollout, 'reason' | 'message'> & Pick<AppTargetStatus, 'state'>;

function reported(
  state: ReportedState['state'],
  reason: RolloutReason | TargetReason,
  message: string,
): ReportedState {
  return { state, reason, message };
}

function stateOf(input: TargetReportInput): ReportedState {
  const { plan, outcome, deployment, pods } = input;
  if (outcome.failure) return stateAfterFailure(input, outcome.failure);
  if (plan.kind === 'blocked') return stateAfterFailure(input, plan);
  if (outcome.heldBack) return heldState(outcome.heldBack, deployment);
  if (plan.kind === 'held') return heldState(plan.blocker, deployment);
  if (!deployment) return reported('Progressing', 'RollingOut', 'the Deployment is being created');

  const rollout = rolloutOf(deployment, pods, input.now);
  if (plan.target.deployMode === 'halt') return haltedState(rollout);
  const missed = notCurrent(input);
  if (rollout.state === 'Ready' && missed.length > 0) {
    const message = notCurrentMessage(missed, plan.identity, outcome.replacementWaits);
    return reported('Progressing', 'PodsNotCurrent', message);
  }
  const unexpected = unexpectedIdentity(input);
  const warning = plan.warning ?? unexpected;
  if (!warning || rollout.state !== 'Ready') return rollout;
  return {
    ...rollout,
    ...(unexpected ? { reason: unexpected.reason } : {}),
    message: `${rollout.message}; ${warning.message}`,
  };
}

/**
 * State of a target after a failure. If `deployMode` is `halt`, a target without pods has the state Halted even if its
 * spec could not be applied.
 */
function stateAfterFailure(
  { plan, outcome, deployment, pods, now }: TargetReportInput,
  { reason, message }: NonNullable<TargetOutcome['failure']>,
): ReportedState {
  if (plan.target.deployMode !== 'halt' || !isSpecReason(reason)) {
    const parts = [withRunningVersion(message, plan, deployment), outcome.heldBack?.message];
    return reported('Failed', reason, parts.filter((part) => part !== undefined).join('; '));
  }
  const rollout = deployment && rolloutOf(deployment, pods, now);
  if (rollout && rollout.state !== 'Ready') return rollout;
  const halted = `halted: the target has no pods, but its current spec could not be deployed: ${message}`;
  return reported('Halted', reason, halted);
}

/**
 * Appends to the message of a blocked plan: the target still runs as last deployed. A blocked plan does not apply the
 * spec. After any other failure, part of the spec may have been applied, so nothing is appended.
 */
function withRunningVersion(message: string, plan: TargetPlan, deployment: Deployment | undefined): string {
  if (plan.kind !== 'blocked' || !deployment || !isSpecReason(plan.reason)) return message;
  return `${message}; until this problem is solved, the target ${hasReplicas(deployment) ? 'runs as last deployed' : 'has no pods'}`;
}

function haltedState(rollout: Rollout): ReportedState {
  return rollout.state === 'Ready'
    ? reported('Halted', 'Halted', 'halted: the target has no pods, because its deployMode is halt')
    : rollout;
}

function heldState(
  blocker: IdentityFinding | SlotBlocker,
  deployment: Deployment | undefined,
): ReportedState {
  const meanwhile = deployment
    ? 'until this problem is solved, the target stays as last deployed'
    : 'nothing is deployed until this problem is solved';
  return {
    state: 'WaitingForIdentity',
    reason: blocker.reason,
    message: blocker.reason in slotReasons ? blocker.message : `${blocker.message}; ${meanwhile}`,
  };
}

/**
 * Running pods that do not hold the planned identity. Terminating pods are left out, since Kubernetes is deleting them.
 */
function notCurrent({ app, plan, pods }: TargetReportInput): readonly Pod[] {
  if (plan.kind !== 'deploy') return [];
  const serviceAccount = app.spec.serviceAccount ?? 'default';
  return pods.filter(
    (pod) =>
      isActive(pod) &&
      (serviceAccountOf(pod) !== serviceAccount ||
        (plan.identity !== undefined && !isCurrent(pod, plan.identity))),
  );
}

function notCurrentMessage(
  missed: readonly Pod[],
  identity: Identity | undefined,
  waits: string | undefined,
): string {
  const [first] = missed;
  const identityOfFirst = first && identity ? podIdentity(first, identity) : undefined;
  const held =
    identityOfFirst && 'held' in identityOfFirst
      ? `pod ${first?.metadata.name} holds ${describeHeld(identityOfFirst.held)}`
      : `pod ${first?.metadata.name} has another ServiceAccount`;
  const count = missed.length === 1 ? '1 pod does' : `${missed.length} pods do`;
  return `${count} not hold the identity: ${held}; ${waits ?? 'the pod is being replaced'}`;
}

function isAvailable(deployment: Deployment | undefined): boolean {
  return (
    deployment !== undefined &&
    (deployment.status?.availableReplicas ?? 0) >= (deployment.spec?.replicas ?? 1)
  );
}
