/** Last use of an account in its status. */
import type { LinkedServiceAccountStatus } from '../../api/index.ts';
import { commonUse } from '../state/role-use.ts';
import type { AccountWorld } from '../state/world.ts';
import { ownedRoles } from './owned-roles.ts';

/**
 * Status with the last use of the account's roles. It has none while a role that it names is not known as a role of the account, or
 * the use of one of its roles is unknown. An earlier status is never the source, since it may be outdated or forged.
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
