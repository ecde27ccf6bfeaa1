/** Steps on the account object itself. */
import { accountFinalizer, type LinkedServiceAccount } from '../../api/index.ts';
import type { StepRow, StepOf } from './step.ts';

export type FinalizerStep = StepOf<'AddFinalizer' | 'RemoveFinalizer'>;

export const accountSteps: {
  readonly [K in FinalizerStep['kind']]: StepRow<StepOf<K>> & {
    effect(finalizers: readonly string[]): readonly string[];
  };
} = {
  AddFinalizer: { effect: (finalizers) => [...finalizers, accountFinalizer] },
  RemoveFinalizer: { effect: (finalizers) => finalizers.filter((each) => each !== accountFinalizer) },
};

export function isFinalizerStep(step: { readonly kind: string }): step is FinalizerStep {
  return step.kind in accountSteps;
}

export function accountAfter(step: FinalizerStep, account: LinkedServiceAccount): LinkedServiceAccount {
  const finalizers = accountSteps[step.kind].effect(account.metadata.finalizers ?? []);
  return { ...account, metadata: { ...account.metadata, finalizers } };
}
