/** Lookups by the kind of a step, over the rows of all kinds. */
import { accountSteps } from './account.ts';
import { associationSteps } from './association.ts';
import type { StepEvent } from './event.ts';
import { proofSteps } from './proof.ts';
import { roleSteps } from './role.ts';
import type { ObservedRole } from '../state/world.ts';
import type { PlanLine, StepRow } from './row.ts';
import { serviceAccountSteps } from './service-account.ts';
import type { Step, StepOf } from './step.ts';

const rows: { readonly [K in Step['kind']]: StepRow<StepOf<K>> } = {
  ...accountSteps,
  ...roleSteps,
  ...serviceAccountSteps,
  ...associationSteps,
  ...proofSteps,
};

/** Identifies a step, so that its failure is found again: the same step on the same object has the same key. */
export function stepKey(step: Step): string {
  const row: StepRow<Step> = rows[step.kind];
  const object = 'target' in step ? step.target : 'role' in step ? step.role : undefined;
  return [step.kind, object, row.detail?.(step)].filter((part) => part !== undefined).join(' ');
}

/**
 * Keys of the failures that the success of a step settles: its own, and the one of a creation that found the name taken, once the
 * object was read or deleted.
 *
 * @param found whether a read showed the object. One that did not is of a while ago: to create and read again at once would go on
 *   until AWS shows it.
 */
export function settledFailures(step: Step, found: boolean): readonly string[] {
  const own = stepKey(step);
  if ((step.kind === 'ReadRole' && found) || step.kind === 'DeleteRole')
    return [own, `CreateRole ${step.role}`];
  if ((step.kind === 'ReadAssociation' && found) || step.kind === 'DeleteAssociation')
    return [own, `CreateAssociation ${step.target}`];
  return [own];
}

/** The Event after an applied step; undefined for kinds that have none. */
export function eventOf(step: Step, account: string): StepEvent | undefined {
  const row: StepRow<Step> = rows[step.kind];
  return row.event?.(step, account);
}

/** The line of a plan; undefined for reads, proofs and finalizers. `role`: the step's role as observed. */
export function planLineOf(step: Step, role: ObservedRole | undefined): PlanLine | undefined {
  const row: StepRow<Step> = rows[step.kind];
  return row.planLine?.(step, role);
}
