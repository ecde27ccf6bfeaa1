/** State of one account between reconciles: failed steps that wait for their retry, proofs, last-synced roles and Events. */
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

export type AccountMemory = ReturnType<typeof createAccountMemory>;

type Failure = StepFailure & {
  /** Target of the step, if it has one. */
  readonly target?: string;
};

/** Error codes of denials that may end once the namespace is labelled as a target. */
const denials: ReadonlySet<IdentityErrorCode> = new Set(['KubernetesDenied', 'KubernetesFenced']);

/** @param account the account as this process first sees it; later reconciles ignore the proofs in its status */
export function createAccountMemory(
  now: () => Monotonic,
  random: () => number,
  account?: LinkedServiceAccount,
) {
  const failures = new Map<string, Failure>();
  const proofs = account ? carriedProofs(account, now()) : new Map<string, ProofRecord>();
  const lastSynced = new Map<string, LastSyncedRole>();
  let current: number | undefined;
  const record = (step: Step, outcome: 'applied' | 'failed'): void => {
    for (const [slot, proof] of proofsAfter(step, outcome, proofs, now())) proofs.set(slot, proof);
  };
  return {
    failures: failures as ReadonlyMap<string, StepFailure>,
    proofs: proofs as ReadonlyMap<string, ProofRecord>,
    lastSynced: lastSynced as ReadonlyMap<string, LastSyncedRole>,
    /** Events about applied steps, recorded together when the account is in sync. */
    pendingEvents: [] as StepEvent[],
    /** Drift that an Event has reported and that still exists. */
    reportedDrift: undefined as string | undefined,

    /** Clears the failures when the spec has changed, since steps that failed before may succeed now. */
    startGeneration(generation: number): void {
      if (current !== undefined && current !== generation) failures.clear();
      current = generation;
    },

    /**
     * Clears the proofs by web identity while STS accepts no token of the cluster. The identities are proven again once
     * STS accepts tokens.
     */
    forgetTokenProofs(): void {
      for (const slot of proofs.keys()) if (isTokenProof(slot)) proofs.set(slot, { key: '', at: now() });
    },

    /** Stores the roles of an account that is in sync. */
    synced(roles: readonly LastSyncedRole[]): void {
      for (const role of roles) lastSynced.set(role.spec.name, role);
    },

    /** Clears the denials in a namespace that was labelled as a target, since the steps may be admitted now. */
    targetOpened(target: string): void {
      for (const [key, failure] of failures)
        if (denials.has(failure.code) && failure.target === target) failures.delete(key);
    },

    /** @param found for a read: whether it found its object; ignored for other steps */
    applied(step: Step, found: boolean): void {
      for (const key of settledFailures(step, found)) failures.delete(key);
      record(step, 'applied');
    },

    failed(step: Step, error: IdentityError): StepFailure {
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
