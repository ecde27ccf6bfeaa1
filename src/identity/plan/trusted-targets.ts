/**
 * Trust that each target needs for its ServiceAccount: by web identity, by Pod Identity, or by both during a switch.
 * Identities of running pods stay trusted until the pods have ended; otherwise a switch would cut them off.
 */
import type { IdentityMode } from '../../api/index.ts';
import { accountRoleIndex } from '../desired/account-roles.ts';
import { roleNameOf } from '../desired/arn.ts';
import { wasAdmitted } from './draining.ts';
import { isOwned, ownershipOf, carriesOurRole } from '../desired/ownership.ts';
import { ownerOf, type TargetsByMode, wantedMode } from '../desired/role.ts';
import { stepKey } from '../steps/index.ts';
import type { Step } from '../steps/step.ts';
import type { TargetDecision } from './target-decisions.ts';
import { admitsPodIdentity } from '../desired/trust.ts';
import type { AccountWorld, ClusterFacts, CachedRole, TargetObservation } from '../state/world.ts';

/** A target and its mode as one string, so that these pairs can be distributed over roles. See shards.ts. */
export function trustKey(mode: IdentityMode, target: string): string {
  return `${mode} ${target}`;
}

export function targetsByMode(words: readonly string[]): TargetsByMode {
  const of = (mode: IdentityMode): string[] =>
    words.flatMap((word) => (word.startsWith(`${mode} `) ? [word.slice(mode.length + 1)] : []));
  return { IRSA: of('IRSA'), PodIdentity: of('PodIdentity') };
}

export function trustedTargets(
  world: AccountWorld,
  facts: ClusterFacts,
  decisions: readonly TargetDecision[],
): readonly string[] {
  const wanted = wantedMode(world.account, facts);
  return decisions
    .filter((decision) => decision.admitted)
    .flatMap(({ observation, draining }) => {
      const { name } = observation;
      // A draining target keeps the principals that its pods use, and gets no others.
      if (draining)
        return [
          ...(holdsWebIdentity(world, facts, observation) && wasAdmitted(world, facts, 'IRSA', name)
            ? [trustKey('IRSA', name)]
            : []),
          ...(mayHaveAssociation(world, facts, name) && wasAdmitted(world, facts, 'PodIdentity', name)
            ? [trustKey('PodIdentity', name)]
            : []),
        ];
      const foreign = hasForeignAssociation(world, facts, name);
      return [
        ...((wanted === 'IRSA' && !foreign) || holdsWebIdentity(world, facts, observation)
          ? [trustKey('IRSA', name)]
          : []),
        ...((wanted === 'PodIdentity' && !foreign) || mayHaveAssociation(world, facts, name)
          ? [trustKey('PodIdentity', name)]
          : []),
      ];
    });
}

/** Whether pods of the target hold, or new pods would get, one of the account's roles by web identity. */
export function holdsWebIdentity(
  { account }: AccountWorld,
  facts: ClusterFacts,
  { serviceAccount, held }: TargetObservation,
): boolean {
  return (
    (serviceAccount !== undefined && carriesOurRole(serviceAccount)) ||
    held.roleArns.some((arn) => accountRoleIndex(account, facts, roleNameOf(arn)) !== undefined)
  );
}

/**
 * Whether pods of the target get a role of another owner. An association that names the account's role serves its pods even without
 * our tags, for example while it is handed back, so that its pods stay trusted.
 */
function hasForeignAssociation(world: AccountWorld, facts: ClusterFacts, target: string): boolean {
  const details = world.associations.get(target)?.association?.details;
  if (details === undefined || isOwned(ownershipOf(details, ownerOf(world.account, facts)))) return false;
  return accountRoleIndex(world.account, facts, roleNameOf(details.roleArn)) === undefined;
}

/** Whether an association of ours exists, or may exist. */
function mayHaveAssociation(world: AccountWorld, facts: ClusterFacts, target: string): boolean {
  const cached = world.associations.get(target);
  const details = cached?.association?.details;
  if (details) return isOwned(ownershipOf(details, ownerOf(world.account, facts)));
  // An association whose creation got no response, or that is known only from a listing, may serve pods that start now. The
  // principal of these pods remains in the trust policy until the association has been read.
  const isUnread = cached?.source === 'unknown' || (cached?.association ?? null) !== null;
  if (isUnread && isAdmitted(world, target)) return true;
  if (isAssociationUnread(world, target)) return true;
  const row = world.account.status?.targets?.find((entry) => entry.name === target);
  const was = row?.identityMode === 'PodIdentity';
  return was && (cached === undefined || cached.association !== null || cached.source === 'list');
}

/**
 * Whether a role admits pods of the target by Pod Identity and the association of this target has not been read. A process that
 * ended before it wrote the status may have created the association, and a listing may be older than its creation.
 */
export function isAssociationUnread(world: AccountWorld, target: string): boolean {
  const cached = world.associations.get(target);
  const hasAnswer = cached !== undefined && (cached.association !== null || cached.source !== 'list');
  // Without an EKS cluster, no association was ever created.
  const reading: Step = { kind: 'ReadAssociation', target, why: '' };
  const isElsewhere = world.failures.get(stepKey(reading))?.code === 'ClusterUnknown';
  return !hasAnswer && !isElsewhere && isAdmitted(world, target);
}

function isAdmitted(world: AccountWorld, target: string): boolean {
  return [...world.roles.values()].some(
    ({ role }: CachedRole) => role !== null && admitsPodIdentity(role.trustPolicy, target),
  );
}
