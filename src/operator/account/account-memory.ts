/**
 * State that the operator keeps of one account between reconciles: failed steps that wait for a retry, proofs of
 * identity, last-synced roles and pending Events.
 */
import type { LinkedServiceAccount } from '../../api/index.ts';
import {
  proofsFromStatus,
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
  /** Target namespace of the step, if the step has a target. */
  readonly target?: string;
};

/** Codes of API server denials that may end once the namespace gets the target label. */
const denials: ReadonlySet<IdentityErrorCode> = new Set(['KubernetesDenied', 'KubernetesFenced']);

/**
 * @param account the account as this process first observes it. Later reconciles ignore the proofs in the account's
 * status
 */
export function createAccountMemory(
  now: () => Monotonic,
  random: () => number,
  account?: LinkedServiceAccount,
) {
  const failures = new Map<string, Failure>();
  const proofs = account ? proofsFromStatus(account, now()) : new Map<string, ProofRecord>();
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
     * Discards the web identity proofs while STS accepts no token of the cluster. The identities are proven again once
     * STS accepts tokens.
     */
    forgetTokenProofs(): void {
      for (const slot of proofs.keys()) if (isTokenProof(slot)) proofs.set(slot, { key: '', at: now() });
    },

    /** Stores the last-synced specs of the account's roles. Called when the account is in sync. */
    synced(roles: readonly LastSyncedRole[]): void {
      for (const role of roles) lastSynced.set(role.spec.name, role);
    },

    /**
     * Clears the failures of denied steps in a namespace that got the target label, since the API server may admit
     * these steps now.
     */
    targetOpened(target: string): void {
      for (const [key, failure] of failures)
        if (denials.has(failure.code) && failure.target === target) failures.delete(key);
    },

    /** @param found whether a read step found its object; ignored for all other steps */
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
