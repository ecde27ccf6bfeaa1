/** Properties that every kind of step has in its row: its Event and its line in a plan. */
import type { ObservedRole } from '../state/world.ts';
import type { StepEvent } from './event.ts';
import type { Step } from './step.ts';

/** One change of a dry-run plan, as the end of a sentence about the object. */
export type PlanLine = {
  readonly action: 'create' | 'update' | 'delete';
  readonly summary: string;
  /** Text of several lines. An update has both; of the others only the one that exists. */
  readonly before?: string;
  readonly after?: string;
};

/** Methods, so that a row of one kind can be called with a step of that kind found by its `kind`. */
export type StepRow<S extends Step> = {
  /** Key of the step after its kind and object, where a plan can have several such steps for one object. */
  detail?(step: S): string;
  /** The Event after the step; none for reads, proofs and finalizers. */
  event?(step: S, account: string): StepEvent | undefined;
  /** The line in a plan; none for reads, proofs and finalizers. `role`: the step's role as observed. */
  planLine?(step: S, role: ObservedRole | undefined): PlanLine;
};
