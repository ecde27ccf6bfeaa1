/** Permissions and targets that an operator would remove according to a given version of the account. */
import {
  detachDisallowedAnnotation,
  type ClusterConfig,
  type LinkedServiceAccount,
} from '../../../src/api/index.ts';
import { listedArns } from '../listed-arns.ts';
import { policiesPerRole } from '../simulated-aws.ts';

/** A version of an account. `undefined` stands for an account that does not exist. */
type Version = LinkedServiceAccount | undefined;

export const isDeleting = (account: Version): boolean =>
  !account || account.metadata.deletionTimestamp !== undefined;

export function isAllowed(arn: string, config: ClusterConfig): boolean {
  const patterns = config.spec.aws.allowedPolicyArns;
  return patterns === undefined || patterns.includes(arn);
}

/** Whether an operator that sees this version of the account, and one of the ClusterConfigs, would detach the policy. */
export function dropsPolicy(account: Version, arn: string, configs: readonly ClusterConfig[]): boolean {
  if (!account || isDeleting(account)) return true;
  const policyArns = listedArns(account.spec.aws);
  const isTooLong = (config: ClusterConfig): boolean =>
    policyArns.filter((listed) => isAllowed(listed, config)).length > policiesPerRole;
  if (configs.every(isTooLong)) return false;
  const isConsented = (config: ClusterConfig): boolean =>
    !isAllowed(arn, config) && config.metadata.annotations?.[detachDisallowedAnnotation] !== undefined;
  return !policyArns.includes(arn) || configs.some(isConsented);
}

/**
 * Whether this version of the account is being deleted or does not have the namespace as a target, or a version of the
 * ClusterConfig does not list the namespace.
 */
export const lacksTarget = (
  account: Version,
  namespace: string,
  configs: readonly ClusterConfig[],
): boolean =>
  isDeleting(account) ||
  account?.spec.targets?.includes(namespace) === false ||
  configs.some(({ spec }) => !spec.targets.includes(namespace));

/** Whether an operator that sees this version of the account would link its pods by Pod Identity associations. */
export const usesPodIdentity = (account: Version, configs: readonly ClusterConfig[]): boolean =>
  configs.some(({ spec }) => (account?.spec.aws.identityMode ?? spec.aws.identityMode) === 'PodIdentity');
