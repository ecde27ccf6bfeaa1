/**
 * Deletion of an account. Like the deletion of a PersistentVolumeClaim, the deletion waits while the account is in use:
 * while running pods would lose their access. Then the trust policy is closed, and the links, the attachments and the
 * role are removed. `Retain` keeps the role. The role is tagged as retained before it loses its ownership tags, so that
 * it is still found after a crash between these two steps. An adopted role is released: only the operator's tags are
 * removed.
 */
import { roleOwnership } from '../desired/account-roles.ts';
import { associationStanding } from './associations.ts';
import { wantedMode } from '../desired/role.ts';
import { clusterChanged, rolesOfOtherClusters, unreadable } from './cluster-change.ts';
import { accountLabelValue } from '../desired/names.ts';
import { decideUnlink } from './links.ts';
import { retire } from './quarantine.ts';
import { isMarked } from '../desired/quarantine.ts';
import {
  carriesOurRole,
  isOwned,
  ownershipTagKeys,
  retainedTag,
  retentionTags,
  tagKeysLostOnRetain,
  existedBefore,
} from '../desired/ownership.ts';
import { hasPodDenial, podDenialName } from '../desired/pod-denial.ts';
import { hasStatements, inlinePolicyName } from '../desired/statements.ts';
import { problemOr, type StepList } from './step-list.ts';
import { tagValue } from '../desired/tags.ts';
import { sameDocument, trustPolicy } from '../desired/trust.ts';
import type { Step } from '../steps/step.ts';
import type {
  AccountWorld,
  ClusterFacts,
  ObservedRole,
  StepFailure,
  TargetObservation,
  Problem,
} from '../state/world.ts';

/**
 * Plans the next steps of a deletion. Called only if the deletion does not wait for pods. Returns what blocks the
 * deletion, or otherwise the progress of the deletion.
 */
export function planDeletion(
  world: AccountWorld,
  facts: ClusterFacts,
  roleNames: readonly string[],
  list: StepList,
): Problem {
  const failures: StepFailure[] = [];
  const want = (step: Parameters<StepList['addStep']>[0]): void => {
    const failure = list.addStep(step);
    if (!failure) return;
    failures.push(
      step.kind === 'ReadRole'
        ? { ...failure, message: unreadable(world, facts, step.role, failure).message }
        : failure,
    );
  };
  const progress = (message: string): Problem => problemOr(failures[0], 'Deleting', message);

  const owned: ObservedRole[] = [];
  let unread = false;
  for (const name of roleNames) {
    const cached = world.roles.get(name);
    // A role counts as missing only after a direct read. Otherwise a role that a listing does not show yet would remain as an
    // orphan.
    if (!cached || (cached.role === null && cached.source === 'list')) {
      unread = true;
      want({ kind: 'ReadRole', role: name, why: 'the role is to be deleted' });
      continue;
    }
    if (cached.role && isOwned(roleOwnership(cached.role, world.account, facts))) owned.push(cached.role);
    else if (cached.readAgainAt !== undefined) {
      // The outcome of a creation or adoption is unknown, so the deletion waits for a reliable read. Otherwise, a role
      // that becomes visible later would keep our tags although its account is deleted.
      unread = true;
      if (cached.readAgainAt <= world.now)
        want({
          kind: 'ReadRole',
          role: name,
          why: 'the role may have been created or adopted shortly before the deletion',
        });
      else list.requeueAtLatest(cached.readAgainAt);
    }
  }
  if (unread) return progress('the role is being read');
  const [first, ...others] = rolesOfOtherClusters(world, facts);
  if (first) return clusterChanged(world, facts, [first, ...others]);

  // With `Retain`, all roles are kept. With `Delete`, only an adopted role is kept, without the operator's tags. All
  // other roles are deleted, because the operator created them.
  const retains = world.account.spec.deletionPolicy === 'Retain';
  const isKept = (role: ObservedRole): boolean => retains || existedBefore(role, world.account.spec);
  const kept = owned.filter(isKept);
  const toDelete = owned.filter((role) => !isKept(role));
  const shut = trustPolicy({ providerArn: facts.providerArn, issuer: facts.issuer, subjects: [] });
  const open = toDelete.filter((role) => !sameDocument(role.trustPolicy, shut));
  const associations = world.targets
    .map((target) => decideUnassociate(world, facts, target, 'the account is being deleted'))
    .filter((step) => step !== undefined);
  const unlinks = world.targets
    .map((target) => decideUnlink(world.account.metadata.name, target))
    .filter((step) => step !== undefined);
  const untagged = kept.filter((role) => retains && tagValue(role.tags, retainedTag) !== facts.clusterArn);
  const tags = retentionTags(facts.clusterArn);
  const keys = retains ? tagKeysLostOnRetain : ownershipTagKeys;
  const attached = toDelete.filter(
    (role) => role.attachedPolicyArns.length > 0 || hasStatements(role) || hasPodDenial(role),
  );
  /** Requests the steps of one phase. Returns its progress; undefined if the phase is complete, so that the next phase follows. */
  const phase = (steps: readonly Step[], message: string): Problem | undefined => {
    for (const step of steps) want(step);
    return steps.length > 0 ? progress(message) : undefined;
  };
  const underWay =
    phase(
      open.map(({ name: role }) => ({ kind: 'UpdateTrustPolicy', role, trustPolicy: shut })),
      'the trust policy is being changed so that no principal can assume the role',
    ) ??
    phase(
      associations,
      `associations are being removed in ${associations.map(({ target }) => target).join(', ')}`,
    ) ??
    phase(
      unlinks,
      `ServiceAccounts are being unlinked in ${unlinks.map(({ target }) => target).join(', ')}`,
    ) ??
    phase(
      untagged.map(({ name: role }) => ({ kind: 'TagRole', role, tags })),
      'the role is being tagged as retained',
    ) ??
    phase(
      kept.map(({ name: role }) => ({ kind: 'UntagRole', role, keys })),
      'the ownership tags are being removed from the role',
    ) ??
    phase(
      // A marked role was cut off by a Quarantine: `retire` keeps the role's sessions denied until the role is deleted.
      attached.flatMap((role) => (isMarked(role.tags) ? retire(role, facts) : removals(role))),
      'policies are being detached',
    );
  if (underWay) return underWay;

  const inline = toDelete.find((role) => role.inlinePolicyNames.length > 0);
  for (const role of toDelete) want({ kind: 'DeleteRole', role: role.name });
  if (inline && failures.length > 0) {
    return {
      reason: 'DeleteConflict',
      message: `the role ${inline.arn} has inline policies that others added: ${inline.inlinePolicyNames.join(', ')}. Remove each: aws iam delete-role-policy --role-name ${inline.name} --policy-name NAME`,
    };
  }
  if (toDelete.length > 0) return progress('the role is being deleted');

  want({ kind: 'RemoveFinalizer' });
  return progress('everything was removed');
}

/**
 * Targets with running pods that the deletion could deprive of their access. The deletion waits until these pods have
 * ended.
 */
export function targetsThatCouldLose(world: AccountWorld, facts: ClusterFacts): readonly TargetObservation[] {
  return leavesAllAccess(world, facts) ? [] : world.targets.filter(({ users }) => users.length > 0);
}

/**
 * Whether every pod keeps its access after the deletion. This requires `Retain`, which keeps the roles with their trust policies.
 * In addition, every linked ServiceAccount, its annotation and its association must belong to others. The result does not depend
 * on running pods, so that a new pod cannot block a deletion that has already released a ServiceAccount.
 */
function leavesAllAccess(world: AccountWorld, facts: ClusterFacts): boolean {
  const { metadata, spec } = world.account;
  const isLinked = ({ serviceAccount }: TargetObservation): boolean =>
    serviceAccount?.account === accountLabelValue(metadata.name);
  return (
    spec.deletionPolicy === 'Retain' &&
    world.targets.every(
      (target) =>
        !isLinked(target) ||
        (target.serviceAccount?.created === false &&
          !carriesOurRole(target.serviceAccount) &&
          decideUnassociate(world, facts, target, 'the account is being deleted') === undefined),
    )
  );
}

function removals(role: ObservedRole): readonly Step[] {
  const { name, attachedPolicyArns } = role;
  const why = 'the account is being deleted';
  const removal = (policyName: string): Step => ({ kind: 'DeleteInlinePolicy', role: name, policyName });
  const permissions = [
    ...(hasStatements(role) ? [removal(inlinePolicyName)] : []),
    ...attachedPolicyArns.map((policyArn): Step => ({ kind: 'DetachPolicy', role: name, policyArn, why })),
  ];
  // The policy that denies quarantined pods is removed last. Otherwise these pods would have access until the remaining
  // policies are removed.
  return permissions.length > 0 ? permissions : [removal(podDenialName)];
}

/**
 * Step to remove the account's association, or to read the association if its state is unknown. Foreign associations remain
 * unchanged.
 */
export function decideUnassociate(
  world: AccountWorld,
  facts: ClusterFacts,
  { name: target, serviceAccount }: TargetObservation,
  why: string,
): Extract<Step, { kind: 'ReadAssociation' | 'DeleteAssociation' }> | undefined {
  const standing = associationStanding(world, facts, target, () => false);
  switch (standing.kind) {
    case 'ours':
    case 'earlier':
      return { kind: 'DeleteAssociation', target, association: standing.association, why };
    case 'unread':
      return { kind: 'ReadAssociation', target, why: standing.why };
    case 'none': {
      // An association that was created right before a crash is known only to EKS, and a listing may be older than the
      // association. While the account exists, the next listing finds the association. After the deletion of the
      // account, nothing would find the association, so it is read now.
      const asked = world.associations.get(target);
      const linked = serviceAccount?.account === accountLabelValue(world.account.metadata.name);
      const isLast = world.account.metadata.deletionTimestamp !== undefined;
      const mayBe =
        wantedMode(world.account, facts) === 'PodIdentity' &&
        ((!asked && isLast) || ((!asked || asked.source === 'list') && linked));
      return mayBe ? { kind: 'ReadAssociation', target, why } : undefined;
    }
    case 'foreign':
      return undefined;
  }
}
