/**
 * What it takes to serve one target, and what its row says.
 *
 * | wanted      | association     | pods made now get | what is done                                                       |
 * |-------------|-----------------|-------------------|--------------------------------------------------------------------|
 * | any         | foreign         | its role          | nothing: reported                                                  |
 * | IRSA        | none            | the annotation's  | annotate, prove                                                    |
 * | IRSA        | ours            | ours by agent     | annotate, prove, then delete the association, then confirm         |
 * | PodIdentity | none            | the annotation's  | associate                                                          |
 * | PodIdentity | ours            | ours by agent     | confirm, prove with a pod; once no pod needs it, drop the annotation |
 *
 * A target that goes over from one mode to the other is served in the old way, and its row says so, until the new way is
 * known to work. One after the other goes over, but one that cannot does not hold up the rest.
 */
import type { IdentityMode, TargetStatus } from '../api/index.ts';
import { associationStanding, type AssociationStanding } from './associations.ts';
import { carriesOurRole, wantedMode, type Claims } from './claims.ts';
import { decideLink } from './links.ts';
import { ownershipTags } from './ownership.ts';
import type { Problem } from './problem.ts';
import { decideProof, isConfirmed, proofKey, standingProof } from './proofs.ts';
import { propagationMs } from './retry.ts';
import { ownerOf, type RoleAssessment } from './roles.ts';
import type { TargetRow } from './status.ts';
import type { StepList } from './step-list.ts';
import type { TargetDecision } from './targets.ts';
import { sameDocument, trustSeenBy } from './trust.ts';
import type {
  AccountWorld,
  ClusterFacts,
  ObservedAssociation,
  ObservedRole,
  ObservedServiceAccount,
  RoleBelief,
  StepFailure,
  TargetObservation,
} from './world.ts';

export type ServingRole = { readonly claims: Claims; readonly assessment: RoleAssessment };

/** Who goes over from one mode to the other now: one target at a time. */
export type Turn = { holder: string | undefined };

export type TargetContext = {
  readonly world: AccountWorld;
  readonly facts: ClusterFacts;
  readonly list: StepList;
  readonly roles: readonly ServingRole[];
  readonly turn: Turn;
};

/** The turn as it stands: with a target whose association was just written and has not been read back. */
export function currentTurn(
  { associations, failures }: AccountWorld,
  decisions: readonly TargetDecision[],
): Turn {
  const isStuck = (target: string): boolean =>
    [...failures.keys()].some((key) => key.startsWith(`ConfirmAssociation ${target} `));
  const holder = decisions.find(
    ({ admitted, observation: { name } }) =>
      admitted && associations.get(name)?.source === 'write' && !isStuck(name),
  )?.observation.name;
  return { holder };
}

type Home = { readonly assessment: RoleAssessment; readonly role: ObservedRole; readonly belief: RoleBelief };

/** Plans for a target that is wanted and admitted. */
export function planWanted(context: TargetContext, observation: TargetObservation): TargetRow {
  const { world, facts, list } = context;
  const { name } = observation;
  const mode = wantedMode(world.account, facts);
  const standing = standingOf(context, observation);
  switch (standing.kind) {
    case 'unread': {
      const failure = list.want({ kind: 'ReadAssociation', target: name, why: standing.why });
      return {
        ...asBefore(world, observation),
        pending: told(failure, 'Confirming', 'the association is being looked up'),
      };
    }
    case 'earlier': {
      const tags = ownershipTags(ownerOf(world.account, facts));
      const failure = list.want({
        kind: 'TagAssociation',
        target: name,
        association: standing.association,
        tags,
      });
      const problem = told(
        failure,
        'Associating',
        'an association of an earlier account of this name is taken up again',
      );
      return { ...row(observation), ...problem };
    }
    case 'foreign':
      return { ...row(observation), ...foreignAssociation(world, facts, standing.association) };
    case 'none':
    case 'ours':
      return mode === 'IRSA'
        ? planByAnnotation(context, observation, standing)
        : planByAssociation(context, observation, standing);
  }
}

function standingOf(context: TargetContext, observation: TargetObservation): AssociationStanding {
  const { world, facts } = context;
  const { name, serviceAccount } = observation;
  const before = statusRow(world, name);
  const home = homeOf(context, 'PodIdentity', name);
  const known = (association: ObservedAssociation): boolean =>
    (before?.confirmed === true || before?.proven === true) &&
    home !== undefined &&
    serviceAccount !== undefined &&
    before.proofKey === proofKey(home.role, serviceAccount, association);
  return associationStanding(world, facts, name, known);
}

// By annotation

function planByAnnotation(
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
  { world, list }: TargetContext,
  { name }: TargetObservation,
  { assessment, role, belief }: Home,
  serviceAccount: ObservedServiceAccount,
): ProofPart {
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

// By association

function planByAssociation(
  context: TargetContext,
  observation: TargetObservation,
  standing: Extract<AssociationStanding, { kind: 'none' | 'ours' }>,
): TargetRow {
  const { list } = context;
  const { name, serviceAccount } = observation;
  const assessment = assessmentOf(context, 'PodIdentity', name);
  const home = homeOf(context, 'PodIdentity', name);
  if (!serviceAccount && home) {
    const failure = list.want({ kind: 'CreateServiceAccount', target: name });
    if (failure) return { ...row(observation), reason: failure.code, message: failure.message };
  }
  if (standing.kind === 'none') return associate(context, observation, assessment, home);

  const { association } = standing;
  const carried = {
    ...row(observation),
    identityMode: 'PodIdentity' as const,
    roleArn: assessment?.arn ?? '',
  };
  if (!home || !serviceAccount) {
    const problem = assessment?.problem ?? {
      reason: 'Linking' as const,
      message: 'the ServiceAccount is being made',
    };
    return { ...carried, ...problem };
  }
  const { details } = association;
  if (details && (details.roleArn !== home.role.arn || details.withoutSessionTags)) {
    const failure = list.want({
      kind: 'UpdateAssociation',
      target: name,
      association,
      roleArn: home.role.arn,
    });
    return { ...carried, ...told(failure, 'Associating', 'the association is being corrected') };
  }
  const confirmation = confirm(context, observation, association, home, serviceAccount);
  if (confirmation) return { ...carried, linked: true, ...confirmation };
  const proof = proofByPod(context, observation, association, home, serviceAccount);
  dropAnnotation(context, observation, serviceAccount, proof);
  return { ...carried, linked: true, ...proof };
}

function associate(
  context: TargetContext,
  observation: TargetObservation,
  assessment: RoleAssessment | undefined,
  home: Home | undefined,
): TargetRow {
  const { world, facts, list, turn } = context;
  const { name, serviceAccount, held } = observation;
  const waits = (problem: Problem): TargetRow => {
    const served = rowByAnnotation(context, observation);
    return served
      ? { ...served, pending: switching(problem, 'PodIdentity') }
      : { ...row(observation), roleArn: assessment?.arn ?? '', ...problem };
  };
  if (!home) return waits(assessment?.problem ?? { reason: 'CreatingRole', message: 'waits for the role' });
  if (!isNamed(home, name))
    return waits(
      home.assessment.problem ?? { reason: 'UpdatingRole', message: 'the trust policy is being written' },
    );

  const switches = serviceAccount?.roleArn !== undefined || held.roleArns.length > 0;
  if (switches && turn.holder !== undefined && turn.holder !== name) return waits(afterOthers(turn.holder));
  const failure = list.want({
    kind: 'CreateAssociation',
    target: name,
    roleArn: home.role.arn,
    tags: ownershipTags(ownerOf(world.account, facts)),
  });
  if (switches && !failure) turn.holder = name;
  if (failure?.code === 'RoleNotAccepted' && sinceOurWrite(world, home) < propagationMs) {
    return waits({
      reason: 'WaitingForPropagation',
      message: `IAM has taken the change of ${home.role.name}, but EKS does not know it yet (${failure.attempts} tries)`,
    });
  }
  return waits(
    told(
      failure,
      'Associating',
      `the ServiceAccount ${name}/${world.account.metadata.name} is being associated`,
    ),
  );
}

type Confirmation = { readonly proven: false; readonly confirmed: false } & Problem;

/** Undefined when pods made now are known to get the identity. */
function confirm(
  { world, list }: TargetContext,
  { name }: TargetObservation,
  association: ObservedAssociation,
  home: Home,
  serviceAccount: ObservedServiceAccount,
): Confirmation | undefined {
  const { assessment, role } = home;
  const key = proofKey(role, serviceAccount, association);
  const isProven = standingProof(world, name, role, serviceAccount, association) !== undefined;
  // What we have just written is read back, whatever was known of it before.
  const isWritten = world.associations.get(name)?.source === 'write';
  if (!isWritten && (isProven || isConfirmed(world, name, key))) return undefined;
  const failure = isNamed(home, name)
    ? list.want({
        kind: 'ConfirmAssociation',
        target: name,
        mode: 'PodIdentity',
        role: role.name,
        roleArn: role.arn,
        trustPolicy: assessment.spec.trustPolicy,
        association,
        proofKey: key,
      })
    : undefined;
  const problem = told(failure, 'Confirming', 'it is being read back whether pods get the identity');
  return { proven: false, confirmed: false, ...problem };
}

type PodProofPart =
  | { readonly proven: true; readonly confirmed: true; readonly proofKey: string }
  | ({ readonly proven: false; readonly confirmed: boolean; readonly proofKey: string } & Problem);

function proofByPod(
  { world, list }: TargetContext,
  { name, held }: TargetObservation,
  association: ObservedAssociation,
  { role, belief }: Home,
  serviceAccount: ObservedServiceAccount,
): PodProofPart {
  const key = proofKey(role, serviceAccount, association);
  const pod = held.exchangePod;
  if (!pod) {
    return standingProof(world, name, role, serviceAccount, association) === undefined
      ? { proven: false, confirmed: true, proofKey: key, ...awaitsPod(name) }
      : { proven: true, confirmed: true, proofKey: key };
  }
  const proof = decideProof(world, list, name, role, belief, serviceAccount, { association, pod });
  if (proof.proven) return { proven: true, confirmed: true, proofKey: key };
  const { reason, message } = proof;
  return { proven: false, confirmed: !disproving.has(reason), proofKey: key, reason, message };
}

/** What an exchange that ended so has shown is not confirmed any more, whatever was read back. */
const disproving: ReadonlySet<Problem['reason']> = new Set([
  'AssumeRoleDenied',
  'WaitingForPropagation',
  'AssociationNotFound',
  'NotInEffect',
  'TokenRejected',
]);

function awaitsPod(target: string): Problem {
  return {
    reason: 'AwaitingFirstPod',
    message: `association and trust policy of ${target} were read back; the first pod proves the identity`,
  };
}

/** The way back stays open until no pod goes it any more, and the new one is known to work. */
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
    list.want({ kind: 'LinkServiceAccount', target: name, serviceAccount });
}

// Rows

function row(observation: TargetObservation): TargetRow {
  return { name: observation.name, pods: observation.pods, wanted: true, linked: false, proven: false };
}

/** The row of a target that its annotation serves; undefined when none does. */
function rowByAnnotation(context: TargetContext, observation: TargetObservation): TargetRow | undefined {
  const { serviceAccount } = observation;
  const home = homeOf(context, 'IRSA', observation.name);
  if (!serviceAccount || !home || serviceAccount.roleArn !== home.role.arn) return undefined;
  const proof = proofByToken(context, observation, home, serviceAccount);
  return { ...row(observation), roleArn: home.role.arn, linked: true, ...proof };
}

/** The row of a target that its association serves, by what is known of it. */
function rowByAssociation(
  context: TargetContext,
  observation: TargetObservation,
  association: ObservedAssociation,
): TargetRow {
  const { world } = context;
  const { name, serviceAccount } = observation;
  const home = homeOf(context, 'PodIdentity', name);
  const base = { ...row(observation), identityMode: 'PodIdentity' as const, linked: true };
  const roleArn = home?.role.arn ?? association.details?.roleArn;
  const carried = roleArn === undefined ? base : { ...base, roleArn };
  if (!home || !serviceAccount) return carried;
  const key = proofKey(home.role, serviceAccount, association);
  const proven = standingProof(world, name, home.role, serviceAccount, association) !== undefined;
  return { ...carried, proven, confirmed: proven || isConfirmed(world, name, key), proofKey: key };
}

/** What the status says, while nothing better is known. */
function asBefore(world: AccountWorld, observation: TargetObservation): TargetRow {
  const before = statusRow(world, observation.name);
  if (!before) return row(observation);
  const { identityMode, roleArn, linked, proven, confirmed, proofKey: key } = before;
  return {
    ...row(observation),
    linked,
    proven,
    ...(identityMode === undefined ? {} : { identityMode }),
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(confirmed === undefined ? {} : { confirmed }),
    ...(key === undefined ? {} : { proofKey: key }),
  };
}

function statusRow(world: AccountWorld, target: string): TargetStatus | undefined {
  return world.account.status?.targets?.find((entry) => entry.name === target);
}

// Problems

function told(failure: StepFailure | undefined, reason: Problem['reason'], message: string): Problem {
  return failure ? { reason: failure.code, message: failure.message } : { reason, message };
}

/** What is merely under way is told as the switch that it is part of; what went wrong, in its own words. */
function switching({ reason, message }: Problem, to: IdentityMode): Problem {
  const underWay: ReadonlySet<string> = new Set([
    'Linking',
    'Proving',
    'UpdatingRole',
    'Associating',
    'CreatingRole',
  ]);
  return {
    reason: underWay.has(reason) ? 'SwitchingMode' : reason,
    message: `goes over to ${to}: ${message}`,
  };
}

function afterOthers(holder: string): Problem {
  return { reason: 'SwitchingMode', message: `${holder} goes first` };
}

function foreignAssociation(
  world: AccountWorld,
  facts: ClusterFacts,
  { id, namespace, details }: ObservedAssociation,
): Problem {
  const { name } = world.account.metadata;
  const role = details ? ` with ${details.roleArn}` : '';
  return {
    reason: 'ForeignAssociation',
    message: `ServiceAccount ${namespace}/${name} is associated${role} by someone else (${id}), so that its pods do not get this account's role; it is left alone. To hand it over: aws eks delete-pod-identity-association --cluster-name ${facts.name} --association-id ${id}`,
  };
}

// Roles

function assessmentOf(
  { roles }: TargetContext,
  mode: IdentityMode,
  target: string,
): RoleAssessment | undefined {
  return roles.find(({ claims }) => claims[mode].includes(target))?.assessment;
}

function homeOf(context: TargetContext, mode: IdentityMode, target: string): Home | undefined {
  const assessment = assessmentOf(context, mode, target);
  return assessment?.role && assessment.belief
    ? { assessment, role: assessment.role, belief: assessment.belief }
    : undefined;
}

/** Whether the role's trust policy lets pods of the target in through Pod Identity, as it should. */
function isNamed({ assessment, role }: Home, target: string): boolean {
  return trustSeenBy(role.trustPolicy, target) === trustSeenBy(assessment.spec.trustPolicy, target);
}

function sinceOurWrite(world: AccountWorld, { belief }: Home): number {
  return belief.source === 'write' ? world.now - (belief.trustWrittenAt ?? -Infinity) : Infinity;
}
