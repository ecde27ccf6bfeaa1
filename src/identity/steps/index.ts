/** Looks up the properties of a step by its kind. */
import { accountSteps } from './account.ts';
import { associationSteps } from './association.ts';
import type { StepEvent } from './event.ts';
import { proofSteps } from './proof.ts';
import { roleSteps } from './role.ts';
import type { ObservedRole } from '../state/world.ts';
import { serviceAccountSteps } from './service-account.ts';
import type { Step, StepOf, PlanLine, StepRow } from './step.ts';

const rows: { readonly [K in Step['kind']]: StepRow<StepOf<K>> } = {
  ...accountSteps,
  ...roleSteps,
  ...serviceAccountSteps,
  ...associationSteps,
  ...proofSteps,
};

/** Key of a step: the same step on the same object has the same key. The last failure of a step is stored under this key. */
export function stepKey(step: Step): string {
  const row: StepRow<Step> = rows[step.kind];
  const object = 'target' in step ? step.target : 'role' in step ? step.role : undefined;
  return [step.kind, object, row.detail?.(step)].filter((part) => part !== undefined).join(' ');
}

/**
 * Keys of the failures that the success of a step resolves. One is the step's own failure. A read or a deletion also resolves the
 * failure of a creation that found the object's name in use.
 *
 * @param found whether a read found the object. A read that does not find the object may be stale, so the failure of the creation
 * remains. Otherwise creation and read would alternate without a delay until AWS shows the object.
 */
export function settledFailures(step: Step, found: boolean): readonly string[] {
  const own = stepKey(step);
  if ((step.kind === 'ReadRole' && found) || step.kind === 'DeleteRole')
    return [own, `CreateRole ${step.role}`];
  if (step.kind === 'ReadAssociation' && found) return [own, `CreateAssociation ${step.target}`];
  if (step.kind === 'DeleteAssociation')
    return [own, `CreateAssociation ${step.target}`, `UpdateAssociation ${step.target}`];
  return [own];
}

/** Event after an applied step; undefined for kinds of steps without an Event. */
export function eventOf(step: Step, account: string): StepEvent | undefined {
  const row: StepRow<Step> = rows[step.kind];
  return row.event?.(step, account);
}

/** Line of a step in a dry-run plan; undefined for reads, proofs and finalizers. `role`: observed state of the step's role. */
export function planLineOf(step: Step, role: ObservedRole | undefined): PlanLine | undefined {
  const row: StepRow<Step> = rows[step.kind];
  return row.planLine?.(step, role);
}
