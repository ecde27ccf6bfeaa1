/** Last use of an account's roles, for the account's status. */
import type { LinkedServiceAccountStatus } from '../../api/index.ts';
import { commonUse } from '../state/role-use.ts';
import type { AccountWorld } from '../state/world.ts';
import { ownedRoles } from './owned-roles.ts';

/**
 * Adds the last use of the account's roles to the status. The last use is omitted if the status names a role that is
 * not known to belong to the account. It is also omitted if the use of one of the roles is unknown. The last use in the
 * earlier status is never copied, because it may be outdated or forged.
 */
export function withLastUsed(
  world: AccountWorld,
  { lastUsed: _, ...status }: LinkedServiceAccountStatus,
): LinkedServiceAccountStatus {
  if (!world.cluster.ok) return status;
  const roles = ownedRoles(world, world.cluster.facts).map(({ role }) => role);
  const known = new Set(roles.map(({ arn }) => arn));
  const named = [status.roleArn, ...(status.targets ?? []).map(({ roleArn }) => roleArn)];
  if (named.some((arn) => arn !== undefined && !known.has(arn))) return status;
  const lastUsed = commonUse(roles);
  return lastUsed ? { ...status, lastUsed } : status;
}
