/**
 * Steps that serve one target, and the target's status row.
 *
 * | desired     | association     | role of new pods  | steps                                                              |
 * |-------------|-----------------|-------------------|--------------------------------------------------------------------|
 * | any         | foreign         | association's     | none; the association is reported                                  |
 * | IRSA        | none            | annotation's      | annotate, prove                                                    |
 * | IRSA        | ours            | association's     | annotate, prove, then delete the association, then confirm         |
 * | PodIdentity | none            | annotation's      | associate                                                          |
 * | PodIdentity | ours            | association's     | confirm, prove with a pod, and drop the annotation when no pod needs it |
 *
 * A target that switches its identity mode keeps its old link, which its row still reports, until the new link is known to work.
 * Targets switch one after the other: a target starts its switch when the pods of the previous target are current. A target that
 * is blocked, for example by a foreign association, does not delay other targets.
 */
import { associationStanding, type AssociationStanding } from './associations.ts';
import { wantedMode, ownerOf } from '../desired/role.ts';
import type { IdentityErrorCode } from '../state/errors.ts';
import { ownershipOf, ownershipTags } from '../desired/ownership.ts';
import { planByAnnotation } from './target-by-annotation.ts';
import { planByAssociation } from './target-by-association.ts';
import { knownByAssociation } from './proofs.ts';
import type { TargetRow } from './status.ts';
import { assignedRole, type SwitchSlot, type TargetContext } from './target-context.ts';
import { initialRow, rowFromStatus } from './target-rows.ts';
import type { Step } from '../steps/step.ts';
import { problemOr } from './step-list.ts';
import type { TargetDecision } from './target-decisions.ts';
import { admitsSubject, principalsOf } from '../desired/trust-principals.ts';
import { subjectOf } from '../desired/trust.ts';
import type {
  AccountWorld,
  ClusterFacts,
  ObservedAssociation,
  TargetObservation,
  Problem,
} from '../state/world.ts';

/**
 * Slot that lets one target at a time switch its identity mode. Its holder is the first target that is switching and still
 * has pods with the old identity. The holder is derived from the identities of pods, so it survives a restart of the
 * operator. A target whose pods cannot be replaced keeps the slot.
 */
export function currentSwitchSlot(
  world: AccountWorld,
  facts: ClusterFacts,
  decisions: readonly TargetDecision[],
): SwitchSlot {
  const holder = decisions.find(
    ({ admitted, observation }) => admitted && holdsSwitchSlot(world, facts, observation),
  )?.observation.name;
  return { holder };
}

function holdsSwitchSlot(
  world: AccountWorld,
  facts: ClusterFacts,
  { name, held }: TargetObservation,
): boolean {
  const { account, associations, failures } = world;
  const cached = associations.get(name);
  const fails = (kind: Step['kind'], code?: IdentityErrorCode): boolean =>
    [...failures].some(
      ([key, failure]) =>
        `${key} `.startsWith(`${kind} ${name} `) && (code === undefined || failure.code === code),
    );
  if (cached?.source === 'write' && !fails('ConfirmAssociation')) return true;
  const association = cached?.association;
  if (wantedMode(account, facts) === 'IRSA') {
    // After a write of unknown outcome, the association may be deleted already. Only a read shows whether it exists.
    const isKnown = association?.details !== undefined && cached?.source !== 'unknown';
    return isKnown ? fails('DeleteAssociation', 'RolloutBlocked') : held.podIdentity > 0;
  }
  const isOurs =
    association != null &&
    (!association.details || ownershipOf(association.details, ownerOf(account, facts)) === 'ours');
  return isOurs && (held.replacedByRole ?? 0) > 0;
}

/** Plans a target that the account wants and that has no problem. */
export function planWanted(context: TargetContext, observation: TargetObservation): TargetRow {
  const planned = planServing(context, observation);
  const cutOff = cutOffPods(context, observation);
  return cutOff ? { ...planned, cutOff } : planned;
}

function planServing(context: TargetContext, observation: TargetObservation): TargetRow {
  const { world, facts, list } = context;
  const { name } = observation;
  const mode = wantedMode(world.account, facts);
  const standing = standingOf(context, observation);
  switch (standing.kind) {
    case 'unread': {
      const failure = list.addStep({ kind: 'ReadAssociation', target: name, why: standing.why });
      return {
        ...rowFromStatus(world, observation),
        pending: problemOr(failure, 'Confirming', 'the association is being read'),
      };
    }
    case 'earlier': {
      const tags = ownershipTags(ownerOf(world.account, facts));
      const { association } = standing;
      const failure = list.addStep({ kind: 'TagAssociation', target: name, association, tags });
      const adopting = 'the association of an earlier account of this name is being re-adopted';
      return { ...initialRow(observation), ...problemOr(failure, 'Associating', adopting) };
    }
    case 'foreign':
      return { ...initialRow(observation), ...foreignAssociation(world, facts, standing.association) };
    case 'none':
    case 'ours':
      return mode === 'IRSA'
        ? planByAnnotation(context, observation, standing)
        : planByAssociation(context, observation, standing);
  }
}

/** Problem of running pods that can no longer exchange their identity for credentials; undefined if no such pod is known. */
function cutOffPods(
  { world, facts, roles }: TargetContext,
  { name, held }: TargetObservation,
): Problem | undefined {
  const cached = world.associations.get(name);
  if (held.podIdentity > 0 && cached?.association === null && cached.source !== 'unknown') {
    const left = held.notReplaced ?? [];
    const remedy =
      left.length > 0
        ? `Replace these pods: ${left.map(({ pod, workload }) => `${pod}${workload === undefined ? '' : ` (${workload})`}`).join(', ')}`
        : 'The workloads of these pods are being rolled out';
    return {
      reason: 'ExchangeUnavailable',
      message: `pods in ${name} hold an EKS Pod Identity (${held.podIdentity}) whose association was deleted: they keep their current credentials and get no new credentials. ${remedy}`,
    };
  }
  const subject = subjectOf(name, world.account.metadata.name);
  const closed = roles.find(
    ({ assessment: { role } }) =>
      role &&
      held.roleArns.includes(role.arn) &&
      !admitsSubject(principalsOf(role.trustPolicy), facts.providerArn, subject),
  );
  if (!closed) return undefined;
  return {
    reason: 'ExchangeUnavailable',
    message: `pods in ${name} hold ${closed.assessment.arn}, whose trust policy does not admit them: they keep their current credentials and get no new credentials`,
  };
}

function standingOf(context: TargetContext, observation: TargetObservation): AssociationStanding {
  const { world, facts } = context;
  const { name, serviceAccount } = observation;
  const assigned = assignedRole(context, 'PodIdentity', name);
  const known = (association: ObservedAssociation): boolean => {
    // A switch back to IRSA deletes the association. Before the deletion, the association has to be read.
    if (wantedMode(world.account, facts) !== 'PodIdentity' || !assigned || !serviceAccount) return false;
    return knownByAssociation(world, name, assigned.role, serviceAccount, association).confirmed;
  };
  return associationStanding(world, facts, name, known);
}

function foreignAssociation(
  world: AccountWorld,
  facts: ClusterFacts,
  { id, arn, namespace, details }: ObservedAssociation,
): Problem {
  const { name } = world.account.metadata;
  // The tags in the command omit the account's uid. The operator then treats the association as one of an earlier
  // account of this name and re-adopts it.
  const tags = Object.entries(ownershipTags({ ...ownerOf(world.account, facts), uid: '' }))
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `${key}=${value}`);
  const role = details ? ` with ${details.roleArn}` : '';
  return {
    reason: 'ForeignAssociation',
    message: `the ServiceAccount ${namespace}/${name} has an association of another owner${role} (${id}), so its pods do not get this account's role; the association stays unchanged. To hand the association over while pods keep their access: aws eks tag-resource --resource-arn ${arn} --tags ${tags.join(',')}`,
  };
}
