/** Of which role an exchange gave credentials. */
import { IdentityError } from '../identity/index.ts';

/**
 * A role that was made again under the same name has the same ARN and another id. For a while STS may still know the one before
 * it, whose credentials prove nothing of this one.
 *
 * @param assumedRoleId as AWS tells it: the role's id, a colon and the session's name
 * @param roleId undefined where any role of this name will do
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
