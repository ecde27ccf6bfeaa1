/** Properties of every kind of step: its Event and its line in a plan. */
import type { ObservedRole } from '../state/world.ts';
import type { StepEvent } from './event.ts';
import type { Step } from './step.ts';

/** One change in a dry-run plan. `summary` names the changed object or what happens to it. */
export type PlanLine = {
  readonly action: 'create' | 'update' | 'delete';
  readonly summary: string;
  /** Texts before and after the change, possibly of several lines. A creation has only `after`, a deletion only `before`. */
  readonly before?: string;
  readonly after?: string;
};

/**
 * Table row of a kind of step. The members are declared as methods, so that TypeScript permits calling a row that was looked up
 * by `kind` with a step of this kind.
 */
export type StepRow<S extends Step> = {
  /** Suffix of the step's key after kind and object. It distinguishes steps of the same kind on the same object. */
  detail?(step: S): string;
  /** Kubernetes Event after the step; absent for reads, proofs and finalizers. */
  event?(step: S, account: string): StepEvent | undefined;
  /** Line in a dry-run plan; absent for reads, proofs and finalizers. `role`: observed state of the step's role. */
  planLine?(step: S, role: ObservedRole | undefined): PlanLine;
};
