import type { OracleName } from '../oracles.ts';
import type { Simulation } from '../simulation.ts';
import type { RecentStates } from './recent-states.ts';

export type InvariantOptions = {
  /**
   * Maximum age, in milliseconds, of the state that the operator acts on: its views lag, and its calls wait in a queue.
   */
  readonly unawareMs: number;
  /** Whether IAM's reads may be stale, so that a new process may not see the last writes of its predecessor. */
  readonly readsLag?: boolean;
  /** Whether processes can always reach the lease, so that a takeover has a time limit. */
  readonly leaseIsReached?: boolean;
};

/** Input of every invariant. */
export type Context = Required<InvariantOptions> & {
  readonly simulation: Simulation;
  readonly states: RecentStates;
  readonly report: (oracle: OracleName, message: string) => void;
};
