/**
 * The inline policy of a role with the account's statements: one write per change, and never without the permissions
 * boundary.
 */
import type { StatementsStatus } from '../../api/index.ts';
import { hasStatements, inlinePolicyName, type DesiredStatements } from '../desired/statements.ts';
import { sameDocument } from '../desired/trust.ts';
import type { ObservedRole, RoleSpec } from '../state/world.ts';
import { problemOr, type StepList } from './step-list.ts';
import { isTransient } from './policies.ts';

export type StatementsPlan = {
  /** Row of the status; absent if neither the account nor the role has statements. */
  readonly row?: StatementsStatus;
  /** Whether detachments have to wait, because the statements may replace the policies. */
  readonly isAwaited: boolean;
};

/** Whether the inline policy differs from the desired one. */
export function statementsDiffer(role: ObservedRole, desired: DesiredStatements): boolean {
  if (desired.kind === 'document')
    return role.inlinePolicy === undefined || !sameDocument(role.inlinePolicy, desired.document);
  return desired.kind === 'none' && hasStatements(role);
}

/** Writes the statements. `planRemovedStatements` removes them, after attachments that may replace them. */
export function planStatements(
  list: StepList,
  role: ObservedRole,
  { permissionsBoundaryArn }: RoleSpec,
  desired: DesiredStatements,
): StatementsPlan {
  switch (desired.kind) {
    case 'none':
      return { isAwaited: false };
    case 'refused':
      return { row: { applied: false, ...desired.problem }, isAwaited: false };
    case 'document': {
      if (!statementsDiffer(role, desired)) return { row: { applied: true }, isAwaited: false };
      if (role.permissionsBoundaryArn !== permissionsBoundaryArn) {
        const message = 'the statements wait for the permissions boundary of the role';
        return { row: { applied: false, reason: 'AttachingPolicies', message }, isAwaited: true };
      }
      const step = { kind: 'PutInlinePolicy', role: role.name, document: desired.document } as const;
      const failure = list.addStep(step);
      const problem = problemOr(failure, 'AttachingPolicies', 'the statements are being written');
      return { row: { applied: false, ...problem }, isAwaited: !failure || isTransient(failure.code) };
    }
  }
}

/** @param isAwaited whether attachments have to be made first */
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

/** Description of an out-of-band change of the inline policy. @param wasApplied whether the status reports it as applied */
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
