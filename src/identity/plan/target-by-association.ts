/** Plan for a target with Pod Identity: its pods get their role by an association. */
import type { AssociationStanding } from './associations.ts';
import { carriesOurRole, issuerTag, ownershipTags } from '../desired/ownership.ts';
import { rowByAnnotation } from './target-by-annotation.ts';
import { decideProof, isRenewalDue, knownByAssociation, requeueAtRenewal } from './proofs.ts';
import { alteredSettings } from '../steps/association.ts';
import { stepKey } from '../steps/index.ts';
import type { Step } from '../steps/step.ts';
import { propagationMs } from '../steps/retry.ts';
import { ownerOf } from '../desired/role.ts';
import type { RoleAssessment } from './role.ts';
import { tagValue } from '../desired/tags.ts';
import type { TargetRow } from './status.ts';
import {
  type AssignedRole,
  type TargetContext,
  assessmentOf,
  assignedRole,
  confirmationStep,
  isNamed,
  sinceOurWrite,
} from './target-context.ts';
import { initialRow, switching, waitsForRole, waitsForSwitch, writingTrust } from './target-rows.ts';
import { problemOf, problemOr, type StepList } from './step-list.ts';
import type {
  ClusterFacts,
  ObservedAssociation,
  ObservedServiceAccount,
  TargetObservation,
  UnservedPod,
  Problem,
} from '../state/world.ts';

export function planByAssociation(
  context: TargetContext,
  observation: TargetObservation,
  standing: Extract<AssociationStanding, { kind: 'none' | 'ours' }>,
): TargetRow {
  const { list } = context;
  const { name, serviceAccount } = observation;
  const assessment = assessmentOf(context, 'PodIdentity', name);
  const assigned = assignedRole(context, 'PodIdentity', name);
  if (!serviceAccount && assigned) {
    const failure = list.addStep({ kind: 'CreateServiceAccount', target: name });
    if (failure) return { ...initialRow(observation), ...problemOf(failure) };
  }
  if (standing.kind === 'none') return associate(context, observation, assessment, assigned);

  const { association } = standing;
  const carried = {
    ...initialRow(observation),
    identityMode: 'PodIdentity' as const,
    roleArn: assessment?.arn ?? '',
  };
  if (!assigned || !serviceAccount) {
    const creating: Problem = { reason: 'Linking', message: 'the ServiceAccount is being created' };
    return { ...carried, ...(assessment?.problem ?? creating) };
  }
  const { details } = association;
  if (details && tagValue(details.tags, issuerTag) === undefined) addIssuerTag(context, association);
  const altered = alteredSettings(association);
  if (details && (details.roleArn !== assigned.role.arn || altered.length > 0)) {
    // An association that another owner handed over keeps its earlier role until the assigned role admits the target's pods.
    if (!isNamed(assigned, name)) return { ...carried, ...(assigned.assessment.problem ?? writingTrust) };
    return { ...carried, ...correct(context, association, assigned.role.arn, altered) };
  }
  const unconfirmed = confirm(context, observation, association, assigned, serviceAccount);
  if (unconfirmed) return { ...carried, linked: true, ...unconfirmed };
  const proof = proofByPod(context, observation, association, assigned, serviceAccount);
  dropAnnotation(context, observation, serviceAccount, proof);
  return { ...carried, linked: true, ...proof };
}

/**
 * Corrects an association that others have changed. If an update cannot remove a setting, the association is deleted and created
 * again. In between, pods keep their current credentials and get no new credentials.
 */
function correct(
  { world, list }: TargetContext,
  association: ObservedAssociation,
  roleArn: string,
  altered: readonly string[],
): Problem {
  const { namespace: target } = association;
  const what = altered.length === 0 ? 'another role' : altered.join(' and ');
  const doing = `the association was changed outside Konstellation to ${what}, and is being`;
  const update: Step = { kind: 'UpdateAssociation', target, association, roleArn };
  const refused = world.failures.get(stepKey(update));
  if (altered.length === 0 || !refused || !irremovable.has(refused.code))
    return problemOr(list.addStep(update), 'Associating', `${doing} corrected`);
  const why = `an update of the association cannot remove ${altered.join(' and ')}`;
  const failure = list.addStep({ kind: 'DeleteAssociation', target, association, why });
  return problemOr(failure, 'Associating', `${doing} replaced, because ${why}`);
}

/** Errors that an update cannot overcome: EKS rejected the update, or the update left a setting unchanged. */
const irremovable: ReadonlySet<Problem['reason']> = new Set(['NotInEffect', 'InvalidInput']);

/** Adds the issuer tag, which earlier versions did not write. The tag does not affect pods. */
function addIssuerTag({ world, facts, list }: TargetContext, association: ObservedAssociation): void {
  const tags = ownershipTags(ownerOf(world.account, facts));
  list.addStep({ kind: 'TagAssociation', target: association.namespace, association, tags });
}

function associate(
  context: TargetContext,
  observation: TargetObservation,
  assessment: RoleAssessment | undefined,
  assigned: AssignedRole | undefined,
): TargetRow {
  const { world, facts, list, slot } = context;
  const { name, serviceAccount, held } = observation;
  const waits = (problem: Problem): TargetRow => {
    const served = rowByAnnotation(context, observation);
    return served
      ? { ...served, pending: switching(problem, 'PodIdentity') }
      : { ...initialRow(observation), roleArn: assessment?.arn ?? '', ...problem };
  };
  if (!assigned) return waits(assessment?.problem ?? waitsForRole);
  if (!isNamed(assigned, name)) return waits(assigned.assessment.problem ?? writingTrust);

  const switches = serviceAccount?.roleArn !== undefined || held.roleArns.length > 0;
  // Running pods that use Pod Identity get no credentials until this association exists.
  const restores = held.podIdentity > 0;
  if (switches && !restores) {
    if (slot.holder !== undefined && slot.holder !== name) return waits(waitsForSwitch(slot.holder));
    if (world.rolloutBlocker) return waits(world.rolloutBlocker);
  }
  const failure = list.addStep({
    kind: 'CreateAssociation',
    target: name,
    roleArn: assigned.role.arn,
    tags: ownershipTags(ownerOf(world.account, facts)),
  });
  if (switches && (!failure || failure.retryAt <= world.now)) slot.holder = name;
  if (failure?.code === 'RoleNotAccepted' && sinceOurWrite(world, assigned) < propagationMs) {
    return waits({
      reason: 'WaitingForPropagation',
      message: `IAM accepted the change of ${assigned.role.name}, but the change has not reached EKS yet (${failure.attempts} tries)`,
    });
  }
  const associating = `the ServiceAccount ${name}/${world.account.metadata.name} is being associated`;
  return waits(problemOr(failure, 'Associating', associating));
}

type Unconfirmed = { readonly proven: false; readonly confirmed: false } & Problem;

/** Adds the step that confirms that new pods get the identity. Returns undefined once the identity is confirmed. */
function confirm(
  { world, list }: TargetContext,
  { name }: TargetObservation,
  association: ObservedAssociation,
  assigned: AssignedRole,
  serviceAccount: ObservedServiceAccount,
): Unconfirmed | undefined {
  const { role } = assigned;
  const { key, proven, confirmed } = knownByAssociation(world, name, role, serviceAccount, association);
  // Our own recent write is read back even if an earlier confirmation exists.
  const isWritten = world.associations.get(name)?.source === 'write';
  const isKnown = !isWritten && confirmed;
  // A confirmation from the status, accepted at the start of this process, remains valid until the association is read back.
  if (isKnown && !proven) requeueAtRenewal(world, list, name, 'confirmation');
  if (isKnown && (proven || !isRenewalDue(world, name, 'confirmation'))) return undefined;
  const failure = isNamed(assigned, name)
    ? list.addStep(confirmationStep(name, 'PodIdentity', assigned, key, association))
    : undefined;
  if (isKnown) return undefined;
  const problem = problemOr(failure, 'Confirming', 'confirming that new pods get the identity');
  return { proven: false, confirmed: false, ...problem };
}

type PodProofPart = { readonly confirmed: boolean; readonly proofKey: string } & (
  | { readonly proven: true }
  | ({ readonly proven: false } & Problem)
);

function proofByPod(
  { world, facts, list }: TargetContext,
  { name, held }: TargetObservation,
  association: ObservedAssociation,
  { role, cachedRole }: AssignedRole,
  serviceAccount: ObservedServiceAccount,
): PodProofPart {
  const known = knownByAssociation(world, name, role, serviceAccount, association);
  const proven = { proven: true, confirmed: true, proofKey: known.key } as const;
  const unproven = (problem: Problem, confirmed: boolean): PodProofPart => ({
    proven: false,
    confirmed,
    proofKey: known.key,
    ...problem,
  });
  const pod = held.exchangePod;
  const unread = readNodes(list, name, held.unreadNodes ?? []);
  const [unserved] = held.withoutAgent ?? [];
  if (unserved) return unproven(agentMissing(name, unserved, facts), false);
  if (unread) return unproven(unread, true);
  if (!pod) {
    // A proof from the status stays valid until its renewal, for which the account is requeued.
    requeueAtRenewal(world, list, name, 'podIdentity');
    const message = `the operator has confirmed the association and the trust policy of ${name}; the first pod that runs will prove the identity`;
    return known.proven ? proven : unproven({ reason: 'AwaitingFirstPod', message }, true);
  }
  const proof = decideProof(world, list, name, role, cachedRole, serviceAccount, { association, pod });
  if (proof.proven) return proven;
  const { reason, message } = proof;
  return unproven({ reason, message }, !disproving.has(reason));
}

/** Errors of the token exchange that disprove the earlier confirmation of the association. */
const disproving: ReadonlySet<Problem['reason']> = new Set([
  'AssumeRoleDenied',
  'WaitingForPropagation',
  'AssociationNotFound',
  'NotInEffect',
  'TokenRejected',
]);

/** Reads nodes. Returns the problem of the first node that could not be read. */
function readNodes(list: StepList, target: string, nodes: readonly string[]): Problem | undefined {
  const [failure] = nodes.flatMap((node) => list.addStep({ kind: 'ReadNode', target, node }) ?? []);
  return failure && problemOf(failure);
}

/**
 * Problem of a pod whose node has no Pod Identity agent. A token exchange by the operator would not detect this
 * problem, because the exchange bypasses the agent.
 */
function agentMissing(
  target: string,
  { pod, workload, node, computeType }: UnservedPod,
  { name: cluster }: ClusterFacts,
): Problem {
  const which = `the pod ${target}/${pod}${workload === undefined ? '' : ` of ${workload}`}`;
  const change = 'set identityMode: IRSA for the account';
  if (computeType === 'fargate' || node === undefined)
    return {
      reason: 'AgentMissing',
      message: `${which} runs on AWS Fargate, which has no Pod Identity agent, and gets no credentials. Move the pod to nodes with the agent, or ${change}`,
    };
  const remedy =
    computeType === 'hybrid'
      ? 'Add the agent for hybrid nodes: https://docs.aws.amazon.com/eks/latest/userguide/hybrid-nodes-add-ons.html'
      : `Add the agent: aws eks create-addon --cluster-name ${cluster} --addon-name eks-pod-identity-agent; or find out why the agent is not ready: kubectl get pods -n kube-system --field-selector spec.nodeName=${node}`;
  return {
    reason: 'AgentMissing',
    message: `${which} gets no credentials, because no Pod Identity agent is ready on its ${computeType === 'hybrid' ? 'hybrid node' : 'node'} ${node}. ${remedy}; or ${change}`,
  };
}

/**
 * Removes the IRSA annotation of the ServiceAccount once no pod holds the annotated role and the association is known to work.
 * Until then, a switch back to IRSA does not have to write the annotation.
 */
function dropAnnotation(
  { list, roles }: TargetContext,
  { name, held }: TargetObservation,
  serviceAccount: ObservedServiceAccount,
  proof: PodProofPart,
): void {
  if (!carriesOurRole(serviceAccount)) return;
  const ours = new Set(roles.map(({ assessment }) => assessment.arn));
  const needed = held.roleArns.some((arn) => ours.has(arn) || arn === serviceAccount.roleArn);
  if (!needed && (proof.proven || (proof.confirmed && !held.exchangePod)))
    list.addStep({ kind: 'LinkServiceAccount', target: name, serviceAccount });
}
