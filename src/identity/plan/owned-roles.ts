/** Existing roles that belong to an account. */
import { roleOwnership } from '../desired/account-roles.ts';
import { isOwned } from '../desired/ownership.ts';
import type { AccountWorld, CachedRole, ClusterFacts, ObservedRole } from '../state/world.ts';

export type OwnedRole = { readonly cached: CachedRole; readonly role: ObservedRole };

/** Existing roles whose ownership tags name the account. */
export function ownedRoles(world: AccountWorld, facts: ClusterFacts): readonly OwnedRole[] {
  return [...world.roles.values()].flatMap((cached) =>
    cached.role && isOwned(roleOwnership(cached.role, world.account, facts))
      ? [{ cached, role: cached.role }]
      : [],
  );
}
