/** Collects the steps of one plan. Leaves out a failed step until its retry is due. */
import { stepKey } from '../steps/index.ts';
import type { Step } from '../steps/step.ts';
import type { AccountWorld, CachedRole, Problem, StepFailure } from '../state/world.ts';

export type StepList = {
  /**
   * Adds the step once. A step that failed is added only when its retry is due. Returns the last failure of the step, unless the
   * step has succeeded or the spec has changed since.
   */
  addStep(step: Step): StepFailure | undefined;
  /** Requests a reconcile of the account at the given time, in milliseconds, or earlier. */
  requeueAtLatest(time: number): void;
  readonly steps: readonly Step[];
  readonly requeueAt: number | undefined;
};

export function createStepList(world: Pick<AccountWorld, 'now' | 'failures'>): StepList {
  const steps = new Map<string, Step>();
  let requeueAt: number | undefined;
  const requeueAtLatest = (time: number): void => {
    requeueAt = Math.min(requeueAt ?? time, time);
  };
  return {
    addStep(step) {
      const key = stepKey(step);
      const failure = world.failures.get(key);
      if (failure && failure.retryAt > world.now) requeueAtLatest(failure.retryAt);
      else steps.set(key, step);
      return failure;
    },
    requeueAtLatest,
    get steps() {
      return [...steps.values()];
    },
    get requeueAt() {
      return requeueAt;
    },
  };
}

/** Returns the failure of a step as a problem. If the step has not failed, returns the given reason and message. */
export function problemOr(
  failure: StepFailure | undefined,
  reason: Problem['reason'],
  message: string,
): Problem {
  return failure ? problemOf(failure) : { reason, message };
}

export function problemOf({ code, message }: Pick<StepFailure, 'code' | 'message'>): Problem {
  return { reason: code, message };
}

/** Requests another read of a role after a write of unknown outcome. The role is read as soon as a read is reliable. */
export function readAfterLostWrite(
  { now }: AccountWorld,
  { readAgainAt }: CachedRole,
  role: string,
  list: StepList,
): void {
  if (readAgainAt === undefined) return;
  if (readAgainAt > now) list.requeueAtLatest(readAgainAt);
  else list.addStep({ kind: 'ReadRole', role, why: 'a write to the role got no response' });
}
