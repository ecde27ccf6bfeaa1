/**
 * Whether an identity was proven: a token of the target's ServiceAccount was exchanged for credentials of the role.
 * A proof holds for exactly one role (by IAM's unique id), one trust policy, one ServiceAccount (by uid) and, with Pod
 * Identity, one association; when one of them changes, it has to be given again. It is repeated at a slow pace besides.
 *
 * EKS Auth takes only tokens that are bound to a pod. Without a pod there is the confirmation: association, trust policy and
 * injection were read back. It opens the gate for apps, whose first pod then gives the proof.
 */
import { roleNameOf } from './arn.ts';
import { digest } from './digest.ts';
import { propagationMs } from './retry.ts';
import type { StepList } from './step-list.ts';
import type { Step } from './steps.ts';
import { trustSeenBy } from './trust.ts';
import type { IdentityErrorCode } from './errors.ts';
import type { IdentityReason } from './reasons.ts';
import type {
  AccountWorld,
  HeldIdentities,
  ObservedAssociation,
  ObservedRole,
  ObservedServiceAccount,
  ProofRecord,
  RoleBelief,
} from './world.ts';

/** How long a proof is good for while nothing changes, in milliseconds. */
export const proofLifetimeMs = 10 * 60_000;

export function proofKey(
  role: ObservedRole,
  serviceAccount: ObservedServiceAccount,
  association?: ObservedAssociation,
): string {
  return association
    ? digest(
        [
          role.id,
          role.arn,
          trustSeenBy(role.trustPolicy, association.namespace),
          serviceAccount.uid,
          association.id,
        ],
        16,
      )
    : digest([role.id, role.arn, role.trustPolicy, serviceAccount.uid], 16);
}

/** Under which name a proof or confirmation is remembered: a target that changes its mode has several. */
export function proofSlot(target: string, of: 'webIdentity' | 'podIdentity' | 'confirmation'): string {
  return of === 'webIdentity' ? target : `${target} ${of}`;
}

/** Where the outcome of the step belongs. */
export function proofSlotOf(
  step: Extract<Step, { readonly kind: 'ProveIdentity' | 'ConfirmAssociation' }>,
): string {
  if (step.kind === 'ConfirmAssociation') return proofSlot(step.target, 'confirmation');
  return proofSlot(step.target, step.pod ? 'podIdentity' : 'webIdentity');
}

/** What is remembered of a proof or confirmation that was given. */
export function proofRecord(
  step: Extract<Step, { readonly kind: 'ProveIdentity' | 'ConfirmAssociation' }>,
  at: number,
): ProofRecord {
  return { key: step.proofKey, at, roleArn: step.roleArn };
}

/**
 * Proofs by web identity that count no more when the role's trust policy is written. One which was given under the very same
 * document does not either: a document that was changed and changed back has to reach STS anew.
 */
export function outdatedProofs(proofs: ReadonlyMap<string, ProofRecord>, role: string): readonly string[] {
  return [...proofs].flatMap(([slot, { roleArn }]) =>
    !slot.includes(' ') && roleArn !== undefined && roleNameOf(roleArn) === role ? [slot] : [],
  );
}

export type ProofState =
  | { readonly proven: true; readonly key: string }
  | {
      readonly proven: false;
      readonly reason: IdentityReason | IdentityErrorCode;
      readonly message: string;
    };

/** The key of the proof that stands for the target under what the role says now. */
export function standingProof(
  world: AccountWorld,
  target: string,
  role: ObservedRole,
  serviceAccount: ObservedServiceAccount,
  association?: ObservedAssociation,
): string | undefined {
  const key = proofKey(role, serviceAccount, association);
  return stands(world, target, key, association ? 'podIdentity' : 'webIdentity') ? key : undefined;
}

function stands(
  world: AccountWorld,
  target: string,
  key: string,
  of: 'webIdentity' | 'podIdentity',
): boolean {
  const record = world.proofs.get(proofSlot(target, of));
  const row = world.account.status?.targets?.find((entry) => entry.name === target);
  // What the status says is as good as our memory, which a restart of the operator has emptied.
  return record ? record.key === key : row?.proven === true && row.proofKey === key;
}

/** Whether what is needed to make pods was read back, under what the role and the association say now. */
export function isConfirmed(world: AccountWorld, target: string, key: string): boolean {
  const record = world.proofs.get(proofSlot(target, 'confirmation'));
  const row = world.account.status?.targets?.find((entry) => entry.name === target);
  return record ? record.key === key : row?.confirmed === true && row.proofKey === key;
}

export type PodProof = {
  readonly association: ObservedAssociation;
  readonly pod: NonNullable<HeldIdentities['exchangePod']>;
};

/** Decides whether the target is proven, and asks for a proof where one is due. */
export function decideProof(
  world: AccountWorld,
  list: StepList,
  target: string,
  role: ObservedRole,
  belief: RoleBelief,
  serviceAccount: ObservedServiceAccount,
  by?: PodProof,
): ProofState {
  const key = proofKey(role, serviceAccount, by?.association);
  const step = proofStep(target, role, key, by);
  if (stands(world, target, key, by ? 'podIdentity' : 'webIdentity')) {
    const due = (world.proofs.get(proofSlotOf(step))?.at ?? world.proofsSince) + proofLifetimeMs;
    if (due <= world.now) list.want(step);
    else list.lookAt(due);
    return { proven: true, key };
  }
  const failure = list.want(step);
  if (!failure)
    return { proven: false, reason: 'Proving', message: `the identity of ${target} is about to be proven` };
  // What somebody else wrote is not ours to wait for.
  const sinceOurs = belief.source === 'write' ? world.now - (belief.trustWrittenAt ?? -Infinity) : Infinity;
  const mayPass = failure.code === 'AssumeRoleDenied' || (failure.code === 'NotInEffect' && !by);
  if (mayPass && sinceOurs < propagationMs) {
    return {
      proven: false,
      reason: 'WaitingForPropagation',
      message: `IAM has taken the change of ${role.name}, but STS does not know it everywhere yet (${failure.attempts} tries)`,
    };
  }
  return { proven: false, reason: failure.code, message: failure.message };
}

/** Whether a proof under what the role says now has neither been given nor failed. */
export function proofIsOpen(
  world: AccountWorld,
  list: StepList,
  target: string,
  role: ObservedRole,
  serviceAccount: ObservedServiceAccount,
  by?: PodProof,
): boolean {
  const key = proofKey(role, serviceAccount, by?.association);
  const step = proofStep(target, role, key, by);
  if (world.proofs.get(proofSlotOf(step))?.key === key) return false;
  return list.want(step) === undefined;
}

function proofStep(
  target: string,
  role: ObservedRole,
  key: string,
  by: PodProof | undefined,
): Extract<Step, { readonly kind: 'ProveIdentity' }> {
  return {
    kind: 'ProveIdentity',
    target,
    roleArn: role.arn,
    roleId: role.id,
    proofKey: key,
    ...(by ? { pod: by.pod } : {}),
  };
}
