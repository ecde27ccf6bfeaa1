/** What the operator remembers of one account between reconciles: failures that wait for their next try, and proofs. */
import type { LinkedServiceAccount } from '../../api/index.ts';
import {
  carriedProofs,
  isTokenProof,
  proofsAfter,
  retryDelayMs,
  settledFailures,
  stepKey,
  type IdentityError,
  type IdentityErrorCode,
  type ProofRecord,
  type LastSyncedRole,
  type Step,
  type StepEvent,
  type StepFailure,
} from '../../identity/index.ts';
import type { Monotonic } from '../../k8s/time.ts';

export type AccountMemory = {
  readonly failures: ReadonlyMap<string, StepFailure>;
  readonly proofs: ReadonlyMap<string, ProofRecord>;
  readonly aims: ReadonlyMap<string, LastSyncedRole>;
  /** What was done, and is told when the account comes to rest. */
  readonly untold: StepEvent[];
  /** Drift that an Event has reported and that lasts. */
  reportedDrift: string | undefined;
  /** A changed spec is a new beginning: what failed before may work now. */
  startGeneration(generation: number): void;
  /** STS accepts no token of the cluster: proofs by web identity have to be given again afterwards. */
  forgetTokenProofs(): void;
  /** Nothing is left to do; these roles are in step. */
  rested(aims: readonly LastSyncedRole[]): void;
  /** The namespace of a target was made ours: what was refused there may be allowed now. */
  targetOpened(target: string): void;
  /** `found`: whether there is what a look was after; of no account for other steps. */
  succeeded(step: Step, found: boolean): void;
  failed(step: Step, error: IdentityError): StepFailure;
};

type Failure = StepFailure & {
  /** Of a step on one target. */
  readonly target?: string;
};

/** Denied by Kubernetes for what the namespace is: worth another try once it is a target. */
function isDenial(code: IdentityErrorCode): boolean {
  return code === 'KubernetesDenied' || code === 'KubernetesFenced';
}

/** @param account as it is first seen by this process: its status counts from here on no more */
export function createAccountMemory(
  now: () => Monotonic,
  random: () => number,
  account?: LinkedServiceAccount,
): AccountMemory {
  const failures = new Map<string, Failure>();
  const proofs = account ? carriedProofs(account, now()) : new Map<string, ProofRecord>();
  const aims = new Map<string, LastSyncedRole>();
  let current: number | undefined;
  const record = (step: Step, outcome: 'applied' | 'failed'): void => {
    for (const [slot, proof] of proofsAfter(step, outcome, proofs, now())) proofs.set(slot, proof);
  };
  return {
    failures,
    proofs,
    aims,
    untold: [],
    reportedDrift: undefined,
    startGeneration(generation) {
      if (current !== undefined && current !== generation) failures.clear();
      current = generation;
    },
    forgetTokenProofs() {
      for (const slot of proofs.keys()) if (isTokenProof(slot)) proofs.set(slot, { key: '', at: now() });
    },
    rested(inStep) {
      for (const aim of inStep) aims.set(aim.spec.name, aim);
    },
    targetOpened(target) {
      for (const [key, failure] of failures)
        if (isDenial(failure.code) && failure.target === target) failures.delete(key);
    },
    succeeded(step, found) {
      for (const key of settledFailures(step, found)) failures.delete(key);
      record(step, 'applied');
    },
    failed(step, error) {
      const key = stepKey(step);
      const attempts = (failures.get(key)?.attempts ?? 0) + 1;
      const at = now();
      const failure: Failure = {
        code: error.code,
        message: error.message,
        at,
        attempts,
        retryAt: at + retryDelayMs(step, error.code, attempts, random()),
        ...('target' in step ? { target: step.target } : {}),
      };
      failures.set(key, failure);
      record(step, 'failed');
      return failure;
    },
  };
}
