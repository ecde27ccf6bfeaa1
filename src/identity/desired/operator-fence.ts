/** Limits on the permissions that the operator's AWS credentials can give to a role. */
import { matchesPattern, partitionOf } from './arn.ts';
import type { OperatorPolicyOptions } from './operator-policy.ts';

/**
 * Managed policies whose holder has all permissions in an AWS account, or can grant them to itself.
 * https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
 */
const administratorPolicies = ['AdministratorAccess', 'IAMFullAccess', 'PowerUserAccess'] as const;

/** Whether a boundary is one of the administrator policies, and therefore limits nothing. */
export function limitsNothing(boundaryArn: string): boolean {
  return administratorPolicies.some((name) => boundaryArn.endsWith(`:iam::aws:policy/${name}`));
}

/**
 * Finding: a holder of the operator's credentials could create a role with the managed policy `policy`, and let any
 * principal assume the role. `why` names the missing limit.
 */
export type Unbounded = { readonly policy: string; readonly why: string };

/**
 * Checks whether the required boundary or the list of allowed policies limits the operator. One of the two limits is sufficient:
 * a boundary limits every role, and a list of allowed policies limits which policies a role can have. If accounts may have
 * statements, only a boundary is sufficient, because the list does not limit inline policies.
 *
 * @returns undefined if the operator is limited
 */
export function unboundedOperator(
  of: Pick<
    OperatorPolicyOptions,
    'clusterArn' | 'permissionsBoundaryArns' | 'allowedPolicyArns' | 'statements'
  >,
): Unbounded | undefined {
  const administrators = administratorPolicies.map(
    (name) => `arn:${partitionOf(of.clusterArn)}:iam::aws:policy/${name}`,
  );
  const [boundary] = (of.permissionsBoundaryArns ?? []).filter((arn) => administrators.includes(arn));
  if (of.permissionsBoundaryArns?.length && boundary === undefined) return undefined;
  const bounds =
    boundary === undefined
      ? 'no permissions boundary is required'
      : `the permissions boundary ${boundary} limits nothing`;
  const { allowedPolicyArns } = of;
  const policy = boundary ?? administrators[0] ?? '';
  if (of.statements === true)
    return { policy, why: `${bounds}, and accounts may have statements (allowStatements)` };
  if (!allowedPolicyArns)
    return { policy, why: `${bounds}, and accounts may list any policy (allowedPolicyArns is not set)` };
  for (const arn of administrators) {
    const pattern = allowedPolicyArns.find((allowed) => matchesPattern(arn, allowed));
    if (pattern !== undefined)
      return {
        policy: arn,
        why: `${bounds}, and the pattern "${pattern}" in allowedPolicyArns matches ${arn}`,
      };
  }
  return undefined;
}
