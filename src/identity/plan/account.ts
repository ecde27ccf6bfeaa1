/**
 * Planner: derives steps, status and the time of the next reconcile from the observed state of one account. The steps bring the
 * account in sync. The planner is a pure function that the operator, the command line and tests share.
 *
 * The planner is level-based: a plan depends on the observed state, not on events. After a plan was executed, planning again
 * yields no step.
 */
import {
  accountFinalizer,
  isProtected,
  linkedServiceAccounts,
  newerSpecMessage,
  protectedMark,
  unlinkNowAnnotation,
  type LinkedServiceAccountStatus,
} from '../../api/index.ts';
import { defined } from '../../k8s/defined.ts';
import { accountRoleName, accountRoleNames, roleOwnership } from '../desired/account-roles.ts';
import { assignTargets } from '../desired/target-assignment.ts';
import { clusterChanged, rolesOfOtherClusters, unreadable, unreadRoles } from './cluster-change.ts';
import { targetsByMode, trustedTargets } from './trusted-targets.ts';
import { type TargetsByMode, desiredRole } from '../desired/role.ts';
import { decideUnassociate, planDeletion, targetsThatCouldLose } from './deletion.ts';
import { decideUnlink } from './links.ts';
import { isOwned } from '../desired/ownership.ts';
import { isOfWholeAccount } from '../desired/pod-denial.ts';
import { planPodDenial, rowsWhileCutOff, withQuarantinedPods } from './pod-denial.ts';
import { planQuarantine, planRelease } from './quarantine.ts';
import { isReportedLinked, isStillOpen } from './draining.ts';
import { describeUser, inUseMessage, listing } from './in-use.ts';
import { withLastUsed } from './last-used.ts';
import { currentSwitchSlot, planWanted } from './target.ts';
import { listedPolicies } from '../desired/policy-names.ts';
import { keptPolicies, screenPolicies } from './policies.ts';
import { closedShards, previousShards, removeSurplus, unneededRoles } from './further-roles.ts';
import { asLastRead, mergedPolicyRows, refusedRows } from './policy-rows.ts';
import { proofIsOpen } from './proofs.ts';
import { desiredStatements } from '../desired/statements.ts';
import { assessRole, documentOf, isUnread } from './role.ts';
import { formerTargets } from './sessions.ts';
import { accountStatus, blockedStatus, type TargetRow } from './status.ts';
import { createStepList, problemOr, type StepList } from './step-list.ts';
import type { Step } from '../steps/step.ts';
import { initialRow, rowFromStatus } from './target-rows.ts';
import type { ServingRole, TargetContext } from './target-context.ts';
import { decideTargets, type TargetDecision } from './target-decisions.ts';
import { sameDocument } from '../desired/trust.ts';
import { unadmitted } from './unadmitted.ts';
import type {
  AccountWorld,
  ClusterFacts,
  ObservedRole,
  LastSyncedRole,
  TargetObservation,
  Problem,
} from '../state/world.ts';

export type AccountPlan = {
  readonly steps: readonly Step[];
  readonly status: LinkedServiceAccountStatus;
  /** Descriptions of out-of-band changes. The status reports the changes before the operator repairs them. */
  readonly drift: readonly string[];
  /** Specs of the roles that are in sync. The caller stores them as last-synced specs. */
  readonly lastSynced: readonly LastSyncedRole[];
  /**
   * Time of the next reconcile, in milliseconds of the monotonic clock; undefined if no reconcile is needed until
   * something changes.
   */
  readonly requeueAt?: number;
};

/** Conditions that become false when the deletion removes the role, its policies and its links. */
const endedByDeletion = ['Ready', 'PoliciesAttached', 'TargetsLinked', 'IdentityProven'] as const;

export function planAccount(world: AccountWorld): AccountPlan {
  const { account } = world;
  const deleting = account.metadata.deletionTimestamp !== undefined;
  const held = account.metadata.finalizers?.includes(accountFinalizer) === true;
  // The deletion of an account without the finalizer needs no steps: either nothing was ever created for it, or
  // everything has been removed.
  if (deleting && !held) return done(createStepList(world), account.status ?? {});
  const plan = planExisting(world, deleting, held);
  return { ...plan, status: withLastUsed(world, plan.status) };
}

/** Plan of an account that has the finalizer or is not being deleted. */
function planExisting(world: AccountWorld, deleting: boolean, held: boolean): AccountPlan {
  const { account, cluster } = world;
  const list = createStepList(world);
  if (!cluster.ok) return done(list, blockedStatus(world, cluster));
  // A quarantine is planned before everything else, because it only removes access and does not depend on the spec.
  if (world.quarantines.some(isOfWholeAccount)) {
    const names = held ? roleNamesOf(world, cluster.facts) : [];
    const status = planQuarantine(world, cluster.facts, names, list);
    return done(list, withQuarantinedPods(status, rowsWhileCutOff(world)));
  }
  /** Plan of an account that a problem blocks. The account's quarantined pods are denied even then. */
  const blocked = (problem: Problem): AccountPlan => {
    const { rows } = planPodDenial(world, cluster.facts, list);
    return done(list, withQuarantinedPods(blockedStatus(world, problem), rows));
  };
  // A later version may have applied a field that this version does not know. A plan of this version would revert the
  // effects of that field.
  const newer = newerSpecMessage(linkedServiceAccounts.kind, account.spec);
  if (newer !== undefined) return blocked({ reason: 'SpecNewerThanOperator', message: newer });

  const used = deleting ? targetsThatCouldLose(world, cluster.facts) : [];
  // The deletion of a CRD deletes its objects without admission control. Deletion protection is therefore enforced here too.
  const isKept = deleting && isProtected(account.metadata);
  if (deleting && used.length === 0 && !isKept) {
    const problem = planDeletion(world, cluster.facts, roleNamesOf(world, cluster.facts), list);
    return done(list, blockedStatus(world, problem, endedByDeletion));
  }
  const notAdmitted = unadmitted(world, cluster.facts);
  if (!held && notAdmitted) return done(list, blockedStatus(world, notAdmitted));
  if (!held) {
    list.addStep({ kind: 'AddFinalizer' });
    const message = 'the finalizer is being added to the account';
    return done(list, blockedStatus(world, { reason: 'CreatingRole', message }));
  }
  const released = planRelease(world, cluster.facts, list);
  if (released) return done(list, released);
  const otherCluster = planOtherCluster(world, cluster.facts, list);
  if (otherCluster) return done(list, blockedStatus(world, otherCluster));
  const plan = notAdmitted ? blocked(notAdmitted) : planSync(world, cluster.facts, list);
  if (!deleting) return plan;
  if (isKept) {
    const message = `the deletion of the account waits, because the account is protected: its role and links stay as they are. To delete the account: kubectl label lsa ${account.metadata.name} ${protectedMark}-; kubectl annotate lsa ${account.metadata.name} ${protectedMark}-`;
    return deletionWaits(world, plan, { reason: 'DeletionProtected', message });
  }
  return deletionWaits(world, plan, { reason: 'InUse', message: inUseMessage(used, cluster.facts) });
}

/**
 * Problem if the account already has a role in another cluster. Such a role blocks the creation of a role in this
 * cluster.
 */
function planOtherCluster(world: AccountWorld, facts: ClusterFacts, list: StepList): Problem | undefined {
  const first = world.roles.get(accountRoleName(world.account, facts, 1))?.role;
  if (first && isOwned(roleOwnership(first, world.account, facts))) return undefined;
  const [role, ...others] = rolesOfOtherClusters(world, facts);
  if (role) return clusterChanged(world, facts, [role, ...others]);
  const unread = unreadRoles(world, facts);
  const failed = unread.flatMap((name) => {
    const failure = list.addStep({
      kind: 'ReadRole',
      role: name,
      why: 'the status of the account names the role',
    });
    return failure ? [unreadable(world, facts, name, failure)] : [];
  });
  if (unread.length === 0) return undefined;
  return (
    failed[0] ?? {
      reason: 'CreatingRole',
      message: 'the operator is reading the role that is named in the status',
    }
  );
}

function planSync(world: AccountWorld, facts: ClusterFacts, list: StepList): AccountPlan {
  const { account } = world;
  const decisions = decideTargets(world, facts);
  const listed = listedPolicies(account.spec.aws, facts);
  const policies = screenPolicies(listed, facts);
  const tooMany = policies.wanted.length > facts.quotas.policiesPerRole;

  const base = accountRoleName(account, facts, 1);
  const assigned = assignTargets(
    trustedTargets(world, facts, decisions),
    previousShards(world, facts),
    (keys) =>
      desiredRole(account, facts, base, targetsByMode(keys)).trustPolicy.length <=
      facts.quotas.trustPolicySize,
  );
  const shards = new Map([...closedShards(world, facts), ...assigned]);
  const draining = new Set(
    decisions.filter((decision) => decision.draining).map(({ observation }) => observation.name),
  );
  const roles = [...shards].map(([index, keys]): ServingRole => {
    const targets = targetsByMode(keys);
    const spec = desiredRole(account, facts, accountRoleName(account, facts, index), targets);
    const kept = keptPolicies(
      world.roles.get(spec.name)?.role ?? undefined,
      policies.refused,
      account.status?.policies,
      facts,
    );
    // If the spec lists more policies than the quota allows, the attached policies are kept, because an invalid spec must not
    // reduce existing access.
    const attached = world.roles.get(spec.name)?.role?.attachedPolicyArns ?? [];
    const policyArns = tooMany ? attached : [...policies.wanted, ...kept];
    const proofsOfDrift = (role: ObservedRole): boolean =>
      proofsAreOpen(world, list, role, targets, draining);
    const statements = desiredStatements(account, facts, spec.permissionsBoundaryArn);
    const assessment = assessRole(world, facts, spec, policyArns, list, proofsOfDrift, statements);
    return { targets, policyArns, statements, assessment };
  });

  const trustInSync = roles.every(
    ({ assessment }) =>
      assessment.role && sameDocument(assessment.role.trustPolicy, assessment.spec.trustPolicy),
  );
  const context = { world, facts, list, roles, slot: currentSwitchSlot(world, facts, decisions) };
  const rows = decisions
    .map((decision) => keepLink(context, decision, planTarget(context, decision, trustInSync)))
    .filter((row) => row !== undefined);
  const unneeded = unneededRoles(world, facts, roles);
  const surplus = removeSurplus(world, unneeded, list);
  const podDenial = planPodDenial(
    world,
    facts,
    list,
    (role) => !unneeded.some(({ name }) => name === role.name),
  );

  const former = formerTargets({
    now: world.date,
    former: account.status?.formerTargets ?? [],
    before: account.status?.targets ?? [],
    wanted: new Set(rows.filter((row) => row.wanted || row.draining).map(({ name }) => name)),
    pending: new Set(rows.filter(({ wanted }) => !wanted).map(({ name }) => name)),
    isNarrowed: trustInSync,
    maxSessionSeconds: longestSession(world, roles),
  });
  for (const { sessionsUntil } of former) {
    const leftMs = Date.parse(sessionsUntil) - world.date;
    if (leftMs > 0) list.requeueAtLatest(world.now + leftMs);
  }
  const status = accountStatus(world, {
    podDenial,
    formerTargets: former,
    roles: roles.map((role) => role.assessment),
    targets: rows,
    policies: asLastRead(
      world,
      roles,
      mergedPolicyRows(listed, refusedRows(policies.refused, roles, facts), roles),
    ),
    ...defined({
      surplus,
      tooManyPolicies: tooMany
        ? `${policies.wanted.length} policies are listed, but IAM allows ${facts.quotas.policiesPerRole} on one role of this AWS account. Nothing was attached; ask AWS for a higher quota, or merge several policies into one.`
        : undefined,
    }),
  });
  return done(
    list,
    status,
    roles.flatMap((role) => role.assessment.drift),
    roles.flatMap(({ assessment: { role, problem, spec }, policyArns, statements }) =>
      role && !problem ? { spec, policyArns, ...documentOf(statements) } : [],
    ),
  );
}

/**
 * Longest session, in seconds, that the account's roles should allow, allow now, or allowed when the account was last
 * in sync.
 */
function longestSession(world: AccountWorld, roles: readonly ServingRole[]): number {
  return Math.max(
    0,
    ...roles.map(({ assessment: { spec } }) => spec.maxSessionDuration),
    ...[...world.lastSynced.values()].map(({ spec }) => spec.maxSessionDuration),
    ...[...world.roles.values()].map(({ role }) => role?.maxSessionDuration ?? 0),
  );
}

/**
 * Requests the proofs that show whether a drifted trust policy still admits the pods. Returns whether the result of a proof is
 * still missing.
 */
function proofsAreOpen(
  world: AccountWorld,
  list: StepList,
  role: ObservedRole,
  { IRSA, PodIdentity }: TargetsByMode,
  draining: ReadonlySet<string>,
): boolean {
  // Draining targets get no proofs, because the operator might not be permitted to create tokens in their namespaces.
  const serves = (target: string): boolean => !draining.has(target);
  const observed = new Map(world.targets.map((target) => [target.name, target]));
  const byToken = IRSA.filter(serves).map((target) => {
    const serviceAccount = observed.get(target)?.serviceAccount;
    return serviceAccount !== undefined && proofIsOpen(world, list, target, role, serviceAccount);
  });
  const byPod = PodIdentity.filter(serves).map((target) => {
    const { serviceAccount, held } = observed.get(target) ?? {};
    const association = world.associations.get(target)?.association;
    const pod = held?.exchangePod;
    return (
      serviceAccount !== undefined &&
      pod !== undefined &&
      association != null &&
      proofIsOpen(world, list, target, role, serviceAccount, { association, pod })
    );
  });
  return [...byToken, ...byPod].some(Boolean);
}

function planTarget(
  context: TargetContext,
  decision: TargetDecision,
  trustInSync: boolean,
): TargetRow | undefined {
  const { observation } = decision;
  if (decision.draining) return drainingRow(context.world, decision);
  if (!decision.wanted) return planUnwanted(context, observation, trustInSync);
  if (decision.problem) {
    const { serviceAccount } = observation;
    const roleArn = decision.admitted ? serviceAccount?.roleArn : undefined;
    return {
      ...initialRow(observation),
      linked: roleArn !== undefined,
      ...defined({ roleArn }),
      ...decision.problem,
    };
  }
  return planWanted(context, observation);
}

/**
 * Row of a target that is no longer wanted. As long as a role admits the target's pods, the row reports that access is
 * still open.
 */
function keepLink(
  { world, facts, roles }: TargetContext,
  { admitted, observation, wanted }: TargetDecision,
  planned: TargetRow | undefined,
): TargetRow | undefined {
  const { name } = observation;
  if (admitted || planned?.linked || !isReportedLinked(world, name)) return planned;
  const isUnknown = roles.some(({ assessment }) => isUnread(assessment));
  if (!isUnknown && !isStillOpen(world, facts, name)) return planned;
  const removing = { reason: 'Unlinking', message: 'the target is being removed from the trust policy' };
  const before = rowFromStatus(world, observation);
  return { ...before, wanted, ...removing, ...planned, linked: false, proven: false, stillOpen: true };
}

/** Row of a draining target: its last state, the reason for unlinking, and what delays the unlinking. */
function drainingRow(world: AccountWorld, { observation, wanted, problem }: TargetDecision): TargetRow {
  const { name } = world.account.metadata;
  const users = observation.users.map((user) => describeUser(observation, user));
  const pods = users.length > 0 ? `: ${listing(users)}` : '';
  const why = problem?.message ?? `the account no longer names the target "${observation.name}"`;
  const before = world.account.status?.targets?.find((row) => row.name === observation.name);
  return {
    ...rowFromStatus(world, observation),
    // A draining target gets no new proofs, so its last proof remains valid.
    proven: before?.proven === true,
    linked: true,
    wanted,
    draining: true,
    reason: 'StillInUse',
    message: `${why}; running pods in the target still hold the identity of the account${pods}. These pods keep their access until they have ended. To end their access now: kubectl annotate --overwrite lsa ${name} ${unlinkNowAnnotation}=${observation.name}`,
  };
}

/**
 * Row of a target that the spec does not name and that is not draining. The target's subject is removed from the trust
 * policy first, then its association and its ServiceAccount link. An existing association or ServiceAccount link alone
 * never makes a row `linked`. See `keepLink`.
 */
function planUnwanted(
  { world, facts, list }: TargetContext,
  observation: TargetObservation,
  trustInSync: boolean,
): TargetRow | undefined {
  const unassociate = decideUnassociate(world, facts, observation, 'the account does not name the target');
  const unlink = decideUnlink(world.account.metadata.name, observation);
  const base = { ...initialRow(observation), wanted: false };
  if (unassociate) {
    const failure =
      trustInSync || unassociate.kind === 'ReadAssociation' ? list.addStep(unassociate) : undefined;
    // Associations that are foreign or unreadable remain unchanged.
    return unlink || unassociate.kind === 'DeleteAssociation'
      ? { ...base, ...problemOr(failure, 'Unlinking', 'the association is being removed') }
      : undefined;
  }
  if (!unlink) return undefined;
  if (unlink.kind === 'DeleteServiceAccount' && observation.users.length > 0) {
    const users = listing(observation.users.map((user) => describeUser(observation, user)));
    return {
      ...base,
      reason: 'StillInUse',
      message: `running pods still use the ServiceAccount, which no longer gives them the permissions of the account: ${users}`,
    };
  }
  const failure = trustInSync ? list.addStep(unlink) : undefined;
  return { ...base, ...problemOr(failure, 'Unlinking', 'the link is being removed') };
}

/** Names of all roles that this account can have in IAM: derived names, and roles whose tags name the account. */
function roleNamesOf(world: AccountWorld, facts: ClusterFacts): readonly string[] {
  return [...new Set([...accountRoleNames(world.account, facts), ...world.roles.keys()])].sort();
}

/** Replaces the `Ready` condition of an account that stays in sync while its deletion waits. */
function deletionWaits(world: AccountWorld, plan: AccountPlan, problem: Problem): AccountPlan {
  const isReady = ({ type }: { readonly type: string }): boolean => type === 'Ready';
  const waiting = blockedStatus(world, problem).conditions?.filter(isReady) ?? [];
  const synced = plan.status.conditions?.filter((condition) => !isReady(condition)) ?? [];
  return { ...plan, status: { ...plan.status, conditions: [...waiting, ...synced] } };
}

function done(
  list: StepList,
  status: LinkedServiceAccountStatus,
  drift: readonly string[] = [],
  lastSynced: readonly LastSyncedRole[] = [],
): AccountPlan {
  return {
    steps: list.steps,
    status,
    drift,
    lastSynced,
    ...defined({ requeueAt: list.requeueAt }),
  };
}
