/**
 * Tag and states of a role that is cut off by a Quarantine. AWSDenyAll denies every session of the role at once, and needs no
 * `PutRolePolicy`. A tag keeps the state in IAM, so that it survives a crash, a restart and the deletion of the Quarantine: a role
 * with the tag never serves pods again. It is replaced by a new role of the same name, whose new unique id ends the older sessions.
 * https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSDenyAll.html
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
 */
import type { ObservedRole } from '../state/world.ts';
import { formatTime } from '../../k8s/timestamps.ts';
import type { Wall } from '../../k8s/time.ts';
import { tagValue, type Tags } from './tags.ts';

/** Tag of a role that a Quarantine cut off. Value: `closing` at first, then the time when the role was closed. */
const quarantinedTag = 'k11n.dev/quarantined';

export const closingTags: Tags = { [quarantinedTag]: 'closing' };

export const quarantineTagKeys: readonly string[] = [quarantinedTag];

export function closedTags(at: Wall): Tags {
  return { [quarantinedTag]: formatTime(at) };
}

/** Whether a Quarantine began to cut the role off. Such a role must never serve pods again. */
export function isMarked(tags: Tags): boolean {
  return tagValue(tags, quarantinedTag) !== undefined;
}

/** Time when a marked role was closed; undefined before that, or if the tag was overwritten with something else. */
export function closedSince(tags: Tags): Wall | undefined {
  const time = Date.parse(tagValue(tags, quarantinedTag) ?? '');
  return Number.isNaN(time) ? undefined : (time as Wall);
}

/** ARN of the AWS managed policy that denies everything. */
export function denyAllArn(partition: string): string {
  return `arn:${partition}:iam::aws:policy/AWSDenyAll`;
}

/** Whether all sessions of the role are denied. A boundary that denies everything also denies what resource policies allow. */
export function isDenied(
  { attachedPolicyArns, permissionsBoundaryArn }: ObservedRole,
  partition: string,
): boolean {
  const deny = denyAllArn(partition);
  return attachedPolicyArns.includes(deny) || permissionsBoundaryArn === deny;
}

/** Whether a trust policy denies every principal: it has statements, and each has the effect Deny. A responder may have written it. */
export function admitsNobody(trustPolicy: string): boolean {
  try {
    const { Statement: statements } = JSON.parse(trustPolicy) as { readonly Statement?: unknown };
    const effects = [statements]
      .flat()
      .map((statement) => (statement as { Effect?: unknown } | null)?.Effect);
    return effects.every((effect) => effect === 'Deny');
  } catch {
    return false;
  }
}
