/** Context of the plan for one target: the observed state, and the account's roles, which are planned first. */
import type { IdentityMode } from '../../api/index.ts';
import { defined } from '../../k8s/defined.ts';
import type { TargetsByMode } from '../desired/role.ts';
import type { DesiredStatements } from '../desired/statements.ts';
import { trustForNamespace } from '../desired/trust.ts';
import type {
  AccountWorld,
  CachedRole,
  ClusterFacts,
  ObservedAssociation,
  ObservedRole,
} from '../state/world.ts';
import type { RoleAssessment } from './role.ts';
import type { Step } from '../steps/step.ts';
import type { StepList } from './step-list.ts';

export type ServingRole = {
  readonly targets: TargetsByMode;
  readonly policyArns: readonly string[];
  readonly statements: DesiredStatements;
  readonly assessment: RoleAssessment;
};

/** Switch slot: `holder` is the target that currently switches its identity mode. Only one target switches at a time. */
export type SwitchSlot = { holder: string | undefined };

export type TargetContext = {
  readonly world: AccountWorld;
  readonly facts: ClusterFacts;
  readonly list: StepList;
  readonly roles: readonly ServingRole[];
  readonly slot: SwitchSlot;
};

export type AssignedRole = {
  readonly assessment: RoleAssessment;
  readonly role: ObservedRole;
  readonly cachedRole: CachedRole;
};

export function assessmentOf(
  { roles }: TargetContext,
  mode: IdentityMode,
  target: string,
): RoleAssessment | undefined {
  return roles.find(({ targets }) => targets[mode].includes(target))?.assessment;
}

export function assignedRole(
  context: TargetContext,
  mode: IdentityMode,
  target: string,
): AssignedRole | undefined {
  const assessment = assessmentOf(context, mode, target);
  return assessment?.role && assessment.cached
    ? { assessment, role: assessment.role, cachedRole: assessment.cached }
    : undefined;
}

/** Whether the role's trust policy is already as desired for the target's pods with Pod Identity. */
export function isNamed({ assessment, role }: AssignedRole, target: string): boolean {
  return (
    trustForNamespace(role.trustPolicy, target) === trustForNamespace(assessment.spec.trustPolicy, target)
  );
}

export function sinceOurWrite(world: AccountWorld, { cachedRole }: AssignedRole): number {
  return cachedRole.source === 'write' ? world.now - (cachedRole.trustWrittenAt ?? -Infinity) : Infinity;
}

/** Step that confirms that new pods get the assigned role in this mode. `association`: the expected association, if any. */
export function confirmationStep(
  target: string,
  mode: IdentityMode,
  { assessment, role }: AssignedRole,
  proofKey: string,
  association?: ObservedAssociation,
): Step {
  const { trustPolicy } = assessment.spec;
  const expected = { role: role.name, roleArn: role.arn, trustPolicy, ...defined({ association }) };
  return { kind: 'ConfirmAssociation', target, mode, ...expected, proofKey };
}
