/** Attachments and detachments of a role's managed policies. A failed attachment affects only the status row of its policy. */
import { detachDisallowedAnnotation, type ClusterConfig, type PolicyStatus } from '../../api/index.ts';
import { matchesPattern, partitionOf } from '../desired/arn.ts';
import { digest } from '../desired/digest.ts';
import type { IdentityErrorCode } from '../state/errors.ts';
import { problemOr, type StepList } from './step-list.ts';
import type { ClusterFacts, ObservedRole, StepFailure, Problem } from '../state/world.ts';

/** Policy that is attached to a role although the account does not list it. */
export type UnlistedPolicy = {
  readonly arn: string;
  /** Failure of the last attempt to detach the policy. It is kept until a later attempt succeeds or the spec changes. */
  readonly failure?: StepFailure;
};

/** Errors that do not depend on the policy and disappear without user action. */
const transient: ReadonlySet<IdentityErrorCode> = new Set([
  'Throttled',
  'Unreachable',
  'ServiceFailure',
  'ConcurrentChange',
]);

export function isTransient(code: IdentityErrorCode): boolean {
  return transient.has(code);
}

/** Row of a policy that is not attached, with the reason. */
export function unattached(arn: string, { reason, message }: Problem): PolicyStatus {
  return { arn, attached: false, reason, message };
}

/**
 * Value of the annotation with which a user consents to the detachment of policies that are not allowed. Each list of
 * allowed policies has its own value.
 */
export function allowListKey(patterns: readonly string[] = []): string {
  return digest(patterns.toSorted(), 10);
}

export function consentsToDetach({ metadata, spec }: Pick<ClusterConfig, 'metadata' | 'spec'>): boolean {
  const consent = metadata.annotations?.[detachDisallowedAnnotation];
  return consent !== undefined && consent === allowListKey(spec.aws.allowedPolicyArns);
}

/**
 * Policies that the account lists and the role keeps, because they were attached before the ClusterConfig stopped
 * allowing them. The operator never attaches a policy that is not allowed. If others attach such a policy later, the
 * attachment is drift.
 */
export function keptPolicies(
  role: ObservedRole | undefined,
  refused: readonly PolicyStatus[],
  before: readonly PolicyStatus[] = [],
  { detachesDisallowed }: Pick<ClusterFacts, 'detachesDisallowed'>,
): readonly string[] {
  if (!role || detachesDisallowed) return [];
  const wasOff = (arn: string): boolean =>
    before.some((row) => row.arn === arn && row.reason === 'PolicyNotAllowed' && !row.attached);
  return refused.flatMap(({ arn, reason }) =>
    reason === 'PolicyNotAllowed' && role.attachedPolicyArns.includes(arn) && !wasOff(arn) ? [arn] : [],
  );
}

/** Status row of a policy that the ClusterConfig no longer allows and that is still attached. */
export function stillAttached(row: PolicyStatus, facts: ClusterFacts): PolicyStatus {
  const consent = `kubectl annotate --overwrite clusterconfig ${facts.configName} ${detachDisallowedAnnotation}=${allowListKey(facts.allowedPolicyArns)}`;
  return {
    ...row,
    attached: true,
    message: `still attached; ${row.message}. To detach all policies that are not allowed, in all accounts: ${consent}`,
  };
}

/**
 * Splits the listed policies into wanted policies, which the role should have, and refused policies, which the operator never
 * attaches. A refused policy is returned as its status row.
 */
export function screenPolicies(
  arns: readonly string[],
  facts: ClusterFacts,
): { readonly wanted: readonly string[]; readonly refused: readonly PolicyStatus[] } {
  const wanted: string[] = [];
  const refused: PolicyStatus[] = [];
  for (const arn of arns) {
    const partition = partitionOf(arn);
    if (partition !== facts.partition) {
      const message = `the policy is in the partition "${partition}", but this cluster is in "${facts.partition}"`;
      refused.push(unattached(arn, { reason: 'WrongPartition', message }));
    } else if (
      facts.allowedPolicyArns &&
      !facts.allowedPolicyArns.some((pattern) => matchesPattern(arn, pattern))
    ) {
      const message = `the ClusterConfig "${facts.configName}" does not allow this policy; it allows: ${facts.allowedPolicyArns.join(', ')}`;
      refused.push(unattached(arn, { reason: 'PolicyNotAllowed', message }));
    } else {
      wanted.push(arn);
    }
  }
  return { wanted, refused };
}

/**
 * Attaches missing policies before it detaches unlisted policies, so that an edit never removes access that pods keep needing. If
 * the role's quota has no room for the missing policies, unlisted policies are detached first.
 * @param listed policies that the account lists, allowed or not
 * @param isAwaited whether statements have to be written before any policy is detached
 * @returns a status row for each wanted policy, the attached policies that are not wanted, and whether a policy or
 * statements still have to be written
 */
export function planPolicies(
  list: StepList,
  role: ObservedRole,
  wanted: readonly string[],
  listed: readonly string[],
  policiesPerRole: number,
  isAwaited = false,
): {
  readonly rows: readonly PolicyStatus[];
  readonly unlisted: readonly UnlistedPolicy[];
  readonly isAwaited: boolean;
} {
  const attached = new Set(role.attachedPolicyArns);
  const missing = wanted.filter((arn) => !attached.has(arn));
  const unlisted = role.attachedPolicyArns.filter((arn) => !wanted.includes(arn));
  const room = policiesPerRole - attached.size;
  const rows = new Map<string, PolicyStatus>();
  let stillToAttach = isAwaited ? 1 : 0;
  for (const [index, policyArn] of missing.entries()) {
    if (index >= room && unlisted.length === 0) {
      const message = `the role already has ${attached.size} policies, and IAM allows only ${policiesPerRole}`;
      rows.set(policyArn, unattached(policyArn, { reason: 'TooManyPolicies', message }));
      continue;
    }
    // The role has no room for the remaining policies until the detachments below have been executed.
    if (index >= room) {
      stillToAttach += 1;
      const message = 'waits until another policy is detached from the role';
      rows.set(policyArn, unattached(policyArn, { reason: 'AttachingPolicies', message }));
      continue;
    }
    const failure = list.addStep({ kind: 'AttachPolicy', role: role.name, policyArn });
    // Detachments wait until the missing policies are attached. They do not wait for a policy that AWS refuses to
    // attach for a reason that may be permanent.
    if (!failure || isTransient(failure.code)) stillToAttach += 1;
    rows.set(policyArn, unattached(policyArn, problemOr(failure, 'AttachingPolicies', 'is being attached')));
  }
  const makeRoom = Math.max(0, missing.length - room);
  const detachments = unlisted.map((policyArn, index): UnlistedPolicy => {
    if (stillToAttach > 0 && index >= makeRoom) return { arn: policyArn };
    const failure = list.addStep({
      kind: 'DetachPolicy',
      role: role.name,
      policyArn,
      why: listed.includes(policyArn)
        ? 'the ClusterConfig does not allow the policy'
        : 'the account does not list the policy',
    });
    return { arn: policyArn, ...(failure ? { failure } : {}) };
  });
  return {
    rows: wanted.map((arn) => rows.get(arn) ?? { arn, attached: true }),
    unlisted: detachments,
    isAwaited: stillToAttach > 0,
  };
}
