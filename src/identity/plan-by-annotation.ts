/** A target whose pods get their role by the annotation of their ServiceAccount. */
import type { AssociationStanding } from './associations.ts';
import { decideLink } from './links.ts';
import type { Problem } from './problem.ts';
import { decideProof, standingProof } from './proofs.ts';
import type { TargetRow } from './status.ts';
import { assessmentOf, homeOf, type Home, type TargetContext } from './target-context.ts';
import { afterOthers, row, rowByAssociation, switching, told } from './target-rows.ts';
import { sameDocument } from './trust.ts';
import type { ObservedServiceAccount, TargetObservation } from './world.ts';

export function planByAnnotation(
  context: TargetContext,
  observation: TargetObservation,
  standing: Extract<AssociationStanding, { kind: 'none' | 'ours' }>,
): TargetRow {
  const { world, list, turn } = context;
  const { name, serviceAccount } = observation;
  const account = world.account.metadata.name;
  const old = standing.kind === 'ours' ? standing.association : undefined;
  /** While the target is served by its association, that is what its row tells of. */
  const waits = (problem: Problem, otherwise: TargetRow): TargetRow =>
    old ? { ...rowByAssociation(context, observation, old), pending: switching(problem, 'IRSA') } : otherwise;

  const assessment = assessmentOf(context, 'IRSA', name);
  const home = homeOf(context, 'IRSA', name);
  const carried = { ...row(observation), roleArn: assessment?.arn ?? '' };
  if (!home) {
    const linked = serviceAccount?.roleArn !== undefined && serviceAccount.roleArn === assessment?.arn;
    const problem = assessment?.problem ?? { reason: 'CreatingRole', message: 'waits for the role' };
    return waits(problem, { ...carried, linked, ...problem });
  }
  const link = decideLink(account, observation, home.role.arn);
  if (link.state === 'blocked') return waits(link.problem, { ...carried, ...link.problem });
  if (link.state === 'pending') {
    const failure = list.want(link.step);
    const problem = told(failure, 'Linking', `the ServiceAccount ${name}/${account} is being linked`);
    return waits(problem, { ...carried, ...problem });
  }
  if (!serviceAccount) throw new Error(`the target ${name} is linked without a ServiceAccount`);
  const proof = proofByToken(context, observation, home, serviceAccount);
  if (!old) {
    const inForce =
      standing.kind === 'none' && !standing.settled ? confirmGone(context, name, home) : undefined;
    return { ...carried, linked: true, ...(inForce ?? proof) };
  }
  if (!proof.proven) {
    const problem = { reason: proof.reason, message: proof.message };
    return waits(problem, { ...carried, linked: true, ...proof });
  }
  if (turn.holder !== undefined && turn.holder !== name) return waits(afterOthers(turn.holder), carried);
  const failure = list.want({
    kind: 'DeleteAssociation',
    target: name,
    association: old,
    why: 'pods get their role by the annotation from now on',
    successor: { roleArn: home.role.arn, serviceAccount },
  });
  if (!failure) turn.holder = name;
  return waits(told(failure, 'SwitchingMode', 'the association is being removed'), carried);
}

type ProofPart =
  | { readonly proven: true; readonly proofKey: string }
  | ({ readonly proven: false } & Problem);

function proofByToken(
  { world, facts, list }: TargetContext,
  { name }: TargetObservation,
  { assessment, role, belief }: Home,
  serviceAccount: ObservedServiceAccount,
): ProofPart {
  // An older proof says nothing here: STS refuses every token of the cluster.
  if (facts.providerProblem) return { proven: false, ...facts.providerProblem };
  const trusted = sameDocument(role.trustPolicy, assessment.spec.trustPolicy);
  // While the trust policy is about to change, a new proof would tell of the old one.
  if (!trusted && assessment.drift.length === 0) {
    const key = standingProof(world, name, role, serviceAccount);
    if (key !== undefined) return { proven: true, proofKey: key };
    return {
      proven: false,
      ...(assessment.problem ?? { reason: 'UpdatingRole', message: 'the trust policy is being written' }),
    };
  }
  const proof = decideProof(world, list, name, role, belief, serviceAccount);
  return proof.proven ? { proven: true, proofKey: proof.key } : proof;
}

/** EKS and its webhook may go on for a while as if the association were still there. Undefined once they do not. */
function confirmGone(
  { list }: TargetContext,
  target: string,
  { assessment, role }: Home,
): ProofPart | undefined {
  const failure = list.want({
    kind: 'ConfirmAssociation',
    target,
    mode: 'IRSA',
    role: role.name,
    roleArn: role.arn,
    trustPolicy: assessment.spec.trustPolicy,
    proofKey: '',
  });
  const problem = told(failure, 'Confirming', 'it is being looked up whether pods get the annotation’s role');
  return { proven: false, ...problem };
}

/** The row of a target that its annotation serves; undefined when none does. */
export function rowByAnnotation(
  context: TargetContext,
  observation: TargetObservation,
): TargetRow | undefined {
  const { serviceAccount } = observation;
  const home = homeOf(context, 'IRSA', observation.name);
  if (!serviceAccount || !home || serviceAccount.roleArn !== home.role.arn) return undefined;
  const proof = proofByToken(context, observation, home, serviceAccount);
  return { ...row(observation), roleArn: home.role.arn, linked: true, ...proof };
}
