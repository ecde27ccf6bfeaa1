/**
 * Context of the plan for one target: the observed state, and the account's roles, which are planned first. Also the
 * status rows of a target whose pods get the role, that waits, or that switches its identity mode.
 */
import type { IdentityMode, TargetStatus } from '../../api/index.ts';
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
  Problem,
  TargetObservation,
} from '../state/world.ts';
import { knownByAssociation, knownOf } from './proofs.ts';
import type { RoleAssessment } from './role.ts';
import type { TargetRow } from './status.ts';
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

/** Whether the part of the role's trust policy that affects the target's Pod Identity pods is already as desired. */
export function isNamed({ assessment, role }: AssignedRole, target: string): boolean {
  return (
    trustForNamespace(role.trustPolicy, target) === trustForNamespace(assessment.spec.trustPolicy, target)
  );
}

export function sinceOurWrite(world: AccountWorld, { cachedRole }: AssignedRole): number {
  return cachedRole.source === 'write' ? world.now - (cachedRole.trustWrittenAt ?? -Infinity) : Infinity;
}

export function initialRow(observation: TargetObservation): TargetRow {
  return { name: observation.name, pods: observation.pods, wanted: true, linked: false, proven: false };
}

/**
 * Row of a target whose pods get their role by the association. The row contains the proof or confirmation that this
 * process has, if it is valid.
 */
export function rowByAssociation(
  context: TargetContext,
  observation: TargetObservation,
  association: ObservedAssociation,
): TargetRow {
  const { world } = context;
  const { name, serviceAccount } = observation;
  const assigned = assignedRole(context, 'PodIdentity', name);
  const roleArn = assigned?.role.arn ?? association.details?.roleArn;
  const carried = {
    ...initialRow(observation),
    identityMode: 'PodIdentity' as const,
    linked: true,
    ...defined({ roleArn }),
  };
  if (!assigned || !serviceAccount) return carried;
  const { key, ...known } = knownByAssociation(world, name, assigned.role, serviceAccount, association);
  return { ...carried, ...known, proofKey: key };
}

/** Row as last written to the status, but with the proofs of this process. It is used if no newer state is known. */
export function rowFromStatus(world: AccountWorld, observation: TargetObservation): TargetRow {
  const before = statusRow(world, observation.name);
  if (!before) return initialRow(observation);
  const { identityMode, roleArn, linked, proofKey } = before;
  return {
    ...initialRow(observation),
    linked,
    ...knownOf(world, before),
    ...defined({ identityMode, roleArn, proofKey }),
  };
}

export function statusRow(world: AccountWorld, target: string): TargetStatus | undefined {
  return world.account.status?.targets?.find((entry) => entry.name === target);
}

/**
 * Problem of a target during a switch of its mode. Mere progress is reported with the reason `SwitchingMode`, an error with its
 * own reason.
 */
export function switching({ reason, message }: Problem, to: IdentityMode): Problem {
  return {
    reason: reasonsOfProgress.has(reason) ? 'SwitchingMode' : reason,
    message: `switches to ${to}: ${message}`,
  };
}

const reasonsOfProgress: ReadonlySet<Problem['reason']> = new Set([
  'Linking',
  'Proving',
  'UpdatingRole',
  'Associating',
  'CreatingRole',
]);

export function waitsForSwitch(holder: string): Problem {
  return { reason: 'SwitchingMode', message: `${holder} switches first` };
}

export const waitsForRole: Problem = { reason: 'CreatingRole', message: 'waits for the role' };

export const writingTrust: Problem = {
  reason: 'UpdatingRole',
  message: 'the trust policy is being written',
};

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
