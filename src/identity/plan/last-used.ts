/** Last use of an account in its status. */
import type { LinkedServiceAccountStatus } from '../../api/index.ts';
import { commonUse } from '../state/role-use.ts';
import type { AccountWorld } from '../state/world.ts';
import { ownedRoles } from './owned-roles.ts';

/**
 * Adds the last use of the account's roles to the status. The last use is omitted while the status names a role that is not known
 * to belong to the account, or while the use of any of the roles is unknown. It is never copied from an earlier status, which may
 * be outdated or forged.
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
