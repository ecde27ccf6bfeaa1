/** Collects the steps of one plan, and holds back those that failed a moment ago. */
import { stepKey, type Step } from './steps.ts';
import type { AccountWorld, StepFailure } from './world.ts';

export type StepList = {
  /** Adds the step, unless it failed and its time has not come. Returns its last failure, if that still stands. */
  want(step: Step): StepFailure | undefined;
  /** Asks to look at the account again at this time, in milliseconds. */
  lookAt(time: number): void;
  readonly steps: readonly Step[];
  readonly lookAgainAt: number | undefined;
};

export function createStepList(world: Pick<AccountWorld, 'now' | 'failures'>): StepList {
  const steps: Step[] = [];
  let lookAgainAt: number | undefined;
  const lookAt = (time: number): void => {
    lookAgainAt = Math.min(lookAgainAt ?? time, time);
  };
  return {
    want(step) {
      const failure = world.failures.get(stepKey(step));
      if (failure && failure.retryAt > world.now) lookAt(failure.retryAt);
      else steps.push(step);
      return failure;
    },
    lookAt,
    steps,
    get lookAgainAt() {
      return lookAgainAt;
    },
  };
}
