/** What the plan for one target is made from. */
import type { IdentityMode } from '../../api/index.ts';
import type { Claims } from './trusted-targets.ts';
import type { RoleAssessment } from './role.ts';
import type { StepList } from './step-list.ts';
import { trustSeenBy } from '../desired/trust.ts';
import type { AccountWorld, ClusterFacts, ObservedRole, RoleBelief } from '../state/world.ts';

export type ServingRole = {
  readonly claims: Claims;
  readonly policyArns: readonly string[];
  readonly assessment: RoleAssessment;
};

/** Who goes over from one mode to the other now: one target at a time. */
export type Turn = { holder: string | undefined };

export type TargetContext = {
  readonly world: AccountWorld;
  readonly facts: ClusterFacts;
  readonly list: StepList;
  readonly roles: readonly ServingRole[];
  readonly turn: Turn;
};

export type Home = {
  readonly assessment: RoleAssessment;
  readonly role: ObservedRole;
  readonly belief: RoleBelief;
};

export function assessmentOf(
  { roles }: TargetContext,
  mode: IdentityMode,
  target: string,
): RoleAssessment | undefined {
  return roles.find(({ claims }) => claims[mode].includes(target))?.assessment;
}

export function homeOf(context: TargetContext, mode: IdentityMode, target: string): Home | undefined {
  const assessment = assessmentOf(context, mode, target);
  return assessment?.role && assessment.belief
    ? { assessment, role: assessment.role, belief: assessment.belief }
    : undefined;
}

/** Whether the role's trust policy lets pods of the target in through Pod Identity, as it should. */
export function isNamed({ assessment, role }: Home, target: string): boolean {
  return trustSeenBy(role.trustPolicy, target) === trustSeenBy(assessment.spec.trustPolicy, target);
}

export function sinceOurWrite(world: AccountWorld, { belief }: Home): number {
  return belief.source === 'write' ? world.now - (belief.trustWrittenAt ?? -Infinity) : Infinity;
}
