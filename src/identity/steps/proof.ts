/** Steps that prove an identity, and the records of proofs and confirmations after a step. */
import { roleNameOf } from '../desired/arn.ts';
import type { ProofRecord } from '../state/world.ts';
import type { Monotonic } from '../../k8s/time.ts';
import type { StepRow } from './row.ts';
import type { Step, StepOf } from './step.ts';

export const proofSteps: { readonly ProveIdentity: StepRow<StepOf<'ProveIdentity'>> } = {
  ProveIdentity: { detail: ({ proofKey }) => proofKey },
};

/** Kinds of records of a target: while it switches its mode, it has several. */
export type ProofKind = 'webIdentity' | 'podIdentity' | 'confirmation';

/** Key of a record in `AccountWorld.proofs`. */
export function proofSlot(target: string, kind: ProofKind): string {
  return kind === 'webIdentity' ? target : `${target} ${kind}`;
}

/** Whether the slot is of a proof by web identity. */
export function isTokenProof(slot: string): boolean {
  return !slot.includes(' ');
}

/** Key of the record of the step's outcome. */
export function proofSlotOf(step: StepOf<'ProveIdentity' | 'ConfirmAssociation'>): string {
  if (step.kind === 'ConfirmAssociation') return proofSlot(step.target, 'confirmation');
  return proofSlot(step.target, step.pod ? 'podIdentity' : 'webIdentity');
}

/**
 * Records that change with a step. A proof or confirmation that failed replaces an older one, also one that the status reports.
 * Proofs by web identity end when the trust policy is written, whatever the outcome of the write, and even if it is the document that
 * they were given under: a document that was changed and changed back has to reach STS again.
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
    default:
      return [];
  }
}
