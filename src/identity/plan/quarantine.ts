/**
 * Quarantine of an account, and its release.
 *
 * | Quarantine | roles           | steps                                                                                |
 * |------------|-----------------|--------------------------------------------------------------------------------------|
 * | exists     | not marked      | mark                                                                                 |
 * | exists     | marked          | deny every session, close the trust policy, then record the time; nothing else        |
 * | none       | marked          | the same, then wait until the earlier pods have ended, then replace the role          |
 * | none       | marked, adopted | the same, then wait until all earlier sessions have expired, then remove the mark     |
 *
 * While a Quarantine exists, no step restores a permission. Manual changes by a security responder, such as a detached policy,
 * are kept.
 *
 * To mark a role is to tag it as quarantined. A role is marked before anything is denied. Otherwise a crash could leave
 * a role that was cut off but looks like a role with drift. During the replacement, AWSDenyAll stays attached until no
 * other policy is attached, and then becomes the permissions boundary. Older sessions are therefore denied without
 * interruption, even if a resource policy allows them.
 */
import type { LinkedServiceAccountStatus } from '../../api/index.ts';
import { formatTime, after, type Wall } from '../../k8s/time.ts';
import { existedBefore } from '../desired/ownership.ts';
import {
  deniesEveryPrincipal,
  closedSince,
  closedTags,
  closingTags,
  denyAllArn,
  isDenied,
  isMarked,
  quarantineTagKeys,
} from '../desired/quarantine.ts';
import { oldestFirst } from '../desired/pod-denial.ts';
import { trustPolicy } from '../desired/trust.ts';
import { type OwnedRole, ownedRoles } from './owned-roles.ts';
import { isTransient } from './policies.ts';
import type {
  Problem,
  AccountUser,
  AccountWorld,
  CachedRole,
  ClusterFacts,
  ObservedQuarantine,
  ObservedRole,
  StepFailure,
} from '../state/world.ts';
import type { Step } from '../steps/step.ts';
import { blockedStatus } from './status.ts';
import { readAfterLostWrite, type StepList } from './step-list.ts';

/** Maximum duration of a session of a role, in milliseconds. Source: CreateRole, MaxSessionDuration: 43,200 seconds. */
export const longestSessionMs = 43_200_000;

/**
 * Time in milliseconds until a closed trust policy is in effect everywhere. A pod that was created before this time has
 * passed may have obtained credentials of the role.
 */
export const settlingMs = 10_000;

/** Plans an account that at least one Quarantine names as a whole: its roles are cut off and stay cut off. Returns the status. */
export function planQuarantine(
  world: AccountWorld,
  facts: ClusterFacts,
  roleNames: readonly string[],
  list: StepList,
): LinkedServiceAccountStatus {
  const failures: StepFailure[] = [];
  let isOpen = false;
  for (const name of roleNames) {
    const cached = world.roles.get(name);
    if (cached && (cached.role !== null || cached.source !== 'list')) continue;
    // A listing may be older than the role, so a role that the listing does not show is read.
    const failure = list.addStep({ kind: 'ReadRole', role: name, why: 'the account is in quarantine' });
    if (failure) failures.push(failure);
    isOpen = true;
  }
  for (const owned of ownedRoles(world, facts)) {
    const { isClosed, failure } = cutOff(world, facts, owned, list);
    if (failure) failures.push(failure);
    isOpen ||= !isClosed;
  }
  const why = quarantineMessage(world.quarantines);
  const [failure] = failures;
  const problem: Problem = failure
    ? { reason: failure.code, message: `${why}; the cut-off is incomplete: ${failure.message}` }
    : isOpen
      ? { reason: 'Quarantining', message: `${why}; the cut-off is in progress` }
      : {
          reason: 'Quarantined',
          message: `${why}. All sessions of the account are denied, and no pod gets new credentials. To end the quarantine: kon account release ${world.account.metadata.name}${
            world.account.metadata.deletionTimestamp === undefined
              ? ''
              : '; the deletion of the account waits until then'
          }`,
        };
  return cutOffStatus(world, facts, problem);
}

/**
 * Plans an account after its Quarantines were deleted. Marked roles are replaced. Exception: if a marked role existed
 * before the account, its denial is removed instead.
 * @returns the status; undefined if the account has no marked role
 */
export function planRelease(
  world: AccountWorld,
  facts: ClusterFacts,
  list: StepList,
): LinkedServiceAccountStatus | undefined {
  const marked = ownedRoles(world, facts).filter(({ role }) => isMarked(role.tags));
  if (marked.length === 0) return undefined;
  const blocked = (problem: Problem): LinkedServiceAccountStatus => cutOffStatus(world, facts, problem);
  const results = marked.map((owned) => ({ owned, ...cutOff(world, facts, owned, list) }));
  const failure = results.find((result) => result.failure)?.failure;
  if (failure || results.some(({ isClosed }) => !isClosed))
    return blocked(
      problemOrProgress(failure, 'the role must be cut off completely before the account is released'),
    );

  const closedAt = Math.max(...marked.map(({ role }) => closedSince(role.tags) ?? 0)) as Wall;
  const old = oldPods(world, closedAt);
  if (old.length > 0) {
    const commands = old.slice(0, 5).map(({ target, pod }) => `kubectl delete pod -n ${target} ${pod}`);
    const more = old.length > 5 ? `; and ${old.length - 5} more` : '';
    return blocked({
      reason: 'OldPodsRunning',
      message: `pods that were created before the quarantine took effect still run. These pods would get new credentials as soon as the role can be assumed again, so no pod can assume the role until they have ended. To end these pods: ${commands.join('; ')}${more}`,
    });
  }
  const progress = marked.map((owned) => replaceOrReopen(world, facts, owned, list));
  return blocked(
    progress.find(({ reason }) => reason !== 'ReplacingRole') ??
      progress[0] ?? { reason: 'ReplacingRole', message: 'the role of the account is being replaced' },
  );
}

/** Pods that got an identity of the account before the cut-off of its roles took effect. */
export function oldPods(
  { targets }: Pick<AccountWorld, 'targets'>,
  closedAt: Wall,
): readonly (AccountUser & { readonly target: string })[] {
  return targets.flatMap(({ name: target, held }) =>
    (held.byPod ?? [])
      .filter(({ createdAt }) => createdAt < closedAt + settlingMs)
      .map(({ createdAt: _, ...user }) => ({ ...user, target })),
  );
}

/**
 * Adds the steps that cut the role off. `isClosed` is true if nothing is left to do: the role's quarantine tag contains
 * the time of the cut-off, the role's sessions are denied, and the role trusts no principal.
 */
function cutOff(
  world: AccountWorld,
  facts: ClusterFacts,
  { cached, role }: OwnedRole,
  list: StepList,
): { readonly isClosed: boolean; readonly failure?: StepFailure | undefined } {
  const since = closedSince(role.tags);
  const isShut = isDenied(role, facts.partition) && deniesEveryPrincipal(role.trustPolicy);
  const unread = readAgain(world, cached, role, list, since !== undefined && isShut);
  if (unread) return unread;
  if (since !== undefined && isShut) return { isClosed: true };
  if (isShut && isMarked(role.tags)) {
    const failure = list.addStep({ kind: 'TagRole', role: role.name, tags: closedTags(world.date) });
    return { isClosed: false, failure };
  }
  const marking = isMarked(role.tags)
    ? undefined
    : list.addStep({ kind: 'TagRole', role: role.name, tags: closingTags });
  // If IAM permanently refuses the tag that marks the role, the role is cut off without this tag.
  if (!isMarked(role.tags) && (!marking || isTransient(marking.code)))
    return { isClosed: false, failure: marking };
  const shut = trustPolicy({ providerArn: facts.providerArn, issuer: facts.issuer, subjects: [] });
  const closing = deniesEveryPrincipal(role.trustPolicy)
    ? undefined
    : list.addStep({ kind: 'UpdateTrustPolicy', role: role.name, trustPolicy: shut });
  const denying = isDenied(role, facts.partition) ? undefined : deny(world, facts, role, list);
  return { isClosed: false, failure: denying ?? closing ?? marking };
}

/**
 * Requests a read of a role whose cached state may be outdated. Returns undefined if the cut-off need not wait for a
 * read.
 */
function readAgain(
  world: AccountWorld,
  cached: CachedRole,
  { name: role }: ObservedRole,
  list: StepList,
  isInSync: boolean,
): { readonly isClosed: false } | undefined {
  readAfterLostWrite(world, cached, role, list);
  if (cached.source !== 'list' || isInSync) return undefined;
  // If the read fails, the role is cut off anyway. This is safe, because IAM refuses writes to roles without the tags of this
  // cluster.
  const failure = list.addStep({ kind: 'ReadRole', role, why: 'the role is about to be cut off' });
  return failure ? undefined : { isClosed: false };
}

/**
 * Denies the sessions of a role. Attaches AWSDenyAll; if the role has the maximum number of policies, one policy is
 * detached first. If AWS refuses the attachment, AWSDenyAll becomes the boundary. If AWS refuses the boundary too,
 * every policy is detached. The boundary of an adopted role is never changed; the role's policies are detached instead.
 */
function deny(
  world: AccountWorld,
  facts: ClusterFacts,
  role: ObservedRole,
  list: StepList,
): StepFailure | undefined {
  const policyArn = denyAllArn(facts.partition);
  const { name, attachedPolicyArns: attached } = role;
  const detach = (arn: string, why: string): StepFailure | undefined =>
    list.addStep({ kind: 'DetachPolicy', role: name, policyArn: arn, why });
  const [first] = attached.toSorted();
  if (first !== undefined && attached.length >= facts.quotas.policiesPerRole)
    return detach(first, 'the quarantine attaches AWSDenyAll, and IAM allows no further policy on the role');
  const refused = list.addStep({ kind: 'AttachPolicy', role: name, policyArn });
  if (!refused || isTransient(refused.code)) return refused;
  const isAdopted = existedBefore(role, world.account.spec);
  const unbounded = isAdopted
    ? refused
    : list.addStep({ kind: 'PutPermissionsBoundary', role: name, policyArn });
  if (unbounded) for (const arn of attached) detach(arn, 'AWSDenyAll could not be attached');
  return refused;
}

function problemOrProgress(failure: StepFailure | undefined, message: string): Problem {
  return failure
    ? { reason: failure.code, message: `${message}: ${failure.message}` }
    : { reason: 'ReplacingRole', message };
}

function replaceOrReopen(
  world: AccountWorld,
  facts: ClusterFacts,
  { cached, role }: OwnedRole,
  list: StepList,
): Problem {
  // A role from a listing is read first, because a listing may still show a role that was already replaced.
  if (cached.source === 'list') {
    const why = 'the role is about to be replaced';
    const failure = list.addStep({ kind: 'ReadRole', role: role.name, why });
    return problemOrProgress(failure, 'the role of the account is being read again');
  }
  if (!existedBefore(role, world.account.spec)) {
    const failures = retire(role, facts).flatMap((step) => list.addStep(step) ?? []);
    return problemOrProgress(
      failures[0],
      `the role ${role.arn} is being replaced, which ends its older sessions for good`,
    );
  }
  const endsAt = after(closedSince(role.tags) ?? world.date, longestSessionMs);
  if (endsAt > world.date) {
    list.requeueAtLatest(world.now + (endsAt - world.date));
    return {
      reason: 'OldSessionsLive',
      message: `the role ${role.arn} was adopted, and adopted roles are not replaced. Pods cannot assume the role until ${formatTime(endsAt)}, when every session from before the quarantine has expired. To end the wait sooner, first deny the older sessions with a policy of your own (aws:TokenIssueTime), then: aws iam untag-role --role-name ${role.name} --tag-keys ${quarantineTagKeys.join(' ')}`,
    };
  }
  const failure = list.addStep({ kind: 'UntagRole', role: role.name, keys: quarantineTagKeys });
  return problemOrProgress(failure, `the denial on the role ${role.arn} is being removed`);
}

/**
 * Next steps to delete a marked (quarantined) role. Its sessions stay denied until the deletion: AWSDenyAll becomes the
 * boundary before it is detached as the last policy.
 */
export function retire(role: ObservedRole, { partition }: ClusterFacts): readonly Step[] {
  const denyAll = denyAllArn(partition);
  const why = 'the role is replaced after a quarantine';
  const { name } = role;
  const others = role.attachedPolicyArns.filter((arn) => arn !== denyAll);
  const bound: Step = { kind: 'PutPermissionsBoundary', role: name, policyArn: denyAll };
  const detach = (policyArn: string): Step => ({ kind: 'DetachPolicy', role: name, policyArn, why });
  const first = [
    ...(role.permissionsBoundaryArn === denyAll ? [] : [bound]),
    ...others.map(detach),
    ...role.inlinePolicyNames.map((policyName): Step => ({
      kind: 'DeleteInlinePolicy',
      role: name,
      policyName,
    })),
  ];
  if (first.length > 0) return first;
  return role.attachedPolicyArns.length > 0 ? [detach(denyAll)] : [{ kind: 'DeleteRole', role: name }];
}

/** Status of an account that is cut off. No target is reported as proven, so apps of the account are not rolled out. */
function cutOffStatus(
  world: AccountWorld,
  facts: ClusterFacts,
  problem: Problem,
): LinkedServiceAccountStatus {
  const blocked = {
    ...blockedStatus(world, problem, ['Ready', 'IdentityProven']),
    ...policiesNow(world, facts),
  };
  const rows = (world.account.status?.targets ?? []).map(
    ({ proofKey: _key, provenAt: _at, confirmed: _confirmed, ...row }) => ({
      ...row,
      proven: false,
      reason: 'Quarantined',
      message: problem.message,
    }),
  );
  if (rows.length === 0) return blocked;
  return { ...blocked, targets: rows, ready: `0/${rows.length}` };
}

/** Policy rows during a quarantine. Policies that a responder or the quarantine itself detached are reported as detached. */
function policiesNow(world: AccountWorld, facts: ClusterFacts): Pick<LinkedServiceAccountStatus, 'policies'> {
  const before = world.account.status?.policies;
  const roles = ownedRoles(world, facts);
  if (!before) return {};
  const isAttached = (arn: string): boolean =>
    roles.every(({ role }) => role.attachedPolicyArns.includes(arn));
  const detached = { attached: false, reason: 'Quarantined', message: 'was detached during the quarantine' };
  return {
    policies: before.map((row) => (row.attached && !isAttached(row.arn) ? { ...row, ...detached } : row)),
  };
}

function quarantineMessage(quarantines: readonly ObservedQuarantine[]): string {
  const [first, ...others] = oldestFirst(quarantines);
  if (!first) throw new Error('the account is in no quarantine');
  const who = first.requestedBy === undefined ? `the Quarantine "${first.name}"` : `"${first.requestedBy}"`;
  const more = others.length === 0 ? '' : ` (and by ${others.length} more)`;
  const reason = first.reason === undefined ? '' : `: ${first.reason}`;
  return `cut off by ${who} since ${first.since}${more}${reason}`;
}
