/** Steps that prove an identity and the reads that they need, and the records of proofs and confirmations after a step. */
import { roleNameOf } from '../desired/arn.ts';
import type { ProofRecord } from '../state/world.ts';
import type { Monotonic } from '../../k8s/time.ts';
import type { StepRow } from './row.ts';
import type { Step, StepOf } from './step.ts';

export const proofSteps: {
  readonly ProveIdentity: StepRow<StepOf<'ProveIdentity'>>;
  readonly ReadNode: StepRow<StepOf<'ReadNode'>>;
} = {
  ReadNode: { detail: ({ node }) => node },
  ProveIdentity: { detail: ({ proofKey }) => proofKey },
};

/** Kinds of records of a target. During a mode switch, a target has several. */
export type ProofKind = 'webIdentity' | 'podIdentity' | 'confirmation';

/** Key of a record in `AccountWorld.proofs`. */
export function proofSlot(target: string, kind: ProofKind): string {
  return kind === 'webIdentity' ? target : `${target} ${kind}`;
}

/** Whether the slot belongs to a proof by web identity. */
export function isTokenProof(slot: string): boolean {
  return !slot.includes(' ');
}

/** Key of the record of the step's outcome. */
export function proofSlotOf(step: StepOf<'ProveIdentity' | 'ConfirmAssociation'>): string {
  if (step.kind === 'ConfirmAssociation') return proofSlot(step.target, 'confirmation');
  return proofSlot(step.target, step.pod ? 'podIdentity' : 'webIdentity');
}

/**
 * Records that change with a step. A failed proof or confirmation replaces an older one, even one from the status. A write of the
 * trust policy invalidates proofs by web identity, whatever its outcome, and even if it writes the document that was proven: a
 * document that was changed and restored has to propagate to STS again. An update of the association invalidates a proof by a pod,
 * because another setting of the association may have changed the credentials of the pod.
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
