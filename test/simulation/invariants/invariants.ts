/**
 * Invariants that hold at every moment of a run, not only at its end. They inspect the simulated world, not the
 * operator: each write is checked when it arrives, against the current state and all earlier states that the operator
 * may still see.
 */
import type { Violation } from '../oracles.ts';
import type { Simulation } from '../simulation.ts';
import { checkAssociationWrites } from './association-writes.ts';
import type { Context, InvariantOptions } from './context.ts';
import { checkKubernetesWrites } from './kubernetes-writes.ts';
import { recordStates } from './recent-states.ts';
import { checkRoleWrites } from './role-writes.ts';

export type Invariants = { readonly violations: readonly Violation[] };

export function checkInvariants(
  simulation: Simulation,
  { unawareMs, readsLag = false, leaseIsReached = true }: InvariantOptions,
): Invariants {
  const violations: Violation[] = [];
  const context: Context = {
    simulation,
    states: recordStates(simulation, unawareMs),
    unawareMs,
    readsLag,
    leaseIsReached,
    report(oracle, message) {
      // Only the first violation of each oracle is recorded, because a bug that repeats itself would fill pages.
      if (!violations.some((known) => known.oracle === oracle)) violations.push({ oracle, message });
    },
  };
  checkRoleWrites(context);
  checkAssociationWrites(context);
  checkKubernetesWrites(context);
  return { violations };
}
