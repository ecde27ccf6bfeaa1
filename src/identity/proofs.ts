/**
 * Whether an identity was proven: a token of the target's ServiceAccount was exchanged for credentials of the role.
 * A proof holds for exactly one role (by IAM's unique id), one trust policy and one ServiceAccount (by uid); when one of
 * them changes, it has to be given again. It is repeated at a slow pace besides.
 */
import { digest } from './digest.ts';
import { propagationMs } from './retry.ts';
import type { StepList } from './step-list.ts';
import type { IdentityErrorCode } from './errors.ts';
import type { IdentityReason } from './reasons.ts';
import type { AccountWorld, ObservedRole, ObservedServiceAccount, RoleBelief } from './world.ts';

/** How long a proof is good for while nothing changes, in milliseconds. */
export const proofLifetimeMs = 10 * 60_000;

export function proofKey(role: ObservedRole, serviceAccount: ObservedServiceAccount): string {
  return digest([role.id, role.arn, role.trustPolicy, serviceAccount.uid], 16);
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
): string | undefined {
  const key = proofKey(role, serviceAccount);
  const record = world.proofs.get(target);
  const row = world.account.status?.targets?.find((entry) => entry.name === target);
  // What the status says is as good as our memory, which a restart of the operator has emptied.
  const stands = record ? record.key === key : row?.proven === true && row.proofKey === key;
  return stands ? key : undefined;
}

/** Decides whether the target is proven, and asks for a proof where one is due. */
export function decideProof(
  world: AccountWorld,
  list: StepList,
  target: string,
  role: ObservedRole,
  belief: RoleBelief,
  serviceAccount: ObservedServiceAccount,
): ProofState {
  const key = proofKey(role, serviceAccount);
  const step = { kind: 'ProveIdentity', target, roleArn: role.arn, proofKey: key } as const;
  if (standingProof(world, target, role, serviceAccount)) {
    const due = (world.proofs.get(target)?.at ?? world.now) + proofLifetimeMs;
    if (due <= world.now) list.want(step);
    else list.lookAt(due);
    return { proven: true, key };
  }
  const failure = list.want(step);
  if (!failure)
    return { proven: false, reason: 'Proving', message: `the identity of ${target} is about to be proven` };
  // What somebody else wrote is not ours to wait for.
  const sinceOurs = belief.source === 'write' ? world.now - (belief.trustWrittenAt ?? -Infinity) : Infinity;
  if (failure.code === 'AssumeRoleDenied' && sinceOurs < propagationMs) {
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
): boolean {
  const key = proofKey(role, serviceAccount);
  if (world.proofs.get(target)?.key === key) return false;
  return list.want({ kind: 'ProveIdentity', target, roleArn: role.arn, proofKey: key }) === undefined;
}
