/** Assessment of one role: compares its cached state with the desired state and plans the steps that bring it in sync. */
import type { LinkedServiceAccount, PolicyStatus, StatementsStatus } from '../../api/index.ts';
import { adoptionBlocked, adoptionRefused, excludedByAdoption } from './adoption.ts';
import { messageAbout, roleArn } from '../desired/arn.ts';
import {
  adoptionTags,
  isManaged,
  issuersOf,
  issuerTag,
  issuerTagValue,
  ownershipOf,
} from '../desired/ownership.ts';
import { ownerOf } from '../desired/role.ts';
import { listedPolicies } from '../desired/policy-names.ts';
import { planPolicies, unattached, type UnlistedPolicy } from './policies.ts';
import { findCondition } from '../../k8s/conditions.ts';
import { defined } from '../../k8s/defined.ts';
import { driftWords, type RoleChange } from '../steps/role.ts';
import {
  planRemovedStatements,
  planStatements,
  statementsDiffer,
  statementsDrift,
  statementsRow,
} from './statements.ts';
import {
  foreignInlinePolicies,
  hasStatements,
  inlinePolicyName,
  type DesiredStatements,
} from '../desired/statements.ts';
import { isIssuerTagOnly, roleChanges, remedy } from './role-changes.ts';
import { problemOf, problemOr, readAfterLostWrite, type StepList } from './step-list.ts';
import { stepKey } from '../steps/index.ts';
import type {
  RoleSpec,
  AccountWorld,
  ClusterFacts,
  ObservedRole,
  LastSyncedRole,
  CachedRole,
  StepFailure,
  Problem,
} from '../state/world.ts';
import { settableTags } from '../desired/tags.ts';

export type RoleAssessment = {
  readonly spec: RoleSpec;
  /** ARN of the role, known in advance because names are deterministic. */
  readonly arn: string;
  /** Role in `cached`, if the role exists and belongs to the account. */
  readonly role?: ObservedRole;
  readonly cached?: CachedRole;
  /** Problem that keeps the role from being in sync. Problems of single policies are in `policies`. */
  readonly problem?: Problem;
  readonly policies: readonly PolicyStatus[];
  /** Attached policies that the account does not list. */
  readonly unlisted?: readonly UnlistedPolicy[];
  readonly statements?: StatementsStatus;
  /** Failure of the last attempt to delete a foreign inline policy. With `strictInline`, such policies are deleted. */
  readonly inlineFailure?: Problem;
  /** Descriptions of out-of-band changes. */
  readonly drift: readonly string[];
};

/**
 * Whether the operator has to read the role to know if the role exists: the role was never read, and a listing without
 * the role may be outdated.
 */
export function isUnread({ cached }: RoleAssessment): boolean {
  return cached === undefined || (cached.role === null && cached.source === 'list');
}

/**
 * @param proofsOfDrift requests the proofs that show the effect of a drifted trust policy; it returns whether the
 * result of a proof is still missing
 */
export function assessRole(
  world: AccountWorld,
  facts: ClusterFacts,
  spec: RoleSpec,
  wantedPolicies: readonly string[],
  list: StepList,
  proofsOfDrift: (role: ObservedRole) => boolean,
  desired: DesiredStatements,
): RoleAssessment {
  const { account } = world;
  const cachedRole = world.roles.get(spec.name);
  const base = {
    spec,
    arn: cachedRole?.role?.arn ?? roleArn({ ...facts, path: facts.rolePath, name: spec.name }),
    ...defined({ cached: cachedRole }),
  };
  const waits = { reason: 'CreatingRole', message: 'waits for the role' } as const;
  /**
   * Assessment of a role that the account cannot use yet because of `problem`. `why` is the problem that the policies'
   * status rows report.
   */
  const blocked = (problem: Problem, why: Problem = waits): RoleAssessment => ({
    ...base,
    policies: wantedPolicies.map((arn) => unattached(arn, why)),
    ...defined({ statements: statementsRow(desired, waits) }),
    drift: [],
    problem,
  });

  if (!cachedRole?.role) return blocked(planCreation(world, spec, cachedRole, base.arn, list));

  const role = cachedRole.role;
  switch (ownershipOf(role, ownerOf(account, facts))) {
    case 'otherIssuer':
      return blocked(
        {
          reason: 'RoleOfAnotherCluster',
          message: `the role ${role.arn} has the tags of this cluster and account, but belongs to the token issuer ${issuersOf(role).join(', ')}; the issuer of this cluster is ${issuerTagValue(facts.issuer)}. ${leftAlone(role)} If no other cluster needs the role any more, take the role over: aws iam tag-role --role-name ${role.name} --tags Key=${issuerTag},Value=${issuerTagValue(facts.issuer)}`,
        },
        { reason: 'RoleOfAnotherCluster', message: 'the role belongs to another cluster' },
      );
    case 'foreign':
      if (
        account.spec.aws.adopt === true &&
        role.name === account.spec.aws.roleName &&
        !isManaged(role.tags)
      ) {
        return blocked(planAdoption(world, spec, cachedRole, role, facts, list));
      }
      return blocked(
        {
          reason: 'RoleNotOwned',
          message: `the role ${role.arn} already exists, but its tags do not say that it belongs to this account. ${leftAlone(role)} ${remedy(role, spec, wantedPolicies, account, facts)}`,
        },
        { reason: 'RoleNotOwned', message: 'the role does not belong to this account' },
      );
    case 'earlier': {
      // A listed role is read before it is adopted, because another cluster may have changed it after the listing.
      const failure = list.addStep(
        cachedRole.source === 'list'
          ? { kind: 'ReadRole', role: role.name, why: 'the role is about to be adopted' }
          : { kind: 'TagRole', role: role.name, tags: spec.tags },
      );
      const underWay = 'the role of an earlier account of this name is being re-adopted';
      return blocked(problemOr(failure, 'UpdatingRole', underWay));
    }
    case 'ours':
      return {
        ...base,
        role,
        ...planUpdates(world, facts, spec, cachedRole, role, wantedPolicies, list, proofsOfDrift, desired),
      };
  }
}

/**
 * Note for users about a role that the account does not own: neither an edit nor the deletion of the account changes
 * this role.
 */
function leftAlone({ attachedPolicyArns }: ObservedRole): string {
  const attached =
    attachedPolicyArns.length > 0 ? `, which keeps its policies: ${attachedPolicyArns.join(', ')}` : '';
  return `The operator does not change the role${attached}. Edits and the deletion of this account therefore revoke nothing.`;
}

function planAdoption(
  { account, holders, now }: AccountWorld,
  spec: RoleSpec,
  { source, readAgainAt = 0 }: CachedRole,
  role: ObservedRole,
  facts: ClusterFacts,
  list: StepList,
): Problem {
  const underWay: Problem = { reason: 'UpdatingRole', message: `the role ${spec.name} is being adopted` };
  // The last write to the role got no response. Its outcome is unknown, and another account may own the role by now.
  const isIndeterminate = readAgainAt > 0;
  if (readAgainAt > now) {
    list.requeueAtLatest(readAgainAt);
    return underWay;
  }
  // A role is read before its adoption, because a listing may be stale.
  if (source === 'list' || isIndeterminate) {
    const failure = list.addStep({
      kind: 'ReadRole',
      role: spec.name,
      why: 'the role is about to be adopted',
    });
    return failure ? problemOf(failure) : underWay;
  }
  const excluded = excludedByAdoption(role, spec, holders, facts);
  if (excluded.length > 0) return adoptionBlocked(role, excluded, account.metadata.name);
  const tags = adoptionTags(ownerOf(account, facts));
  const failure = list.addStep({ kind: 'TagRole', role: spec.name, tags });
  return failure ? adoptionRefused(role, failure, facts) : underWay;
}

function planCreation(
  world: AccountWorld,
  spec: RoleSpec,
  cachedRole: CachedRole | undefined,
  arn: string,
  list: StepList,
): Problem {
  const create = { kind: 'CreateRole', role: spec.name, spec } as const;
  const { adopt, roleName } = world.account.spec.aws;
  if (adopt === true && spec.name === roleName) return planLookup(spec, cachedRole, list);
  const taken =
    world.failures.get(stepKey(create))?.code === 'RoleAlreadyExists' && cachedRole?.source !== 'read';
  const lost = cachedRole?.source === 'list' && world.account.status?.roleArn !== undefined;
  const failure =
    taken || lost
      ? list.addStep({
          kind: 'ReadRole',
          role: spec.name,
          why: taken ? 'a role of this name exists already' : 'a listing of all roles did not show the role',
        })
      : list.addStep(create);
  if (failure)
    return { reason: failure.code, message: `${failure.message}${deniedTagsNote(failure, world.account)}` };
  if (lost || (cachedRole?.source === 'read' && world.account.status?.roleId !== undefined)) {
    return {
      reason: 'RoleDrifted',
      message: `the role ${arn} was deleted outside Konstellation; it is being recreated`,
    };
  }
  return { reason: 'CreatingRole', message: `the role ${spec.name} is being created` };
}

/**
 * Note with the tags of a CreateRole call that AWS denied. One tag key that is not allowed makes AWS deny the whole call, and the
 * error does not name the key.
 */
function deniedTagsNote({ code }: { readonly code: string }, { spec }: LinkedServiceAccount): string {
  const keys = Object.keys(settableTags(spec.aws.tags));
  return code === 'AccessDenied' && keys.length > 0
    ? `; the account sets the tags ${keys.sort().join(', ')}; each of these keys must be in spec.aws.tags or spec.aws.allowedTagKeys of the ClusterConfig, and the operator needs the policy that kon iam-policy prints`
    : '';
}

/** Plans the read of a role that is to be adopted. Such a role is never created. */
function planLookup(spec: RoleSpec, cachedRole: CachedRole | undefined, list: StepList): Problem {
  const failure =
    cachedRole?.source === 'read' || cachedRole?.source === 'write'
      ? undefined
      : list.addStep({ kind: 'ReadRole', role: spec.name, why: 'the role is to be adopted' });
  return problemOr(failure, 'RoleNotFound', `the role ${spec.name} is to be adopted, but it does not exist`);
}

function planUpdates(
  world: AccountWorld,
  facts: ClusterFacts,
  spec: RoleSpec,
  cachedRole: CachedRole,
  role: ObservedRole,
  wantedPolicies: readonly string[],
  list: StepList,
  proofsOfDrift: (role: ObservedRole) => boolean,
  desired: DesiredStatements,
): Pick<RoleAssessment, 'problem' | 'policies' | 'unlisted' | 'statements' | 'inlineFailure' | 'drift'> {
  const { account } = world;
  readAfterLostWrite(world, cachedRole, role.name, list);
  const changes = roleChanges(role, spec, account.spec).filter(
    // The boundary is removed only after the statements that it limits have been removed.
    ({ kind }) => kind !== 'DeletePermissionsBoundary' || !hasStatements(role),
  );
  // A missing issuer tag, on a role from an earlier version, is added without reporting drift or a problem.
  const visible = changes.filter((change) => !isIssuerTagOnly(change, role));
  const attached = new Set(role.attachedPolicyArns);
  const policiesDiffer =
    wantedPolicies.some((arn) => !attached.has(arn)) ||
    attached.size !== new Set(wantedPolicies).size ||
    statementsDiffer(role, desired);

  // A listing may be outdated, so drift is confirmed by a direct read before it is repaired.
  const isUnconfirmed = role.maxSessionDuration === undefined && !isSynced(account);
  if (cachedRole.source === 'list' && (changes.length > 0 || policiesDiffer || isUnconfirmed)) {
    const failure = list.addStep({
      kind: 'ReadRole',
      role: role.name,
      why: isUnconfirmed
        ? 'the spec has changed, and the listing of all roles omits some settings of the role'
        : 'a listing of all roles shows that the role changed',
    });
    const reading: Problem = { reason: 'RoleDrifted', message: 'the role is being read again' };
    const isVisible = visible.length > 0 || failure !== undefined;
    return {
      drift: [],
      policies: wantedPolicies.map((arn) =>
        attached.has(arn) ? { arn, attached: true } : unattached(arn, reading),
      ),
      ...defined({
        statements: statementsRow(desired, statementsDiffer(role, desired) ? reading : undefined),
        problem: isVisible
          ? problemOr(failure, 'RoleDrifted', 'the role seems changed; it is being read again')
          : undefined,
      }),
    };
  }

  const differences = driftOf(world, cachedRole, role, visible, wantedPolicies, desired);
  const drift =
    differences.length > 0 &&
    differsFromLastSynced(world, { spec, policyArns: wantedPolicies, ...documentOf(desired) })
      ? []
      : differences;
  const trustDrifted = drift.length > 0 && changes.some((change) => change.kind === 'UpdateTrustPolicy');
  // Before a drifted trust policy is repaired, a proof determines whether pods have lost their access, so that the status can
  // report the loss.
  const heldBack = trustDrifted && proofsOfDrift(role);
  const failures = heldBack ? [] : changes.flatMap((change) => list.addStep(change) ?? []);
  const foreign = facts.strictInline && !heldBack ? foreignInlinePolicies(role) : [];
  const [inlineFailure] = foreign
    .filter((policyName) => policyName !== inlinePolicyName || desired.kind === 'none')
    .flatMap((policyName) => list.addStep({ kind: 'DeleteInlinePolicy', role: role.name, policyName }) ?? []);
  const written = planStatements(list, role, spec, desired);
  const { rows, unlisted, isAwaited } = planPolicies(
    list,
    role,
    wantedPolicies,
    listedPolicies(account.spec.aws, facts),
    facts.quotas.policiesPerRole,
    written.isAwaited,
  );
  const statements = written.row ?? planRemovedStatements(list, role, desired, isAwaited);

  return {
    policies: rows,
    unlisted,
    drift,
    ...defined({
      statements,
      inlineFailure: inlineFailure && problemOf(inlineFailure),
      problem: problemOfUpdates(drift, failures[0], visible, unlisted),
    }),
  };
}

/**
 * Problem of a role that differs from its spec. `failure`: the first failed change of the role itself, not of its
 * policies.
 */
function problemOfUpdates(
  drift: readonly string[],
  failure: StepFailure | undefined,
  visible: readonly RoleChange[],
  unlisted: readonly UnlistedPolicy[],
): Problem | undefined {
  const detaching = unlisted.map(({ arn }) => arn).join(', ');
  const detachment = unlisted.find((policy) => policy.failure)?.failure;
  if (drift.length > 0) {
    const failed = failure ?? detachment;
    return {
      // A failed repair requires user action, so the reason of the failure takes precedence over the reason of the drift.
      reason: failed?.code ?? 'RoleDrifted',
      message: `changed outside Konstellation: ${drift.join('; ')}. ${failed ? `The role could not be repaired: ${failed.message}` : 'The role is being repaired.'}`,
    };
  }
  if (failure) return problemOf(failure);
  if (detachment) {
    const message = `policies that the account does not list could not be detached: ${messageAbout(detaching, detachment.message)}`;
    return { reason: detachment.code, message };
  }
  if (visible.length > 0) {
    const message = `being applied: ${visible.map((change) => change.kind).join(', ')}`;
    return { reason: 'UpdatingRole', message };
  }
  if (unlisted.length === 0) return undefined;
  const message = `policies that the account does not list are being detached: ${detaching}`;
  return { reason: 'UpdatingRole', message };
}

/**
 * Whether the status reports the roles as in sync for the current spec. A listing alone cannot show this, because it omits
 * session duration and description.
 */
function isSynced({ metadata, status }: LinkedServiceAccount): boolean {
  const synced = findCondition(status?.conditions, 'RoleSynced');
  return synced?.status === 'True' && synced.observedGeneration === metadata.generation;
}

/**
 * Whether the desired spec differs from the last-synced spec, for example because the ClusterConfig or the namespaces changed.
 * Such a difference is not drift.
 */
function differsFromLastSynced({ lastSynced }: AccountWorld, desired: LastSyncedRole): boolean {
  const before = lastSynced.get(desired.spec.name);
  const words = ({ spec, policyArns, inlinePolicy }: LastSyncedRole): string =>
    JSON.stringify([spec, policyArns.toSorted(), inlinePolicy]);
  return before !== undefined && words(before) !== words(desired);
}

/** Document of the desired statements, as a field of the last-synced role. */
export function documentOf(desired: DesiredStatements): Pick<LastSyncedRole, 'inlinePolicy'> {
  return desired.kind === 'document' ? { inlinePolicy: desired.document } : {};
}

/** Descriptions of changes that others made to a role, if the role was in sync with the account's current spec before. */
function driftOf(
  world: AccountWorld,
  cachedRole: CachedRole,
  role: ObservedRole,
  changes: readonly RoleChange[],
  wantedPolicies: readonly string[],
  desired: DesiredStatements,
): readonly string[] {
  const { status, metadata } = world.account;
  if (cachedRole.source !== 'read' || status?.observedGeneration !== metadata.generation) return [];
  const attachedBefore = new Set(status?.policies?.filter((row) => row.attached).map((row) => row.arn));
  const words = [...driftWords(changes, role)];
  for (const arn of wantedPolicies) {
    if (!role.attachedPolicyArns.includes(arn) && attachedBefore.has(arn))
      words.push(`the policy ${arn} was detached`);
  }
  for (const arn of role.attachedPolicyArns) {
    if (!wantedPolicies.includes(arn)) words.push(`the policy ${arn} was attached`);
  }
  words.push(...statementsDrift(role, desired, status?.statements?.applied === true));
  return words;
}
