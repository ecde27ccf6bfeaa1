/**
 * Principals that trust policies have to admit for each target: its ServiceAccount by web identity, by Pod Identity, or by both
 * during a switch of the mode. Identities of running pods stay trusted until the pods have ended; otherwise a switch would cut
 * these pods off.
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

/** Identity mode and target as one string. `assignTargets` distributes these strings over the roles. */
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
      const held = {
        IRSA: holdsWebIdentity(world, facts, observation),
        PodIdentity: mayHaveAssociation(world, facts, name),
      };
      // A draining target keeps only the principals that its running pods use.
      const isTrusted = (mode: IdentityMode): boolean =>
        draining
          ? held[mode] && wasAdmitted(world, facts, mode, name)
          : held[mode] || (wanted === mode && !hasForeignAssociation(world, facts, name));
      return (['IRSA', 'PodIdentity'] as const).filter(isTrusted).map((mode) => trustKey(mode, name));
    });
}

/** Whether running pods of the target hold one of the account's roles by web identity, or new pods would get one. */
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
 * Whether a foreign association gives the target's pods another owner's role. An association without the operator's
 * tags does not count if its role is the account's, for example while the association is handed back to another owner.
 * The pods of such an association stay trusted.
 */
function hasForeignAssociation(world: AccountWorld, facts: ClusterFacts, target: string): boolean {
  const details = world.associations.get(target)?.association?.details;
  if (details === undefined || isOwned(ownershipOf(details, ownerOf(world.account, facts)))) return false;
  return accountRoleIndex(world.account, facts, roleNameOf(details.roleArn)) === undefined;
}

/** Whether the target has, or may have, an association that the account owns. */
function mayHaveAssociation(world: AccountWorld, facts: ClusterFacts, target: string): boolean {
  const cached = world.associations.get(target);
  const details = cached?.association?.details;
  if (details) return isOwned(ownershipOf(details, ownerOf(world.account, facts)));
  // If the creation of the association got no response, or if only a listing shows the association, pods that start now
  // may get credentials by it. The principal of these pods remains in the trust policy until the association has been
  // read.
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
  // If EKS does not know the cluster, the cluster has no associations to read.
  const reading: Step = { kind: 'ReadAssociation', target, why: '' };
  const isElsewhere = world.failures.get(stepKey(reading))?.code === 'ClusterUnknown';
  return !hasAnswer && !isElsewhere && isAdmitted(world, target);
}

function isAdmitted(world: AccountWorld, target: string): boolean {
  return [...world.roles.values()].some(
    ({ role }: CachedRole) => role !== null && admitsPodIdentity(role.trustPolicy, target),
  );
}
