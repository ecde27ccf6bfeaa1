/**
 * Plan for the inline policy with the account's statements. Each change is one write. The policy is never written to a role
 * without the desired permissions boundary.
 */
import type { StatementsStatus } from '../../api/index.ts';
import { defined } from '../../k8s/defined.ts';
import { hasStatements, inlinePolicyName, type DesiredStatements } from '../desired/statements.ts';
import { sameDocument } from '../desired/trust.ts';
import type { ObservedRole, Problem, RoleSpec } from '../state/world.ts';
import { problemOr, type StepList } from './step-list.ts';
import { isTransient } from './policies.ts';

export type StatementsPlan = {
  /** Row of the status; absent if neither the account nor the role has statements. */
  readonly row?: StatementsStatus;
  /** Whether policies must not be detached until the statements, which may replace them, have been written. */
  readonly isAwaited: boolean;
};

/** Whether the role's inline policy differs from the desired statements. */
export function statementsDiffer(role: ObservedRole, desired: DesiredStatements): boolean {
  if (desired.kind === 'document')
    return role.inlinePolicy === undefined || !sameDocument(role.inlinePolicy, desired.document);
  return desired.kind === 'none' && hasStatements(role);
}

/**
 * Plans the write of the statements. `planRemovedStatements` plans the removal of statements, after the attachment of
 * policies that may replace them.
 */
export function planStatements(
  list: StepList,
  role: ObservedRole,
  { permissionsBoundaryArn }: RoleSpec,
  desired: DesiredStatements,
): StatementsPlan {
  if (desired.kind !== 'document' || !statementsDiffer(role, desired))
    return { ...defined({ row: statementsRow(desired) }), isAwaited: false };
  if (role.permissionsBoundaryArn !== permissionsBoundaryArn) {
    const message = 'the statements are written after the permissions boundary of the role has been set';
    return { row: { applied: false, reason: 'AttachingPolicies', message }, isAwaited: true };
  }
  const step = { kind: 'PutInlinePolicy', role: role.name, document: desired.document } as const;
  const failure = list.addStep(step);
  const problem = problemOr(failure, 'AttachingPolicies', 'the statements are being written');
  return { row: { applied: false, ...problem }, isAwaited: !failure || isTransient(failure.code) };
}

/**
 * Status row of the statements; undefined if the account has none.
 *
 * @param problem reason why the statements are not written yet (default: they are written). If the statements are
 * refused, the row reports the refusal instead.
 */
export function statementsRow(desired: DesiredStatements, problem?: Problem): StatementsStatus | undefined {
  if (desired.kind === 'none') return undefined;
  const why = desired.kind === 'refused' ? desired.problem : problem;
  return why ? { applied: false, ...why } : { applied: true };
}

/** @param isAwaited whether policies have to be attached before the statements are removed */
export function planRemovedStatements(
  list: StepList,
  role: ObservedRole,
  desired: DesiredStatements,
  isAwaited: boolean,
): StatementsStatus | undefined {
  if (desired.kind !== 'none' || !hasStatements(role)) return undefined;
  const failure = isAwaited
    ? undefined
    : list.addStep({ kind: 'DeleteInlinePolicy', role: role.name, policyName: inlinePolicyName });
  return { applied: false, ...problemOr(failure, 'AttachingPolicies', 'the statements are being removed') };
}

/** Description of an out-of-band change of the inline policy. @param wasApplied whether the status reports the statements as applied */
export function statementsDrift(
  role: ObservedRole,
  desired: DesiredStatements,
  wasApplied: boolean,
): readonly string[] {
  if (!statementsDiffer(role, desired)) return [];
  if (desired.kind === 'none') return [`the inline policy ${inlinePolicyName} was added`];
  if (!wasApplied) return [];
  return [
    `the inline policy ${inlinePolicyName} was ${role.inlinePolicy === undefined ? 'removed' : 'changed'}`,
  ];
}
