/** State and owner of the Pod Identity association of a target's ServiceAccount. */
import { isAssociationUnread } from './trusted-targets.ts';
import { wantedMode, ownerOf } from '../desired/role.ts';
import { ownershipOf } from '../desired/ownership.ts';
import { stepKey } from '../steps/index.ts';
import type { Step } from '../steps/step.ts';
import type { AccountWorld, ClusterFacts, ObservedAssociation } from '../state/world.ts';

export type AssociationStanding =
  /**
   * No association exists. `settled` is false if this process deleted the association and the deletion may not have
   * taken effect yet.
   */
  | { readonly kind: 'none'; readonly settled: boolean }
  | { readonly kind: 'ours'; readonly association: ObservedAssociation }
  /**
   * The association was created for a deleted account with the same name on this cluster. The new account may take it
   * over.
   */
  | { readonly kind: 'earlier'; readonly association: ObservedAssociation }
  | { readonly kind: 'foreign'; readonly association: ObservedAssociation }
  /** The association has to be read before anything is planned. `why` is the reason for the read. */
  | { readonly kind: 'unread'; readonly why: string };

/** @param known whether the association was already confirmed to belong to the account. If so, it is not read again. */
export function associationStanding(
  world: AccountWorld,
  facts: ClusterFacts,
  target: string,
  known: (association: ObservedAssociation) => boolean,
): AssociationStanding {
  const cached = world.associations.get(target);
  const row = world.account.status?.targets?.find((entry) => entry.name === target);
  if (cached?.source === 'unknown')
    return { kind: 'unread', why: 'a write to the association got no response' };
  const had = row?.identityMode === 'PodIdentity' && row.linked;
  if (cached?.association) {
    const { association } = cached;
    if (association.details) {
      const ownership = ownershipOf(association.details, ownerOf(world.account, facts));
      return { kind: ownership === 'otherIssuer' ? 'foreign' : ownership, association };
    }
    if (known(association)) return { kind: 'ours', association };
    return {
      kind: 'unread',
      why: 'the listing of associations does not show the ownership tags of the association',
    };
  }
  const create: Step = { kind: 'CreateAssociation', target, roleArn: '', tags: {} };
  if (cached?.source !== 'read' && world.failures.get(stepKey(create))?.code === 'AssociationExists')
    return { kind: 'unread', why: 'the ServiceAccount already has an association' };
  if (had && cached === undefined)
    return { kind: 'unread', why: 'the status of the account reports the association' };
  if (had && cached?.source === 'list')
    return { kind: 'unread', why: 'a listing did not show the association' };
  if (wantedMode(world.account, facts) !== 'PodIdentity' && isAssociationUnread(world, target))
    return { kind: 'unread', why: 'the trust policy admits pods of the target' };
  return { kind: 'none', settled: cached?.source !== 'write' };
}
