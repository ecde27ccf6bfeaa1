/** Collects the steps of one plan, and holds back those that failed a moment ago. */
import { stepKey, type Step } from '../steps/step.ts';
import type { AccountWorld, StepFailure } from '../state/world.ts';

export type StepList = {
  /** Adds the step once, unless it failed and its time has not come. Returns its last failure, if that still stands. */
  want(step: Step): StepFailure | undefined;
  /** Asks to look at the account again at this time, in milliseconds. */
  lookAt(time: number): void;
  readonly steps: readonly Step[];
  readonly lookAgainAt: number | undefined;
};

export function createStepList(world: Pick<AccountWorld, 'now' | 'failures'>): StepList {
  const steps = new Map<string, Step>();
  let lookAgainAt: number | undefined;
  const lookAt = (time: number): void => {
    lookAgainAt = Math.min(lookAgainAt ?? time, time);
  };
  return {
    want(step) {
      const key = stepKey(step);
      const failure = world.failures.get(key);
      if (failure && failure.retryAt > world.now) lookAt(failure.retryAt);
      else steps.set(key, step);
      return failure;
    },
    lookAt,
    get steps() {
      return [...steps.values()];
    },
    get lookAgainAt() {
      return lookAgainAt;
    },
  };
}
