/** Invariants of each write to an IAM role. */
import { accountLabel, linkedServiceAccounts, type LinkedServiceAccount } from '../../../src/api/index.ts';
import { retainedTag, taggedOwner } from '../../../src/identity/index.ts';
import { resources } from '../../../src/kube/index.ts';
import { listedArns } from '../listed-arns.ts';
import { isOfOtherIssuer } from '../ownership.ts';
import type { RoleChange } from '../simulated-aws.ts';
import { dropsPolicy, isDeleting, lacksTarget } from './account-versions.ts';
import type { Context } from './context.ts';
import { seenPods, subjectOf, subjectsOf } from './identities.ts';
import { createDetachmentChecks } from './policy-detachment.ts';
import { createQuarantineChecks } from './quarantine.ts';
import { checkTrust } from './trust-change.ts';

export function checkRoleWrites(context: Context): void {
  const {
    simulation: { aws },
    states,
    report,
  } = context;
  const quarantine = createQuarantineChecks(context);
  const detachment = createDetachmentChecks(context);
  aws.onWrite((write) => checkOwner(context, write));
  aws.onChange((change) => {
    const { action, name, after, by } = change;
    states.recordRole(change);
    detachment.record(change);
    if (by === undefined) {
      states.disturb(`role ${name}`);
      return;
    }
    states.recordWriter(name);
    quarantine.checkChange(change);
    // A quarantine removes access. The following checks are about writes that remove access without a quarantine.
    if (quarantine.isCutOff(change)) return;
    checkUse(context, change);
    if (after?.inlinePolicy !== undefined && after.permissionsBoundaryArn === undefined)
      report('unbounded statements', `${action} left ${name} with statements but without a boundary`);
    if (action === 'DetachRolePolicy') detachment.check(change);
    if (action === 'DeleteRolePolicy') checkRemovedStatements(context, change);
    if (action === 'UpdateAssumeRolePolicy') checkTrust(context, change);
    if (action === 'UntagRole') checkRetention(context, change);
  });
}

/** The operator writes only to roles with its ownership tags, on behalf of the account that the tags name. */
function checkOwner(
  { simulation: { aws }, states, report }: Context,
  { action, name, by }: { readonly action: string; readonly name: string; readonly by: string },
): void {
  if (!aws.roles.has(name) || action === 'CreateRole') return;
  const recent = states.roles(name).filter((role) => role !== undefined);
  if (recent.every(isOfOtherIssuer))
    report('foreign role', `${action} on ${name}, which belongs to another issuer`);
  const owners = recent.flatMap(({ tags }) => taggedOwner(tags)?.account ?? []);
  if (owners.length === 0) {
    const adopts = states
      .accounts(by)
      .some((account) => account?.spec.aws.adopt === true && account.spec.aws.roleName === name);
    if (!(adopts && action === 'TagRole'))
      report('foreign role', `${action} on ${name}, which has no ownership tags`);
  } else if (!owners.includes(by)) {
    report('other account', `${action} on ${name}, a role of ${owners.join(', ')}, on behalf of ${by}`);
  }
}

/**
 * An account that is being deleted keeps its access as long as pods that the operator must have seen use the account.
 */
function checkUse(context: Context, { action, name, before, after, by = '' }: RoleChange): void {
  const {
    simulation: { server },
    states,
    report,
  } = context;
  const account = server.get(linkedServiceAccounts, by) as LinkedServiceAccount | undefined;
  if (account?.metadata.deletionTimestamp === undefined) return;
  // An operator that has not yet seen the deletion still applies an earlier version of the account, which may lack the
  // policy or target.
  const unaware = states.accounts(by).filter((seen) => !isDeleting(seen));
  const lost = listedArns(account.spec.aws).some(
    (arn) =>
      before?.attachedPolicyArns.includes(arn) &&
      !after?.attachedPolicyArns.includes(arn) &&
      !unaware.some((seen) => dropsPolicy(seen, arn, states.configs())),
  );
  const isExcluded = (namespace = ''): boolean =>
    subjectsOf(before).includes(subjectOf(namespace, by)) &&
    !subjectsOf(after).includes(subjectOf(namespace, by)) &&
    !unaware.some((seen) => lacksTarget(seen, namespace, states.configs()));
  const user = seenPods(context, by).find(
    ({ metadata: { namespace } }) =>
      server.get(resources.serviceAccounts, by, namespace)?.metadata.labels?.[accountLabel] === by &&
      !states.wasDisturbed(`namespaces /${namespace}`) &&
      (lost || !after || isExcluded(namespace)),
  );
  if (user) report('in use', `${action} on ${name}, although the pod ${user.metadata.name} uses ${by}`);
}

/** Statements are replaced by a single write and never removed before the replacement. */
function checkRemovedStatements(
  { states, report }: Context,
  { name, before, after, by = '' }: RoleChange,
): void {
  if (after?.inlinePolicy !== undefined) return;
  const keeps = (account: LinkedServiceAccount | undefined): boolean =>
    !isDeleting(account) && (account?.spec.aws.statements ?? []).length > 0;
  if (before?.inlinePolicy !== undefined && states.accounts(by).every(keeps))
    report('narrowing', `the statements were removed from ${name}, although ${by} has statements`);
}

/**
 * If a role is retained when its account is deleted, the role gets the tag for retained roles before it loses its
 * ownership tags. Otherwise, after a crash between the two writes, no listing would show the role.
 */
function checkRetention({ states, report }: Context, { name, before, after, by = '' }: RoleChange): void {
  if (!before || !after || !taggedOwner(before.tags) || taggedOwner(after.tags)) return;
  const retains = states.accounts(by).every((account) => account?.spec.deletionPolicy === 'Retain');
  if (retains && after.tags[retainedTag] === undefined)
    report('orphan', `${name} lost its ownership tags, and nothing shows that ${by} retained it`);
}
