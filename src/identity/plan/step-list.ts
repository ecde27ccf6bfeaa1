/** Collects the steps of one plan and delays steps that failed recently. */
import { stepKey } from '../steps/index.ts';
import type { Step } from '../steps/step.ts';
import type { Problem } from '../state/problem.ts';
import type { AccountWorld, StepFailure } from '../state/world.ts';

export type StepList = {
  /**
   * Adds the step once, unless it failed and its retry is not due. Returns the last failure of the step, if it is still current.
   */
  addStep(step: Step): StepFailure | undefined;
  /** Requests a reconcile of the account at this time, in milliseconds, at the latest. */
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

/** Returns the failure of a step as a problem, or the given problem if there is none. */
export function problemOr(
  failure: StepFailure | undefined,
  reason: Problem['reason'],
  message: string,
): Problem {
  return failure ? { reason: failure.code, message: failure.message } : { reason, message };
}
