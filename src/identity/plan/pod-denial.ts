/**
 * Denial of individual pods. Each role of the account gets one inline policy that denies the sessions of all pods that
 * Quarantines name. The policy is removed when no Quarantine names a pod.
 *
 * | Quarantines | role             | step                                                                    |
 * |-------------|------------------|-------------------------------------------------------------------------|
 * | name pods   | other or no denial | write the denial, if the operator may write inline policies of the role |
 * | name pods   | exactly the denial | none                                                                    |
 * | name none   | denial           | remove it                                                               |
 *
 * The denial does not depend on the account's spec. The denial stays after a pod has ended, because the pod's sessions remain
 * valid until they expire. The operator is permitted to write inline policies only if its IAM policy allows statements, and only
 * on roles with a permissions boundary. Removing an inline policy has neither of these conditions.
 */
import type { LinkedServiceAccountStatus, QuarantinedPodStatus } from '../../api/index.ts';
import { defined } from '../../k8s/defined.ts';
import { ownedRoles } from './owned-roles.ts';
import { largestInlinePolicy } from '../desired/operator-policy.ts';
import { deniedPods, hasPodDenial, podDenialDocument, type DeniedPod } from '../desired/pod-denial.ts';
import { isMarked } from '../desired/quarantine.ts';
import { sameDocument } from '../desired/trust.ts';
import { isTransient } from './policies.ts';
import type { Problem, AccountWorld, CachedRole, ClusterFacts, ObservedRole } from '../state/world.ts';
import { problemOf, readAfterLostWrite, type StepList } from './step-list.ts';

export type PodDenial = {
  /** Rows of quarantined pods for the status. */
  readonly rows: readonly QuarantinedPodStatus[];
  /** Reason why the pods that the roles deny differ from the pods that Quarantines name. */
  readonly problem?: Problem;
};

/** @param isServing whether the role keeps its policies (default: true for every role). A role that is being removed gets no denial. */
export function planPodDenial(
  world: AccountWorld,
  facts: ClusterFacts,
  list: StepList,
  isServing: (role: ObservedRole) => boolean = () => true,
): PodDenial {
  const pods = deniedPods(world.quarantines);
  const document = pods.length === 0 ? undefined : podDenialDocument(pods.map(({ uid }) => uid));
  const owned = ownedRoles(world, facts).filter(({ role }) => !isMarked(role.tags) && isServing(role));
  const problems = owned.flatMap(
    ({ cached, role }) => planRole(world, facts, cached, role, document, list) ?? [],
  );
  if (document === undefined) return { rows: [], ...defined({ problem: problems[0] }) };
  const waits: Problem = { reason: 'DenyingPods', message: 'the role of the account does not exist yet' };
  const undone = problems.find(({ reason }) => reason !== 'DenyingPods') ?? problems[0];
  const common = undone ?? (owned.length === 0 ? waits : undefined);
  const rows = pods.map((pod) => podRow(pod, common ?? webIdentityOf(world, pod)));
  const failed = rows.find(({ denied }) => !denied);
  if (!failed || owned.length === 0) return { rows };
  const message = `the sessions of the pod ${displayName(failed)} are not denied: ${failed.message}`;
  return { rows, problem: common ?? { reason: 'PodsNotDenied', message } };
}

/**
 * Rows of quarantined pods while the whole account is cut off. These pods are then denied too, as all pods of the
 * account are.
 */
export function rowsWhileCutOff({ quarantines }: AccountWorld): readonly QuarantinedPodStatus[] {
  return deniedPods(quarantines).map((pod) => podRow(pod));
}

/** Replaces the rows of quarantined pods in a status. */
export function withQuarantinedPods(
  { quarantinedPods: _, ...status }: LinkedServiceAccountStatus,
  rows: readonly QuarantinedPodStatus[],
): LinkedServiceAccountStatus {
  return rows.length === 0 ? status : { ...status, quarantinedPods: [...rows] };
}

/**
 * Adds the step that brings the denial on one role in sync. Returns undefined if the denial is in sync. Otherwise,
 * returns the problem that prevents the change, or else the progress of the change.
 */
function planRole(
  world: AccountWorld,
  facts: ClusterFacts,
  cached: CachedRole,
  role: ObservedRole,
  document: string | undefined,
  list: StepList,
): Problem | undefined {
  const isInSync =
    document === undefined
      ? !hasPodDenial(role)
      : role.podDenial !== undefined && sameDocument(role.podDenial, document);
  if (isInSync) return undefined;
  const verb = document === undefined ? 'removed' : 'written';
  const underWay: Problem = {
    reason: 'DenyingPods',
    message: `the denial of the sessions of quarantined pods is being ${verb} on the role ${role.arn}`,
  };
  readAfterLostWrite(world, cached, role.name, list);
  // A listing may be outdated, so the role is read before a write. If the read fails, a denial is written anyway, because it only
  // removes access.
  if (cached.source === 'list') {
    const why = 'the denial of the sessions of quarantined pods is about to change';
    const failure = list.addStep({ kind: 'ReadRole', role: role.name, why });
    if (!failure || document === undefined) return underWay;
  }
  if (document === undefined) {
    const failure = list.addStep({ kind: 'DeletePodDenial', role: role.name });
    return failure ? problemOf(failure) : underWay;
  }
  const refusal = refusalOf(world, facts, role, document);
  if (refusal !== undefined) return { reason: 'PodsNotDenied', message: refusal };
  const failure = list.addStep({ kind: 'PutPodDenial', role: role.name, document });
  if (!failure || isTransient(failure.code)) return underWay;
  return {
    reason: failure.code,
    message: `the sessions of quarantined pods are not denied on the role ${role.arn}: ${failure.message}. ${remedy(world)}`,
  };
}

/**
 * Reason why the operator is not permitted to write the denial, or why IAM would reject it; undefined if no such reason is known.
 */
function refusalOf(
  world: AccountWorld,
  facts: ClusterFacts,
  role: ObservedRole,
  document: string,
): string | undefined {
  const what = `the sessions of quarantined pods are not denied on the role ${role.arn}`;
  const instead = remedy(world);
  if (!facts.allowsStatements)
    return `${what}: the operator is not permitted to write inline policies, because the ClusterConfig "${facts.configName}" does not allow statements (spec.aws.allowStatements). ${instead}`;
  if (role.permissionsBoundaryArn === undefined)
    return `${what}: the operator is permitted to write inline policies only on roles with a permissions boundary, and the role has none. ${instead}`;
  const size = [document, role.inlinePolicy ?? ''].join('').replaceAll(/\s/g, '').length;
  if (size > largestInlinePolicy)
    return `${what}: the inline policies of the role would have ${size} characters, and IAM allows ${largestInlinePolicy}. ${instead}`;
  return undefined;
}

function remedy({ account }: AccountWorld): string {
  return `To end the access of quarantined pods, cut off the whole account: kon account quarantine ${account.metadata.name}`;
}

/** Problem of a running pod with a web identity: its sessions have no tag that identifies the pod. */
function webIdentityOf(world: AccountWorld, { uid }: DeniedPod): Problem | undefined {
  const running = world.targets.flatMap(({ held }) => held.byPod ?? []);
  if (running.find((pod) => pod.uid === uid)?.hasWebIdentity !== true) return undefined;
  return {
    reason: 'PodsNotDenied',
    message: `the pod has a web identity (IRSA). The sessions of a web identity have no tag that identifies the pod, so these sessions cannot be denied individually. ${remedy(world)}`,
  };
}

function podRow({ uid, namespace, name, quarantine }: DeniedPod, problem?: Problem): QuarantinedPodStatus {
  return {
    uid,
    ...defined({ namespace, name }),
    quarantine: quarantine.name,
    since: quarantine.since,
    ...defined({ requestedBy: quarantine.requestedBy }),
    denied: problem === undefined,
    ...problem,
  };
}

function displayName({ uid, namespace, name }: QuarantinedPodStatus): string {
  return name === undefined ? uid : namespace === undefined ? name : `${namespace}/${name}`;
}
