/**
 * Describes the progress of an object and its problems. Uses only the object's status, so that commands that wait agree
 * with `show`.
 */
import { type Condition, findCondition } from '../../../k8s/conditions.ts';
import type { App, AppTargetStatus } from '../../../api/app.ts';
import type { LinkedServiceAccount } from '../../../api/linked-service-account.ts';
import type { IdentityReason } from '../../../identity/state/reasons.ts';
import { readyOf, type KonObject } from '../../cluster/kinds.ts';
import { requiresUserAction } from './reasons.ts';

export type ProgressLine = Pick<Condition, 'status' | 'reason' | 'message'> & { readonly label: string };

export type Progress = {
  /**
   * `stuck`: the object will not become Ready without user action. `ready` also includes an account that waits only for
   * its first pod, because nothing else happens before this pod starts.
   */
  readonly state: 'ready' | 'waiting' | 'stuck' | 'unobserved';
  readonly reason: string;
  readonly message: string;
  /** One line per condition except Ready, in the order of the status. */
  readonly lines: readonly ProgressLine[];
};

/** @param generation generation of the spec that was written; conditions of an older generation do not count */
export function describeProgress(object: KonObject, generation: number): Progress {
  const conditions = object.status?.conditions ?? [];
  const ready = readyOf(object);
  const observed = ready?.observedGeneration ?? object.status?.observedGeneration ?? 0;
  if (!ready || observed < generation)
    return {
      state: 'unobserved',
      reason: 'NotObserved',
      message: ready
        ? 'the operator has not processed the change yet'
        : 'no operator has processed the object yet',
      lines: [],
    };
  const lines = conditions
    .filter(({ type }) => type !== 'Ready')
    .map(({ type: label, status, reason, message }) => ({ label, status, reason, message }));
  const { reason, message } = ready;
  if (ready.status === 'True' || awaitsPod(ready)) return { state: 'ready', reason, message, lines };
  return { state: requiresUserAction(reason) ? 'stuck' : 'waiting', reason, message, lines };
}

/** Whether the object is Ready in its current generation, or waits only for its first pod. */
export function isReady(object: KonObject): boolean {
  const ready = readyOf(object);
  if (!ready || object.metadata.deletionTimestamp !== undefined) return false;
  const { generation } = object.metadata as { readonly generation?: number };
  const isCurrent = generation === undefined || (ready.observedGeneration ?? generation) >= generation;
  return isCurrent && (ready.status === 'True' || awaitsPod(ready));
}

/** Whether everything is in place except the identity proof, which the first pod provides. */
export function awaitsPod({ reason }: { readonly reason?: string | undefined }): boolean {
  return reason === ('AwaitingFirstPod' satisfies IdentityReason);
}

/** Whether the account no longer lists the target, but running pods still have access there. */
function drains({ reason }: { readonly reason?: string | undefined }): boolean {
  return reason === ('StillInUse' satisfies IdentityReason);
}

export type Problem = {
  /** Part of the object that the problem concerns: `policy arn:…`, `target staging`, or empty for the whole object. */
  readonly about?: string;
  readonly reason: string;
  readonly message: string;
};

/**
 * Lists the problems that keep the object from being Ready: problems of the role, policies and targets in its status.
 * If the status contains none, returns the reason and message of the condition Ready.
 */
export function problemsOf(object: KonObject): readonly Problem[] {
  const rows =
    object.kind === 'LinkedServiceAccount'
      ? accountRows(object)
      : object.kind === 'App'
        ? appRows(object)
        : [];
  if (rows.length > 0) return rows;
  const ready = readyOf(object);
  return ready && ready.status !== 'True' && !awaitsPod(ready)
    ? [{ reason: ready.reason, message: ready.message }]
    : [];
}

function accountRows(account: LinkedServiceAccount): readonly Problem[] {
  const { policies = [], targets = [] } = account.status ?? {};
  const role = findCondition(account.status?.conditions, 'RoleSynced');
  return [
    ...(role?.status === 'False' ? [{ about: 'role', reason: role.reason, message: role.message }] : []),
    ...policies
      .filter((policy) => !policy.attached)
      .map((policy) => ({
        about: `policy ${policy.arn}`,
        reason: policy.reason ?? 'AttachingPolicies',
        message: policy.message ?? 'is not attached yet',
      })),
    ...targets
      .filter((target) => !target.linked || drains(target) || (!target.proven && !awaitsPod(target)))
      .map((target) => ({
        about: `target ${target.name}`,
        reason: target.reason ?? (target.linked ? 'Proving' : 'Linking'),
        message: target.message ?? (target.linked ? 'is not proven yet' : 'is not linked yet'),
      })),
  ];
}

function appRows(app: App): readonly Problem[] {
  return (app.status?.targets ?? [])
    .filter(({ state, reason = state }) => state !== 'Ready' && !(state === 'Halted' && reason === 'Halted'))
    .map((target) => ({ about: `target ${target.name}`, ...stateOf(target) }));
}

/** Returns the reason and message of an app's target. If the target has no message, returns its number of replicas. */
export function stateOf({
  state,
  reason = state,
  readyReplicas = 0,
  replicas = 0,
  message = `${readyReplicas} of ${replicas} replicas are ready`,
}: AppTargetStatus): Pick<ProgressLine, 'reason' | 'message'> {
  return { reason, message };
}

/** Formats a problem: `policy arn:aws:iam::aws:policy/Nope: IAM knows no such policy (PolicyNotFound)` */
export function problemText(problem: Problem): string {
  const text = `${problem.message} (${problem.reason})`;
  return problem.about ? `${problem.about}: ${text}` : text;
}
