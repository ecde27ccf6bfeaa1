/** What the operator remembers of one account between reconciles: failures that wait for their next try, and proofs. */
import type { LinkedServiceAccount } from '../../api/index.ts';
import {
  carriedProofs,
  isTokenProof,
  outdatedProofs,
  proofRecord,
  proofSlotOf,
  retryDelayMs,
  stepKey,
  type IdentityError,
  type IdentityErrorCode,
  type ProofRecord,
  type LastSyncedRole,
  type Step,
  type StepFailure,
} from '../../identity/index.ts';
import type { StepEvent } from './step-events.ts';
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
  const trustWritten = (step: Step): void => {
    if (step.kind !== 'UpdateTrustPolicy') return;
    for (const slot of outdatedProofs(proofs, step.role)) proofs.set(slot, { key: '', at: now() });
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
      failures.delete(stepKey(step));
      if (step.kind === 'ProveIdentity' || step.kind === 'ConfirmAssociation')
        proofs.set(proofSlotOf(step), proofRecord(step, now()));
      trustWritten(step);
      // What was in the way has been seen, or is gone. A look that does not show it is one of a while ago: to try again at
      // once, and look again at once, would go on until AWS knows.
      if ((step.kind === 'ReadRole' && found) || step.kind === 'DeleteRole')
        failures.delete(`CreateRole ${step.role}`);
      if ((step.kind === 'ReadAssociation' && found) || step.kind === 'DeleteAssociation')
        failures.delete(`CreateAssociation ${step.target}`);
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
      // It may have been carried out all the same.
      trustWritten(step);
      // An older proof, also one that the status still tells of, counts no more.
      if (step.kind === 'ProveIdentity' || step.kind === 'ConfirmAssociation')
        proofs.set(proofSlotOf(step), { key: '', at });
      return failure;
    },
  };
}
