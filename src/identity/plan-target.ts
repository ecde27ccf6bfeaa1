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
import { associationStanding, type AssociationStanding } from './associations.ts';
import { wantedMode } from './claims.ts';
import { ownershipTags } from './ownership.ts';
import { planByAnnotation } from './plan-by-annotation.ts';
import { planByAssociation } from './plan-by-association.ts';
import type { Problem } from './problem.ts';
import { isConfirmed, proofKey, standingProof } from './proofs.ts';
import { ownerOf } from './roles.ts';
import type { TargetRow } from './status.ts';
import { homeOf, type TargetContext, type Turn } from './target-context.ts';
import { asBefore, told, row } from './target-rows.ts';
import type { TargetDecision } from './targets.ts';
import type { AccountWorld, ClusterFacts, ObservedAssociation, TargetObservation } from './world.ts';

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
  const home = homeOf(context, 'PodIdentity', name);
  const known = (association: ObservedAssociation): boolean => {
    // On the way back it is deleted, which needs to have been read.
    if (wantedMode(world.account, facts) !== 'PodIdentity' || !home || !serviceAccount) return false;
    const { role } = home;
    const key = proofKey(role, serviceAccount, association);
    const isProven = standingProof(world, name, role, serviceAccount, association) !== undefined;
    return isProven || isConfirmed(world, name, key);
  };
  return associationStanding(world, facts, name, known);
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
