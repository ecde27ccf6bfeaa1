/** Plan for a target with IRSA: its pods get their role by the annotation of their ServiceAccount. */
import { restartLabel } from '../../api/index.ts';
import type { AssociationStanding } from './associations.ts';
import { decideLink } from './links.ts';
import { decideProof, validProof, type ProofState } from './proofs.ts';
import type { TargetRow } from './status.ts';
import {
  type AssignedRole,
  type TargetContext,
  assessmentOf,
  assignedRole,
  confirmationStep,
} from './target-context.ts';
import {
  initialRow,
  rowByAssociation,
  switching,
  waitsForRole,
  waitsForSwitch,
  writingTrust,
} from './target-rows.ts';
import { problemOr } from './step-list.ts';
import { sameDocument } from '../desired/trust.ts';
import type { AccountWorld, ObservedServiceAccount, TargetObservation, Problem } from '../state/world.ts';

export function planByAnnotation(
  context: TargetContext,
  observation: TargetObservation,
  standing: Extract<AssociationStanding, { kind: 'none' | 'ours' }>,
): TargetRow {
  const { world, list, slot } = context;
  const { name, serviceAccount } = observation;
  const account = world.account.metadata.name;
  const old = standing.kind === 'ours' ? standing.association : undefined;
  /** Reports the association in the target's row while the association still serves the target. */
  const waits = (problem: Problem, otherwise: TargetRow): TargetRow =>
    old ? { ...rowByAssociation(context, observation, old), pending: switching(problem, 'IRSA') } : otherwise;

  const assessment = assessmentOf(context, 'IRSA', name);
  const assigned = assignedRole(context, 'IRSA', name);
  const carried = { ...initialRow(observation), roleArn: assessment?.arn ?? '' };
  if (!assigned) {
    const linked = serviceAccount?.roleArn !== undefined && serviceAccount.roleArn === assessment?.arn;
    const problem = assessment?.problem ?? waitsForRole;
    return waits(problem, { ...carried, linked, ...problem });
  }
  const link = decideLink(account, observation, assigned.role.arn);
  if (link.state === 'blocked') return waits(link.problem, { ...carried, ...link.problem });
  if (link.state === 'pending') {
    const failure = list.addStep(link.step);
    const problem = problemOr(failure, 'Linking', `the ServiceAccount ${name}/${account} is being linked`);
    return waits(problem, { ...carried, ...problem });
  }
  if (!serviceAccount) throw new Error(`the target ${name} is linked, but it has no ServiceAccount`);
  const proof = proofByToken(context, observation, assigned, serviceAccount);
  if (!old) {
    const inForce =
      standing.kind === 'none' && !standing.settled ? confirmGone(context, name, assigned) : undefined;
    return { ...carried, linked: true, ...(inForce ?? proof) };
  }
  if (!proof.proven) {
    const problem = { reason: proof.reason, message: proof.message };
    return waits(problem, { ...carried, linked: true, ...proof });
  }
  const stays = awaitsReplacement(observation);
  if (stays) return waits(stays, carried);
  if (slot.holder !== undefined && slot.holder !== name) return waits(waitsForSwitch(slot.holder), carried);
  const unsettled = awaitsRollouts(world, observation);
  if (unsettled) return waits(unsettled, carried);
  const failure = list.addStep({
    kind: 'DeleteAssociation',
    target: name,
    association: old,
    why: 'pods get their role by the annotation from now on',
    successor: { roleArn: assigned.role.arn, serviceAccount },
  });
  // The target takes the switch slot even if the step failed, if its retry is due: the retry may succeed, and another
  // target must not start its switch at the same time.
  if (!failure || failure.retryAt <= world.now || failure.code === 'RolloutBlocked') slot.holder = name;
  return waits(problemOr(failure, 'SwitchingMode', 'the association is being removed'), carried);
}

/** Whether ready pods use Pod Identity. Without the association, such pods would get no new credentials until they are replaced. */
function needsAssociation({ held }: TargetObservation): boolean {
  return (held.readyByPodIdentity ?? held.podIdentity) > 0;
}

/**
 * Reason to keep the association: some pods get their credentials through the association, and nothing would replace
 * them.
 */
function awaitsReplacement(observation: TargetObservation): Problem | undefined {
  const { name, held } = observation;
  const [first] = held.notReplaced ?? [];
  if (!first || !needsAssociation(observation)) return undefined;
  const { pod, workload } = first;
  const others = (held.notReplaced?.length ?? 1) - 1;
  const remedy = workload?.startsWith('app ')
    ? `See why the app does not run as its spec says: kon app status ${workload.slice('app '.length)}`
    : `Let the operator restart the pod's workload: kubectl label -n ${name} KIND/NAME ${restartLabel}=true; or delete the pod`;
  return {
    reason: 'AwaitingReplacement',
    message: `nothing would replace pod ${name}/${pod}${workload === undefined ? '' : ` (${workload})`}${others > 0 ? ` and ${others} more` : ''}. ${remedy}`,
  };
}

/**
 * Reason to keep the association for now: a workload of the account is being rolled out or is unhealthy. If no pod with
 * Pod Identity is ready, for example because the agent is missing, no pod can lose access, so the switch of the
 * identity mode does not wait.
 */
function awaitsRollouts(world: AccountWorld, observation: TargetObservation): Problem | undefined {
  if (!needsAssociation(observation)) return undefined;
  if (world.rolloutBlocker) return world.rolloutBlocker;
  return world.unsettledWorkload === undefined
    ? undefined
    : { reason: 'SwitchingMode', message: `waits for ${world.unsettledWorkload}` };
}

function proofByToken(
  { world, facts, list }: TargetContext,
  { name }: TargetObservation,
  { assessment, role, cachedRole }: AssignedRole,
  serviceAccount: ObservedServiceAccount,
): ProofState {
  // Without a usable OIDC provider, STS refuses every token of the cluster, so earlier proofs are no longer valid.
  if (facts.providerProblem) return { proven: false, ...facts.providerProblem };
  const trusted = sameDocument(role.trustPolicy, assessment.spec.trustPolicy);
  // Until the trust policy is written, a new proof would only show what the old trust policy allows.
  if (!trusted && assessment.drift.length === 0) {
    const proofKey = validProof(world, name, role, serviceAccount);
    return proofKey === undefined
      ? { proven: false, ...(assessment.problem ?? writingTrust) }
      : { proven: true, proofKey };
  }
  return decideProof(world, list, name, role, cachedRole, serviceAccount);
}

/**
 * Confirms that the deletion of the association has taken effect in EKS and in the pod identity webhook. Returns undefined once
 * it has taken effect.
 */
function confirmGone(
  { list }: TargetContext,
  target: string,
  assigned: AssignedRole,
): ProofState | undefined {
  const failure = list.addStep(confirmationStep(target, 'IRSA', assigned, ''));
  // Only `NotInEffect` keeps the target unproven. After any other failure of the step, the deletion counts as
  // confirmed, because the dry-run pod before each rollout still checks what the webhook injects into new pods.
  if (failure && failure.code !== 'NotInEffect') return undefined;
  const problem = problemOr(failure, 'Confirming', 'confirming that new pods get the role of the annotation');
  return { proven: false, ...problem };
}

/**
 * Row of a target whose pods get their role by the annotation of the ServiceAccount; undefined for any other target.
 */
export function rowByAnnotation(
  context: TargetContext,
  observation: TargetObservation,
): TargetRow | undefined {
  const { serviceAccount } = observation;
  const assigned = assignedRole(context, 'IRSA', observation.name);
  if (!serviceAccount || !assigned || serviceAccount.roleArn !== assigned.role.arn) return undefined;
  const proof = proofByToken(context, observation, assigned, serviceAccount);
  return { ...initialRow(observation), roleArn: assigned.role.arn, linked: true, ...proof };
}
