/**
 * Proofs of identities. A proof is the exchange of a token of the target's ServiceAccount for credentials of the role. A proof is
 * valid for exactly one role (by IAM's unique id), one trust policy, one ServiceAccount (by uid) and, with Pod Identity, one
 * association. When one of these changes, the proof has to be repeated. Valid proofs are repeated periodically, too.
 *
 * Proofs in the status can be forged through the status subresource. A process accepts them only at its start, so that a restart
 * changes nothing, and repeats every proof within `renewUntilMs`. After that, the process accepts only its own proofs.
 *
 * With Pod Identity, a proof needs a running pod, because EKS Auth accepts only tokens that are bound to a pod. Without
 * a pod, a confirmation replaces the proof: IAM shows the trust policy, EKS shows the association, and the webhook
 * injects the identity into a dry-run pod. The confirmation allows apps to start. The first pod of an app then makes
 * the proof possible.
 */
import type { IdentityMode, LinkedServiceAccount, TargetStatus } from '../../api/index.ts';
import { defined } from '../../k8s/defined.ts';
import { proofSlot, proofSlotOf, type ProofKind } from '../steps/proof.ts';
import { digest, fractionOf } from '../desired/digest.ts';
import { propagationMs } from '../steps/retry.ts';
import { problemOf, type StepList } from './step-list.ts';
import type { Step } from '../steps/step.ts';
import { trustForNamespace } from '../desired/trust.ts';
import type {
  AccountWorld,
  HeldIdentities,
  ObservedAssociation,
  ObservedRole,
  ObservedServiceAccount,
  Problem,
  ProofRecord,
  CachedRole,
} from '../state/world.ts';

/**
 * Shortest validity of a proof, as a share of `proofIntervalMs`. The validity differs from target to target, between this share
 * and the whole interval. Proofs that were made at the same time are therefore repeated at different times.
 */
const shortestShare = 0.75;

/**
 * Start and end of the period in which a process repeats the proofs that it accepted from the status, in milliseconds
 * since the start of the process. The repeated proofs are spread over the period to avoid a burst of calls.
 */
export const renewFromMs = 60_000;
export const renewUntilMs = 10 * 60_000;

export function proofKey(
  role: ObservedRole,
  serviceAccount: ObservedServiceAccount,
  association?: ObservedAssociation,
): string {
  const trust = association ? trustForNamespace(role.trustPolicy, association.namespace) : role.trustPolicy;
  const ofAssociation = association ? [association.id] : [];
  return digest([role.id, role.arn, trust, serviceAccount.uid, ...ofAssociation], 16);
}

/** Proofs and confirmations from the status of an account, for a process that starts at `since`. */
export function proofsFromStatus(account: LinkedServiceAccount, since: number): Map<string, ProofRecord> {
  const carried = new Map<string, ProofRecord>();
  for (const target of account.status?.targets ?? []) {
    const { name, identityMode, proven, confirmed, proofKey: key, roleArn } = target;
    if (key === undefined) continue;
    const record: ProofRecord = {
      key,
      at: since,
      renewAt:
        since + renewFromMs + fractionOf([account.metadata.uid ?? '', name]) * (renewUntilMs - renewFromMs),
      ...defined({ roleArn }),
    };
    if (proven) carried.set(proofSlot(name, kindOf(identityMode)), record);
    if (confirmed) carried.set(proofSlot(name, 'confirmation'), record);
  }
  return carried;
}

function kindOf(mode: IdentityMode | undefined): ProofKind {
  return mode === 'PodIdentity' ? 'podIdentity' : 'webIdentity';
}

export type ProofState =
  | { readonly proven: true; readonly proofKey: string }
  | ({ readonly proven: false } & Problem);

/** Key of the target's proof for the current state of the role; undefined if no such proof is valid. */
export function validProof(
  world: AccountWorld,
  target: string,
  role: ObservedRole,
  serviceAccount: ObservedServiceAccount,
  association?: ObservedAssociation,
): string | undefined {
  const key = proofKey(role, serviceAccount, association);
  const of = association ? 'podIdentity' : 'webIdentity';
  const { renewAt = Infinity } = world.proofs.get(proofSlot(target, of)) ?? {};
  return hasProofRecord(world, target, key, of) && renewAt > world.now ? key : undefined;
}

function hasProofRecord(world: AccountWorld, target: string, key: string, of: ProofKind): boolean {
  return world.proofs.get(proofSlot(target, of))?.key === key;
}

/**
 * Key of the identity that the target's pods get by the association, and what is known of this identity: whether it is
 * proven, and whether it is at least confirmed.
 */
export function knownByAssociation(
  world: AccountWorld,
  target: string,
  role: ObservedRole,
  serviceAccount: ObservedServiceAccount,
  association: ObservedAssociation,
): { readonly key: string; readonly proven: boolean; readonly confirmed: boolean } {
  const key = proofKey(role, serviceAccount, association);
  const proven = validProof(world, target, role, serviceAccount, association) !== undefined;
  return { key, proven, confirmed: proven || hasProofRecord(world, target, key, 'confirmation') };
}

/** Requeues the account for the time when a proof or confirmation from the status has to be renewed. */
export function requeueAtRenewal(world: AccountWorld, list: StepList, target: string, kind: ProofKind): void {
  const renewAt = world.proofs.get(proofSlot(target, kind))?.renewAt;
  if (renewAt !== undefined && renewAt > world.now) list.requeueAtLatest(renewAt);
}

/** Whether a proof or confirmation from the status is due for renewal. */
export function isRenewalDue(world: AccountWorld, target: string, kind: ProofKind): boolean {
  const { renewAt = Infinity } = world.proofs.get(proofSlot(target, kind)) ?? {};
  return renewAt <= world.now;
}

/**
 * Returns the boolean proof fields of a status row. A field is `true` only if this process has the proof or
 * confirmation with the row's key.
 */
export function knownOf(
  world: AccountWorld,
  { name, identityMode, proven, confirmed, proofKey: key }: TargetStatus,
): { readonly proven: boolean; readonly confirmed?: boolean } {
  const has = (kind: ProofKind): boolean => key !== undefined && hasProofRecord(world, name, key, kind);
  return {
    proven: proven && has(kindOf(identityMode)),
    ...defined({ confirmed: confirmed && has('confirmation') }),
  };
}

export type PodProof = {
  readonly association: ObservedAssociation;
  readonly pod: NonNullable<HeldIdentities['exchangePod']>;
};

/** Decides whether the target is proven, and requests a proof if one is due. */
export function decideProof(
  world: AccountWorld,
  list: StepList,
  target: string,
  role: ObservedRole,
  cached: CachedRole,
  serviceAccount: ObservedServiceAccount,
  by?: PodProof,
): ProofState {
  const key = proofKey(role, serviceAccount, by?.association);
  const step = proofStep(target, role, key, by);
  if (hasProofRecord(world, target, key, by ? 'podIdentity' : 'webIdentity')) {
    const { renewAt, at = world.now } = world.proofs.get(proofSlotOf(step)) ?? {};
    const due = renewAt ?? at + lifetimeMs(world, target);
    if (due <= world.now) list.addStep(step);
    else list.requeueAtLatest(due);
    return { proven: true, proofKey: key };
  }
  const failure = list.addStep(step);
  if (!failure)
    return { proven: false, reason: 'Proving', message: `the identity of ${target} is about to be proven` };
  // IAM's propagation delay can cause the error only if this process has just written the trust policy.
  const sinceOurs = cached.source === 'write' ? world.now - (cached.trustWrittenAt ?? -Infinity) : Infinity;
  const mayPass = failure.code === 'AssumeRoleDenied' || (failure.code === 'NotInEffect' && !by);
  if (mayPass && sinceOurs < propagationMs) {
    const message = `IAM accepted the change of ${role.name}, but the change has not reached STS everywhere yet (${failure.attempts} tries)`;
    return { proven: false, reason: 'WaitingForPropagation', message };
  }
  return { proven: false, ...problemOf(failure) };
}

/** Time between a proof of the target and its repetition, in milliseconds. */
function lifetimeMs({ cluster, account }: AccountWorld, target: string): number {
  if (!cluster.ok) return Infinity;
  const share = fractionOf(['validity', account.metadata.uid ?? '', target]);
  return cluster.facts.proofIntervalMs * (shortestShare + share * (1 - shortestShare));
}

/** Requests the proof for the current state of the role. Returns whether the result of the proof is still missing. */
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
  return list.addStep(step) === undefined;
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
