/** Collects the steps of one plan, and holds back those that failed a moment ago. */
import { stepKey } from '../steps/index.ts';
import type { Step } from '../steps/step.ts';
import type { Problem } from '../state/problem.ts';
import type { AccountWorld, StepFailure } from '../state/world.ts';

export type StepList = {
  /** Adds the step once, unless it failed and its time has not come. Returns its last failure, if that still stands. */
  addStep(step: Step): StepFailure | undefined;
  /** Asks to look at the account again at this time, in milliseconds. */
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

/** The failure of a step as a problem, or what is under way without one. */
export function problemOr(
  failure: StepFailure | undefined,
  reason: Problem['reason'],
  message: string,
): Problem {
  return failure ? { reason: failure.code, message: failure.message } : { reason, message };
}
