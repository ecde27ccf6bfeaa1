/** Checks which role a token exchange has assumed. */
import { IdentityError } from '../identity/index.ts';

/**
 * Checks the id of the assumed role. A role that was recreated under the same name has the same ARN but another id. For
 * a while, STS may still issue credentials of the previous role. Such credentials prove nothing about the new role.
 *
 * @param assumedRoleId the assumed role's id, a colon and the session name
 * @param roleId the expected id. Undefined accepts any role of this name
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
    `the token exchange returned credentials of another role with the same name (id ${assumed}), not of ${roleArn} (id ${roleId})`,
  );
}
