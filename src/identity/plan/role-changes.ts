/** How a role differs from what it should be, and what a person is told that taking it over would change. */
import type { LinkedServiceAccount } from '../../api/index.ts';
import {
  adoptedTags,
  adoptionTags,
  isManaged,
  isOwnershipTag,
  issuerTag,
  retainedTag,
  existedBefore,
} from '../desired/ownership.ts';
import type { RoleSpec, ClusterFacts, ObservedRole } from '../state/world.ts';
import type { Step } from '../steps/step.ts';
import { tagValue, withTags } from '../desired/tags.ts';
import { sameDocument } from '../desired/trust.ts';

export type RoleChange = Extract<
  Step,
  {
    kind:
      | 'UpdateTrustPolicy'
      | 'PutPermissionsBoundary'
      | 'DeletePermissionsBoundary'
      | 'UpdateMaxSessionDuration'
      | 'TagRole'
      | 'UntagRole';
  }
>;

/** The differences between a role and its spec, attachments aside, as the steps that end them. */
export function roleChanges(
  role: ObservedRole,
  spec: RoleSpec,
  account: LinkedServiceAccount['spec'],
): readonly RoleChange[] {
  const changes: RoleChange[] = [];
  // Of a role that was there before us only what the account states is ours to change; least of all its boundary.
  const adopted = existedBefore(role, account);
  const wantedTags = adopted ? { ...spec.tags, ...adoptedTags } : spec.tags;
  if (!sameDocument(role.trustPolicy, spec.trustPolicy)) {
    changes.push({ kind: 'UpdateTrustPolicy', role: role.name, trustPolicy: spec.trustPolicy });
  }
  if (spec.permissionsBoundaryArn === undefined) {
    if (role.permissionsBoundaryArn !== undefined && !adopted)
      changes.push({ kind: 'DeletePermissionsBoundary', role: role.name });
  } else if (role.permissionsBoundaryArn !== spec.permissionsBoundaryArn) {
    changes.push({ kind: 'PutPermissionsBoundary', role: role.name, policyArn: spec.permissionsBoundaryArn });
  }
  const length =
    adopted && account.aws.maxSessionDuration === undefined ? undefined : role.maxSessionDuration;
  if (length !== undefined && length !== spec.maxSessionDuration) {
    changes.push({ kind: 'UpdateMaxSessionDuration', role: role.name, seconds: spec.maxSessionDuration });
  }
  const missingTags = Object.entries(wantedTags).filter(([key, value]) => tagValue(role.tags, key) !== value);
  if (missingTags.length > 0)
    changes.push({ kind: 'TagRole', role: role.name, tags: Object.fromEntries(missingTags) });
  // AWS puts tags of its own on roles and nobody else can take them off.
  const extraTags = Object.keys(role.tags).filter(
    (key) =>
      (!adopted || key.toLowerCase() === retainedTag) &&
      tagValue(spec.tags, key) === undefined &&
      !key.toLowerCase().startsWith('aws:'),
  );
  if (extraTags.length > 0) changes.push({ kind: 'UntagRole', role: role.name, keys: extraTags });
  return changes;
}

/** Whether all that a role lacks is the tag of the issuer, which earlier versions did not write. */
export function isIssuerTagOnly(change: RoleChange, { tags }: ObservedRole): boolean {
  return (
    change.kind === 'TagRole' &&
    tagValue(tags, issuerTag) === undefined &&
    Object.keys(change.tags).every((key) => key === issuerTag)
  );
}

/** What a person can do about a role that is not ours, and what it would change. */
export function wayOut(
  role: ObservedRole,
  spec: RoleSpec,
  wantedPolicies: readonly string[],
  account: LinkedServiceAccount,
  { strictInline }: ClusterFacts,
): string {
  const isNamed = account.spec.aws.roleName === role.name;
  if (isManaged(role.tags))
    return isNamed
      ? 'It belongs to another account or cluster, which has to let it go first.'
      : 'It belongs to another account or cluster.';
  // The name of a role cannot be changed later, neither in IAM nor in an account.
  if (!isNamed)
    return `Delete it, if nobody needs it; or make the account anew, with roleName: ${role.name} and adopt: true under spec.aws.`;
  const marks = adoptionTags({ clusterArn: '', issuer: '', providerArn: '', account: '', uid: '' });
  const adopted = { ...role, tags: withTags(role.tags, marks) };
  const changes = [
    ...roleChanges(adopted, spec, account.spec).flatMap((change) => wordsFor(change) ?? []),
    ...wantedPolicies.filter((arn) => !role.attachedPolicyArns.includes(arn)).map((arn) => `attach ${arn}`),
    ...role.attachedPolicyArns.filter((arn) => !wantedPolicies.includes(arn)).map((arn) => `detach ${arn}`),
    ...(strictInline ? role.inlinePolicyNames.map((policy) => `remove its inline policy ${policy}`) : []),
  ];
  return `To take it over, set spec.aws.adopt to true, which would: ${changes.join(', ') || 'change nothing but our marks'}.`;
}

/** Our marks are no news. */
function wordsFor(change: RoleChange): string | undefined {
  switch (change.kind) {
    case 'UpdateTrustPolicy':
      return 'replace its trust policy';
    case 'PutPermissionsBoundary':
      return `set its permissions boundary to ${change.policyArn}`;
    case 'DeletePermissionsBoundary':
      return 'remove its permissions boundary';
    case 'UpdateMaxSessionDuration':
      return `set its maximum session duration to ${change.seconds} seconds`;
    case 'TagRole': {
      const keys = Object.keys(change.tags).filter((key) => !isOwnershipTag(key));
      return keys.length > 0 ? `set its tags ${keys.join(', ')}` : undefined;
    }
    case 'UntagRole': {
      const keys = change.keys.filter((key) => !isOwnershipTag(key));
      return keys.length > 0 ? `remove its tags ${keys.join(', ')}` : undefined;
    }
  }
}
