/** Requires explicit consent to an operator that can grant unlimited AWS permissions. */
import { isRolePath } from '../../api/cluster-config.ts';
import { policyArn, type LinkedServiceAccount } from '../../api/linked-service-account.ts';
import {
  keysNotAdmitted,
  operatorPolicy,
  unboundedOperator,
  type OperatorPolicyOptions,
  type PolicyDocument,
} from '../../identity/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import { CliError, usageError } from '../framework/errors.ts';

/** Describes the consequences of `--unbounded`. `kon doctor` repeats this warning while the operator is unbounded. */
export const worthOfCredentials = (policy: string): string =>
  `the operator's AWS credentials control the AWS account: whoever has them can create a role with ${policy} that any principal may assume`;

/**
 * @returns a warning to print if the operator is unlimited and `unbounded` accepts this
 * @throws CliError of code USAGE if the operator is unlimited and `unbounded` is false
 */
export function checkFence(options: OperatorPolicyOptions, unbounded: boolean): string | undefined {
  const found = unboundedOperator(options);
  if (!found) return undefined;
  if (unbounded) return `Warning: ${worthOfCredentials(found.policy)} (${found.why})\n`;
  throw new CliError('USAGE', `nothing limits what the operator can grant: ${found.why}`, {
    details: [`Then ${worthOfCredentials(found.policy)}.`],
    next: [
      'Limit every role by a permissions boundary: --boundary ARN',
      "Or name the policies that accounts may list: --allow-policy 'arn:aws:iam::aws:policy/AmazonS3*'",
      'If a ClusterConfig exists: set permissionsBoundaryArn or allowedPolicyArns in spec.aws of the ClusterConfig',
      'Or accept an operator without limits: --unbounded',
    ],
  });
}

/** @throws CliError of code INVALID when the ClusterConfig has a role path that an earlier version accepted */
export function fencedPolicy(options: OperatorPolicyOptions): PolicyDocument {
  if (!isRolePath(options.rolePath))
    throw new CliError('INVALID', `the role path "${options.rolePath}" of the ClusterConfig limits nothing`, {
      details: ['The operator could change or pass roles of others.'],
      next: [
        'Set spec.aws.rolePath to a path that only this cluster uses, for example /konstellation/main/.',
      ],
    });
  return operatorPolicy(options);
}

/** Returns one line about accounts whose tag keys the operator's policy does not permit. */
export function tagKeysWarning(
  accounts: readonly (KubeObject & Pick<LinkedServiceAccount, 'spec'>)[],
  { tagKeys = [] }: Pick<OperatorPolicyOptions, 'tagKeys'>,
): string | undefined {
  const outside = accounts.flatMap(({ metadata, spec }) => {
    const keys = keysNotAdmitted(spec.aws.tags, tagKeys);
    return keys.length > 0 ? [`${metadata.name} (${keys.join(', ')})`] : [];
  });
  return outside.length === 0
    ? undefined
    : `Warning: AWS will deny these tags of accounts, because the ClusterConfig does not allow their keys: ${outside.join('; ')}; add the keys to spec.aws.allowedTagKeys\n`;
}

/** @throws CliError of code USAGE */
export function checkBoundaryArn(option: string, arn: string | undefined): void {
  if (arn === undefined || policyArn.safeParse(arn).success) return;
  throw usageError(
    `"${arn}" is not the ARN of a managed policy`,
    `Pass the ARN of a managed policy with ${option}, for example arn:aws:iam::123456789012:policy/boundary.`,
  );
}
