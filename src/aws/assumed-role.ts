/** Check of the role in the response to a token exchange. */
import { IdentityError } from '../identity/index.ts';

/**
 * Checks which role was assumed. A role that was recreated under the same name has the same ARN but another id. STS may
 * still issue credentials of the previous role for a while, which prove nothing about the new one.
 *
 * @param assumedRoleId the role's id, a colon and the session name
 * @param roleId the expected id; undefined accepts any role of this name
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
