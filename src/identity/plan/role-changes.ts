/** Differences between a role and its spec, and the changes that the adoption of a role would make. */
import type { LinkedServiceAccount } from '../../api/index.ts';
import {
  adoptedTags,
  adoptionTags,
  isManaged,
  issuerTag,
  retainedTag,
  existedBefore,
} from '../desired/ownership.ts';
import type { RoleSpec, ClusterFacts, ObservedRole } from '../state/world.ts';
import { intentWords, type RoleChange } from '../steps/role.ts';
import { foreignInlinePolicies, inlinePolicyName } from '../desired/statements.ts';
import { settingKeys, settingsOf } from '../desired/role.ts';
import { tagValue, withTags } from '../desired/tags.ts';
import { sameDocument } from '../desired/trust.ts';

/** Steps that repair the differences between a role and its spec. Policy attachments are not included. */
export function roleChanges(
  role: ObservedRole,
  spec: RoleSpec,
  account: LinkedServiceAccount['spec'],
): readonly RoleChange[] {
  const changes: RoleChange[] = [];
  // An adopted role keeps each setting that the account does not state, above all the role's boundary.
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
  const before = settingsOf(role);
  const differing = settingKeys.filter(
    (key) => key in before && before[key] !== spec[key] && (!adopted || account.aws[key] !== undefined),
  );
  if (differing.length > 0) {
    const wanted = Object.fromEntries(differing.map((key) => [key, spec[key]]));
    changes.push({ kind: 'UpdateRole', role: role.name, settings: { ...before, ...wanted } });
  }
  const missingTags = Object.entries(wantedTags).filter(([key, value]) => tagValue(role.tags, key) !== value);
  if (missingTags.length > 0)
    changes.push({ kind: 'TagRole', role: role.name, tags: Object.fromEntries(missingTags) });
  // Tags that AWS itself sets on roles cannot be removed.
  const extraTags = Object.keys(role.tags).filter(
    (key) =>
      (!adopted || key.toLowerCase() === retainedTag) &&
      tagValue(spec.tags, key) === undefined &&
      !key.toLowerCase().startsWith('aws:'),
  );
  if (extraTags.length > 0) changes.push({ kind: 'UntagRole', role: role.name, keys: extraTags });
  return changes;
}

/** Whether the change only adds the missing issuer tag, which earlier versions did not write. */
export function isIssuerTagOnly(change: RoleChange, { tags }: ObservedRole): boolean {
  return (
    change.kind === 'TagRole' &&
    tagValue(tags, issuerTag) === undefined &&
    Object.keys(change.tags).every((key) => key === issuerTag)
  );
}

/** Advice for users about a role that the account needs but does not own, with the changes that an adoption would make. */
export function remedy(
  role: ObservedRole,
  spec: RoleSpec,
  wantedPolicies: readonly string[],
  account: LinkedServiceAccount,
  { strictInline }: ClusterFacts,
): string {
  const isNamed = account.spec.aws.roleName === role.name;
  if (isManaged(role.tags))
    return isNamed
      ? 'The role belongs to another account or cluster, which has to release the role first.'
      : 'The role belongs to another account or cluster.';
  // `roleName` of an account cannot be changed later, so the account has to be created again.
  if (!isNamed)
    return `Delete the role if it is not needed; or create the account again with roleName: ${role.name} and adopt: true under spec.aws.`;
  const newTags = adoptionTags({ clusterArn: '', issuer: '', providerArn: '', account: '', uid: '' });
  const adopted = { ...role, tags: withTags(role.tags, newTags) };
  const changes = [
    ...intentWords(roleChanges(adopted, spec, account.spec), adopted),
    ...wantedPolicies.filter((arn) => !role.attachedPolicyArns.includes(arn)).map((arn) => `attach ${arn}`),
    ...role.attachedPolicyArns.filter((arn) => !wantedPolicies.includes(arn)).map((arn) => `detach ${arn}`),
    ...(account.spec.aws.statements?.length ? [`write the inline policy ${inlinePolicyName}`] : []),
    ...(strictInline
      ? foreignInlinePolicies(role).map((policy) => `remove the inline policy ${policy}`)
      : []),
  ];
  return `To adopt the role, set spec.aws.adopt to true. The adoption would ${changes.join(', ') || 'change only the ownership tags'}.`;
}
