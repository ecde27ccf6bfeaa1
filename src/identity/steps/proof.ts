/** Steps that prove an identity, the reads that a proof needs, and the records of proofs and confirmations. */
import { roleNameOf } from '../desired/arn.ts';
import type { ProofRecord } from '../state/world.ts';
import type { Monotonic } from '../../k8s/time.ts';
import type { StepRow, Step, StepOf } from './step.ts';

export const proofSteps: {
  readonly ProveIdentity: StepRow<StepOf<'ProveIdentity'>>;
  readonly ReadNode: StepRow<StepOf<'ReadNode'>>;
} = {
  ReadNode: { detail: ({ node }) => node },
  ProveIdentity: { detail: ({ proofKey }) => proofKey },
};

/** Kinds of proof records. A target can have one record of each kind, for example during a switch of its mode. */
export type ProofKind = 'webIdentity' | 'podIdentity' | 'confirmation';

/** Key of a target's record in `AccountWorld.proofs`. */
export function proofSlot(target: string, kind: ProofKind): string {
  return kind === 'webIdentity' ? target : `${target} ${kind}`;
}

/** Whether the slot is the key of a proof by web identity. */
export function isTokenProof(slot: string): boolean {
  return !slot.includes(' ');
}

/** Key of the record that stores the outcome of the step. */
export function proofSlotOf(step: StepOf<'ProveIdentity' | 'ConfirmAssociation'>): string {
  if (step.kind === 'ConfirmAssociation') return proofSlot(step.target, 'confirmation');
  return proofSlot(step.target, step.pod ? 'podIdentity' : 'webIdentity');
}

/**
 * Proof records that change with a step. A failed proof or confirmation replaces an older success, even one from the
 * status. A write of the trust policy invalidates proofs by web identity, whatever the outcome of the write. A write
 * that restores a document that was proven before also invalidates them, because the restored document has to propagate
 * to STS again. An update of the association invalidates a proof by a pod, because the update may have changed the
 * credentials of the pod.
 */
export function proofsAfter(
  step: Step,
  outcome: 'applied' | 'failed',
  proofs: ReadonlyMap<string, ProofRecord>,
  at: Monotonic,
): readonly (readonly [slot: string, record: ProofRecord])[] {
  switch (step.kind) {
    case 'ProveIdentity':
    case 'ConfirmAssociation': {
      const given =
        outcome === 'applied' ? { key: step.proofKey, at, roleArn: step.roleArn } : { key: '', at };
      return [[proofSlotOf(step), given]];
    }
    case 'UpdateTrustPolicy':
      return [...proofs].flatMap(([slot, { roleArn }]) =>
        isTokenProof(slot) && roleArn !== undefined && roleNameOf(roleArn) === step.role
          ? [[slot, { key: '', at }] as const]
          : [],
      );
    case 'UpdateAssociation':
      return [[proofSlot(step.target, 'podIdentity'), { key: '', at }]];
    default:
      return [];
  }
}
