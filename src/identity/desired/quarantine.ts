/**
 * Tag and states of a role that is cut off by a Quarantine. AWSDenyAll denies every session of the role at once, and needs no
 * `PutRolePolicy`. The state is kept in a tag of the role, so that it survives a crash, a restart and the deletion of the
 * Quarantine. A role with the tag never serves pods again. Instead, a new role of the same name replaces it. The new role has
 * another unique id, which ends the older sessions.
 * https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSDenyAll.html
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
 */
import type { ObservedRole } from '../state/world.ts';
import { formatTime, type Wall } from '../../k8s/time.ts';
import { statementsIn } from './documents.ts';
import { tagValue, type Tags } from './tags.ts';

/**
 * Tag key of a role that a Quarantine cut off. Value: first `closing`, later the time when the role was closed (all sessions
 * denied, no principal trusted).
 */
const quarantinedTag = 'k11n.dev/quarantined';

export const closingTags: Tags = { [quarantinedTag]: 'closing' };

export const quarantineTagKeys: readonly string[] = [quarantinedTag];

export function closedTags(at: Wall): Tags {
  return { [quarantinedTag]: formatTime(at) };
}

/**
 * Whether the role is marked: it has the quarantine tag, so a Quarantine began to cut the role off. A marked role must
 * never serve pods again.
 */
export function isMarked(tags: Tags): boolean {
  return tagValue(tags, quarantinedTag) !== undefined;
}

/**
 * Time when the cut-off of a marked role was complete; undefined if it is not complete yet or the tag has no valid
 * time.
 */
export function closedSince(tags: Tags): Wall | undefined {
  const time = Date.parse(tagValue(tags, quarantinedTag) ?? '');
  return Number.isNaN(time) ? undefined : (time as Wall);
}

/** ARN of the AWS managed policy that denies everything. */
export function denyAllArn(partition: string): string {
  return `arn:${partition}:iam::aws:policy/AWSDenyAll`;
}

/**
 * Whether all sessions of the role are denied: AWSDenyAll is attached or is the boundary. As the boundary, AWSDenyAll
 * also denies access that a resource policy allows.
 */
export function isDenied(
  { attachedPolicyArns, permissionsBoundaryArn }: ObservedRole,
  partition: string,
): boolean {
  const deny = denyAllArn(partition);
  return attachedPolicyArns.includes(deny) || permissionsBoundaryArn === deny;
}

/**
 * Whether a trust policy denies every principal: it has statements, and each has the effect Deny. A security responder
 * may have written such a policy.
 */
export function deniesEveryPrincipal(trustPolicy: string): boolean {
  return statementsIn(trustPolicy)?.every(({ Effect }) => Effect === 'Deny') ?? false;
}
