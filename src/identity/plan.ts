/**
 * The planner: from everything that was observed about one account to the steps that bring it in step, the status that
 * tells the truth about it, and the time to look again. Pure: the operator, the command line and tests share it.
 *
 * It is level-based. It does not know what happened, only what is; carrying out a plan and planning again ends with no step.
 */
import type { LinkedServiceAccountStatus } from '../api/index.ts';
import { accountFinalizer } from '../api/index.ts';
import { accountRoleIndex, accountRoleName, accountRoleNames } from './account-roles.ts';
import { roleNameOf } from './arn.ts';
import { planDeletion } from './deletion.ts';
import { decideLink, decideUnlink } from './links.ts';
import { ownershipOf } from './ownership.ts';
import { screenPolicies } from './policies.ts';
import { decideProof, proofIsOpen, standingProof } from './proofs.ts';
import { assessRole, desiredRole, ownerOf, type RoleAssessment } from './roles.ts';
import { assignTargets } from './shards.ts';
import { accountStatus, blockedStatus, type TargetRow } from './status.ts';
import { createStepList, type StepList } from './step-list.ts';
import type { Step } from './steps.ts';
import { decideTargets, type TargetDecision } from './targets.ts';
import { sameDocument } from './trust.ts';
import type { AccountUser, AccountWorld, ClusterFacts, ObservedRole, TargetObservation } from './world.ts';

export type AccountPlan = {
  readonly steps: readonly Step[];
  readonly status: LinkedServiceAccountStatus;
  /** What was changed behind our back, in words. The status should be told before it is put back. */
  readonly drift: readonly string[];
  /** Milliseconds; undefined when nothing but a change can matter. */
  readonly lookAgainAt?: number;
};

export function planAccount(world: AccountWorld): AccountPlan {
  const { account, cluster } = world;
  const list = createStepList(world);
  const deleting = account.metadata.deletionTimestamp !== undefined;
  const held = account.metadata.finalizers?.includes(accountFinalizer) === true;

  // Without the finalizer nothing was ever written for this account, or all of it has been removed.
  if (deleting && !held) return done(list, account.status ?? {}, []);
  if (!cluster.ok) return done(list, blockedStatus(world, cluster.reason, cluster.message), []);

  const users = world.targets.flatMap((target) => target.users.map((user) => describeUser(target, user)));
  if (deleting && users.length === 0) {
    const problem = planDeletion(world, cluster.facts, roleNamesOf(world, cluster.facts), list);
    return done(list, blockedStatus(world, problem.reason, problem.message), []);
  }
  if (!held) {
    list.want({ kind: 'AddFinalizer' });
    return done(list, blockedStatus(world, 'CreatingRole', 'the account is being taken up'), []);
  }
  const plan = planSync(world, cluster.facts, list);
  if (!deleting) return plan;
  const message = `running pods use this account: ${listing(users)}. It is deleted when they are gone. To make an app let go of it: kon app edit APP --no-account`;
  return { ...plan, status: accountInUse(world, plan.status, message) };
}

function planSync(world: AccountWorld, facts: ClusterFacts, list: StepList): AccountPlan {
  const { account } = world;
  const decisions = decideTargets(account, facts, world.targets);
  const admitted = decisions.filter((decision) => decision.admitted);
  const policies = screenPolicies(account.spec.aws.policyArns, facts);
  const tooMany = policies.wanted.length > facts.quotas.policiesPerRole;

  const base = accountRoleName(account, facts, 1);
  const shards = assignTargets(
    admitted.map((decision) => decision.observation.name),
    previousShards(world, facts),
    (targets) =>
      desiredRole(account, facts, base, targets).trustPolicy.length <= facts.quotas.trustPolicySize,
  );
  const observed = new Map(world.targets.map((target) => [target.name, target]));
  const roles = [...shards].map(([index, targets]): ShardedRole => {
    const spec = desiredRole(account, facts, accountRoleName(account, facts, index), targets);
    const proofsOfDrift = (role: ObservedRole): boolean =>
      targets
        .map((target) => observed.get(target)?.serviceAccount)
        .map(
          (serviceAccount, at) =>
            serviceAccount !== undefined && proofIsOpen(world, list, targets[at] ?? '', role, serviceAccount),
        )
        .some(Boolean);
    const wanted = tooMany ? currentlyAttached(world, spec.name, policies.wanted) : policies.wanted;
    return { targets, assessment: assessRole(world, facts, spec, wanted, list, proofsOfDrift) };
  });

  const trustInStep = roles.every(
    ({ assessment }) =>
      assessment.role && sameDocument(assessment.role.trustPolicy, assessment.spec.trustPolicy),
  );
  const rows = decisions
    .map((decision) => planTarget(world, list, decision, roles, trustInStep))
    .filter((row) => row !== undefined);
  removeSurplus(world, facts, roles, list);

  const status = accountStatus(world, {
    roles: roles.map((role) => role.assessment),
    targets: rows,
    policies: mergedPolicyRows(account.spec.aws.policyArns, policies.refused, roles),
    ...(tooMany
      ? {
          tooManyPolicies: `${policies.wanted.length} policies are listed, but IAM allows ${facts.quotas.policiesPerRole} on one role of this AWS account. Nothing was attached; ask AWS for a higher quota, or join policies.`,
        }
      : {}),
  });
  return done(
    list,
    status,
    roles.flatMap((role) => role.assessment.drift),
  );
}

type ShardedRole = { readonly targets: readonly string[]; readonly assessment: RoleAssessment };

/** Over the quota nothing is attached, but what is there stays: an invalid spec never narrows live access. */
function currentlyAttached(
  world: AccountWorld,
  role: string,
  otherwise: readonly string[],
): readonly string[] {
  return world.roles.get(role)?.role?.attachedPolicyArns ?? otherwise.slice(0, 0);
}

function planTarget(
  world: AccountWorld,
  list: StepList,
  decision: TargetDecision,
  roles: readonly ShardedRole[],
  trustInStep: boolean,
): TargetRow | undefined {
  const { observation } = decision;
  const { name, serviceAccount } = observation;
  const base = { name, pods: observation.pods };
  if (!decision.wanted) return planUnwanted(world, list, observation, trustInStep);
  if (decision.problem) return { ...base, wanted: true, linked: false, proven: false, ...decision.problem };

  const home = roles.find((role) => role.targets.includes(name))?.assessment;
  const carried = { roleArn: home?.arn ?? '' };
  if (!home?.role || !home.belief) {
    const linked = serviceAccount?.roleArn !== undefined && serviceAccount.roleArn === home?.arn;
    const problem = home?.problem ?? { reason: 'CreatingRole', message: 'waits for the role' };
    return { ...base, ...carried, wanted: true, linked, proven: false, ...problem };
  }
  const link = decideLink(world.account.metadata.name, observation, home.arn);
  switch (link.state) {
    case 'blocked':
      return { ...base, ...carried, wanted: true, linked: false, proven: false, ...link.problem };
    case 'pending': {
      const failure = list.want(link.step);
      return {
        ...base,
        ...carried,
        wanted: true,
        linked: false,
        proven: false,
        reason: failure?.code ?? 'Linking',
        message:
          failure?.message ?? `the ServiceAccount ${name}/${world.account.metadata.name} is being linked`,
      };
    }
    case 'linked': {
      if (!serviceAccount) throw new Error(`the target ${name} is linked without a ServiceAccount`);
      const trusted = sameDocument(home.role.trustPolicy, home.spec.trustPolicy);
      // While the trust policy is about to change, a new proof would tell of the old one.
      if (!trusted && home.drift.length === 0) {
        const key = standingProof(world, name, home.role, serviceAccount);
        if (key !== undefined)
          return { ...base, ...carried, wanted: true, linked: true, proven: true, proofKey: key };
        const problem = home.problem ?? {
          reason: 'UpdatingRole',
          message: 'the trust policy is being written',
        };
        return { ...base, ...carried, wanted: true, linked: true, proven: false, ...problem };
      }
      const proof = decideProof(world, list, name, home.role, home.belief, serviceAccount);
      return proof.proven
        ? { ...base, ...carried, wanted: true, linked: true, proven: true, proofKey: proof.key }
        : {
            ...base,
            ...carried,
            wanted: true,
            linked: true,
            proven: false,
            reason: proof.reason,
            message: proof.message,
          };
    }
  }
}

/** A target that the spec no longer names: its subject has left the trust policy first, then the link goes. */
function planUnwanted(
  world: AccountWorld,
  list: StepList,
  observation: TargetObservation,
  trustInStep: boolean,
): TargetRow | undefined {
  const step = decideUnlink(world.account.metadata.name, observation);
  if (!step) return undefined;
  const base = { name: observation.name, pods: observation.pods, wanted: false, linked: true, proven: false };
  if (step.kind === 'DeleteServiceAccount' && observation.users.length > 0) {
    const users = listing(observation.users.map((user) => describeUser(observation, user)));
    return {
      ...base,
      reason: 'StillInUse',
      message: `running pods still use the ServiceAccount, without its permissions: ${users}`,
    };
  }
  const failure = trustInStep ? list.want(step) : undefined;
  return {
    ...base,
    reason: failure?.code ?? 'Unlinking',
    message: failure?.message ?? 'the link is being removed',
  };
}

/** Further roles that no target needs any more. */
function removeSurplus(
  world: AccountWorld,
  facts: ClusterFacts,
  roles: readonly ShardedRole[],
  list: StepList,
): void {
  const needed = new Set(roles.map((role) => role.assessment.spec.name));
  const carried = new Set(world.targets.map((target) => target.serviceAccount?.roleArn));
  for (const belief of world.roles.values()) {
    const role = belief.role;
    if (!role || needed.has(role.name) || carried.has(role.arn)) continue;
    if (ownershipOf(role.tags, ownerOf(world.account, facts)) === 'foreign') continue;
    if (belief.source === 'sweep')
      list.want({ kind: 'ReadRole', role: role.name, why: 'no target needs it any more' });
    else if (role.attachedPolicyArns.length > 0) {
      for (const policyArn of role.attachedPolicyArns) {
        list.want({
          kind: 'DetachPolicy',
          role: role.name,
          policyArn,
          why: 'no target needs the role any more',
        });
      }
    } else list.want({ kind: 'DeleteRole', role: role.name });
  }
}

/** One row per listed policy; with several roles the worst of them counts. */
function mergedPolicyRows(
  arns: readonly string[],
  refused: RoleAssessment['policies'],
  roles: readonly ShardedRole[],
): RoleAssessment['policies'] {
  const rows = [...refused, ...roles.flatMap((role) => role.assessment.policies)];
  return arns.map((arn) => {
    const ofArn = rows.filter((row) => row.arn === arn);
    return (
      ofArn.find((row) => !row.attached) ??
      ofArn[0] ?? { arn, attached: false, reason: 'TooManyPolicies', message: 'is not attached' }
    );
  });
}

/** The role each target has now, by its ServiceAccount's annotation and else by our own status. */
function previousShards(world: AccountWorld, facts: ClusterFacts): ReadonlyMap<string, number> {
  const shards = new Map<string, number>();
  for (const target of world.targets) {
    const arn =
      target.serviceAccount?.roleArn ??
      world.account.status?.targets?.find((row) => row.name === target.name)?.roleArn;
    const index = arn === undefined ? undefined : accountRoleIndex(world.account, facts, roleNameOf(arn));
    if (index !== undefined) shards.set(target.name, index);
  }
  return shards;
}

/** Every role that this account may have in IAM: by name, and those whose tags name it. */
function roleNamesOf(world: AccountWorld, facts: ClusterFacts): readonly string[] {
  return [...new Set([...accountRoleNames(world.account, facts), ...world.roles.keys()])].sort();
}

function describeUser(target: TargetObservation, user: AccountUser): string {
  return `${target.name}/${user.pod}${user.workload === undefined ? '' : ` (${user.workload})`}`;
}

function listing(items: readonly string[]): string {
  const shown = items.slice(0, 5).join(', ');
  return items.length > 5 ? `${shown} and ${items.length - 5} more` : shown;
}

function accountInUse(
  world: AccountWorld,
  status: LinkedServiceAccountStatus,
  message: string,
): LinkedServiceAccountStatus {
  return { ...status, conditions: blockedStatus(world, 'InUse', message).conditions };
}

function done(list: StepList, status: LinkedServiceAccountStatus, drift: readonly string[]): AccountPlan {
  return {
    steps: list.steps,
    status,
    drift,
    ...(list.lookAgainAt === undefined ? {} : { lookAgainAt: list.lookAgainAt }),
  };
}
