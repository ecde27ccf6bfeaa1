/** Status rows of the listed policies, merged across the account's roles. */
import type { AccountWorld, ClusterFacts } from '../state/world.ts';
import { stillAttached, unattached } from './policies.ts';
import { isUnread, type RoleAssessment } from './role.ts';
import type { ServingRole } from './target-context.ts';

/** Rows of refused policies. A refused policy that is still attached to a role is reported as attached. */
export function refusedRows(
  refused: RoleAssessment['policies'],
  roles: readonly ServingRole[],
  facts: ClusterFacts,
): RoleAssessment['policies'] {
  const isKept = (arn: string): boolean =>
    roles.some(
      ({ policyArns, assessment: { role } }) =>
        policyArns.includes(arn) && role?.attachedPolicyArns.includes(arn) === true,
    );
  return refused.map((row) =>
    row.reason === 'PolicyNotAllowed' && isKept(row.arn) ? stillAttached(row, facts) : row,
  );
}

/** One row per listed policy. If the account has several roles, the row shows the worst state among them. */
export function mergedPolicyRows(
  arns: readonly string[],
  refused: RoleAssessment['policies'],
  roles: readonly ServingRole[],
): RoleAssessment['policies'] {
  const rows = roles.flatMap((role) => role.assessment.policies);
  return arns.map((arn) => {
    const refusal = refused.find((row) => row.arn === arn);
    if (refusal) return refusal;
    const ofArn = rows.filter((row) => row.arn === arn);
    return (
      ofArn.find((row) => !row.attached) ??
      ofArn[0] ??
      unattached(arn, { reason: 'TooManyPolicies', message: 'is not attached' })
    );
  });
}

/**
 * Until the role has been read, keeps the `attached` field of each policy from the last status. The field later decides
 * which policies may be detached.
 */
export function asLastRead(
  { account }: AccountWorld,
  roles: readonly ServingRole[],
  rows: RoleAssessment['policies'],
): RoleAssessment['policies'] {
  const unread = roles.find(({ assessment }) => isUnread(assessment))?.assessment;
  if (!unread) return rows;
  const attached = new Set(
    (account.status?.policies ?? []).filter((row) => row.attached).map((row) => row.arn),
  );
  const { reason = 'CreatingRole', message = '' } = unread.problem ?? {};
  return rows.map((row) => {
    if (row.attached || !attached.has(row.arn)) return row;
    return row.reason === 'PolicyNotAllowed'
      ? { ...row, attached: true }
      : { ...row, attached: true, reason, message: `was attached when the role was last read: ${message}` };
  });
}
