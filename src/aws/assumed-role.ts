/** Identity of the role in the answer to a token exchange. */
import { IdentityError } from '../identity/index.ts';

/**
 * A role that was recreated under the same name has the same ARN and another id. STS may still know the previous role
 * for a while, whose credentials prove nothing about the new one.
 *
 * @param assumedRoleId the role's id, a colon and the session name
 * @param roleId undefined if any role of this name is accepted
 * @throws IdentityError `NotInEffect`
 */
export function assertAssumedRole(
  assumedRoleId: string | undefined,
  roleId: string | undefined,
  roleArn: string,
): void {
  const [assumed = ''] = (assumedRoleId ?? '').split(':');
  if (roleId === undefined || assumed === roleId) return;
  throw new IdentityError(
    'NotInEffect',
    `the exchange gave credentials of another role of this name (${assumed}), not of ${roleArn} (${roleId})`,
  );
}
