/** Properties of every kind of step: its Event and its line in a plan. */
import type { ObservedRole } from '../state/world.ts';
import type { StepEvent } from './event.ts';
import type { Step } from './step.ts';

/** One change in a dry-run plan, worded as the end of a sentence about the object. */
export type PlanLine = {
  readonly action: 'create' | 'update' | 'delete';
  readonly summary: string;
  /** Multi-line texts. An update has both; a creation has only `after`, a deletion only `before`. */
  readonly before?: string;
  readonly after?: string;
};

/** The members are declared as methods, so that a row that was looked up by `kind` can be called with a step of that kind. */
export type StepRow<S extends Step> = {
  /** Suffix of the step's key after kind and object, for kinds with several steps per object in a plan. */
  detail?(step: S): string;
  /** Event after the step; absent for reads, proofs and finalizers. */
  event?(step: S, account: string): StepEvent | undefined;
  /** Line in a plan; absent for reads, proofs and finalizers. `role`: the step's role as observed. */
  planLine?(step: S, role: ObservedRole | undefined): PlanLine;
};
